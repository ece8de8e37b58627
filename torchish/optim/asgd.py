"""Averaged stochastic gradient descent.

In: parameters and gradients.  Out: steps whose size decays, and in the state `ax` the mean of the parameters.
"""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .differentiable import rules
from .driver import Rule, check_implementation, check_lr, check_number, number
from .states import ParamState

__all__ = ["ASGD"]


class ASGD(Rule):
    """p (1 - lambd eta) - eta g with a decaying eta; see torch.optim.ASGD."""

    host_numbers = {"step": 0.0, "eta": 0.0, "mu": 1.0}
    counted_along = ", mus, etas,"

    def __init__(self, params: Any, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
                 capturable: bool = False) -> None:
        check_lr(lr)
        check_number(weight_decay >= 0, "weight_decay value", weight_decay)
        check_implementation(foreach, None, differentiable)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("ax",)

    def _begin(self, p: Tensor, state: ParamState, group: dict, slots: tuple[str, ...]) -> None:
        state.setdefault("step", 0.0)
        state.setdefault("eta", float(number(group["lr"])))
        super()._begin(p, state, group, slots)

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        step, eta, mu = host
        decay = group["weight_decay"]
        values = rules()._asgd(params, grads, states[0], lambd=number(group["lambd"]), eta=eta, mu=mu, weight_decay=number(decay),
                             decay=bool(decay != 0), maximize=group["maximize"])
        lr, lambd, alpha, t0 = (float(group[name]) for name in ("lr", "lambd", "alpha", "t0"))
        step += 1
        return values, (step, lr / (1 + lambd * lr * step) ** alpha, 1 / max(1.0, step - t0))
