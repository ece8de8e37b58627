"""L-BFGS: a quasi-Newton method that keeps the last steps instead of a matrix.

In: parameters and a closure that evaluates the loss.  Out: up to `max_iter` updates a step.
Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html; Nocedal & Wright, algorithm 7.4
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .driver import check_lr
from .line_search import strong_wolfe
from .optimizer import Optimizer
from .step_history import StepHistory

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """x - t H g, H from the last `history_size` steps; the loss is read at every evaluation."""

    _history: StepHistory | None = None

    def __init__(self, params: Any, lr: float = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
                 tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None) -> None:
        check_lr(lr)
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    # ---- all parameters as one vector ----
    def _gather_flat_grad(self) -> Tensor:
        pieces = [p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in self._params]
        return torch.cat([torch.view_as_real(x).reshape(-1) if x.is_complex() else x for x in pieces])

    def _add_grad(self, step_size: float, direction: Tensor) -> None:
        """Moves the parameters by step_size * direction."""
        start = 0
        for p in self._params:
            real = torch.view_as_real(p) if p.is_complex() else p
            piece = direction[start:start + real.numel()].view_as(real)
            if p.is_complex():
                piece = torch.view_as_complex(piece.contiguous())
            p.add_(piece, alpha=step_size)
            start += real.numel()

    def _evaluate_at(self, closure: Callable[[], float], first: list[Tensor], direction: Tensor) -> Callable:
        """Loss and gradient as a function of the step length; the parameters come back."""
        def evaluate(t: float) -> tuple[float, Tensor]:
            self._add_grad(t, direction)
            loss, grad = closure(), self._gather_flat_grad()
            for p, value in zip(self._params, first):
                p.copy_(value)
            return loss, grad
        return evaluate

    # ---- the direction ----
    def _steps_of(self, state: dict, grad: Tensor, size: int) -> StepHistory:
        """The history that the state's lists show; made anew where the state was loaded."""
        if self._history is None or not self._history.shown_in(state):
            self._history = StepHistory(state, grad, size)
        return self._history

    def _direction(self, state: dict, grad: Tensor, size: int) -> Tensor:
        """-H g; the last step is taken into the history, if the curvature along it is positive."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return grad.neg()
        history = self._steps_of(state, grad, size)
        y, s = grad.sub(state["prev_flat_grad"]), state["d"].mul(state["t"])
        ys = y.dot(s)
        if float(ys) > 1e-10:
            history.add(state, (y, s, 1.0 / ys))
            state["H_diag"] = ys / y.dot(y)
        return history.direction(grad, state["H_diag"])

    def step(self, closure: Callable[[], Any]) -> Any:
        """Up to max_iter updates; `closure` clears the gradients, computes the loss and its gradients, and returns the loss."""
        with torch.no_grad():
            return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:
        def evaluated() -> Any:
            with torch.enable_grad():
                return closure()

        group, state = self.param_groups[0], self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = evaluated()
        loss, grad, evals = float(first_loss), self._gather_flat_grad(), 1
        state["func_evals"] += 1
        if float(grad.abs().max()) <= group["tolerance_grad"]:
            return first_loss
        for k in range(group["max_iter"]):
            last = k == group["max_iter"] - 1
            state["n_iter"] += 1
            state["d"] = d = self._direction(state, grad, group["history_size"])
            state["prev_flat_grad"], before = grad.clone(), loss
            state["prev_loss"] = before
            lr = float(group["lr"])
            state["t"] = min(1.0, 1.0 / float(grad.abs().sum())) * lr if state["n_iter"] == 1 else lr
            slope = float(grad.dot(d))
            if slope > -group["tolerance_change"]:
                break
            loss, grad, count = self._move(group, state, evaluated, loss, grad, slope, last)
            evals += count
            state["func_evals"] += count
            if last or evals >= group["max_eval"] or (count and float(grad.abs().max()) <= group["tolerance_grad"]):
                break
            if float(d.mul(state["t"]).abs().max()) <= group["tolerance_change"] or abs(loss - before) < group["tolerance_change"]:
                break
        return first_loss

    def _move(self, group: dict, state: dict, evaluated: Callable, loss: float, grad: Tensor, slope: float,
              last: bool) -> tuple[float, Tensor, int]:
        """Goes along state["d"] by a fixed step or by a line search: (loss, gradient, evaluations)."""
        kind, d = group["line_search_fn"], state["d"]
        if kind is None:
            self._add_grad(state["t"], d)
            if last:                # the next step evaluates there anyway
                return loss, grad, 0
            return float(evaluated()), self._gather_flat_grad(), 1
        if kind != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        first = [p.clone() for p in self._params]
        evaluate = self._evaluate_at(lambda: float(evaluated()), first, d)
        loss, grad, state["t"], count = strong_wolfe(evaluate, state["t"], d, loss, grad, slope, group["tolerance_change"])
        self._add_grad(state["t"], d)
        return loss, grad, count
