"""SparseAdam: Adam for tables of which a step takes few rows (`nn.Embedding(sparse=True)`).

In: parameters.  Out: their rows with a gradient are updated; the others, and what is kept of them, stay as they are.
Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .driver import check_number, check_one_element
from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam that touches only the rows with a gradient.

    Differs from torch: gradients are dense here, so a row counts as taken where its gradient is not zero.
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 maximize: bool = False) -> None:
        check_one_element(lr)
        check_number(lr > 0, "learning rate", lr)
        check_number(eps > 0, "epsilon value", eps)
        check_number(0 <= betas[0] < 1, "beta parameter at index 0", betas[0])
        check_number(0 <= betas[1] < 1, "beta parameter at index 1", betas[1])
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for kind, is_one, why in (("Sparse", lambda p: p.is_sparse, "requires dense parameter tensors"),
                                  ("Complex", lambda p: p.is_complex(), "does not support complex parameters")):
            places = [[i, j] for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"]) if is_one(p)]
            if places:
                raise ValueError(f"{kind} params at indices {places}: SparseAdam {why}")

    def step(self, closure: Callable | None = None) -> Any:
        """One update.  Errors: RuntimeError for a parameter of which nothing has taken rows with `sparse=True`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                given = [p for p in group["params"] if p.grad is not None]
                if not all(p._by_rows for p in given):
                    raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
                for p in given:
                    self._update(p, group)
        return loss

    def _update(self, p: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] += 1
        grad = -p.grad if group["maximize"] else p.grad     # type: ignore[operator]
        taken = (grad != 0).reshape(len(p), -1).any(1).reshape(-1, *(1,) * (p.dim() - 1))
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.add_(torch.where(taken, (1 - beta1) * (grad - mean), 0.0))
        square.add_(torch.where(taken, (1 - beta2) * (grad * grad - square), 0.0))
        size = group["lr"] * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        p.sub_(torch.where(taken, size * mean / (square.sqrt() + group["eps"]), 0.0))
