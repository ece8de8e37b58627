"""SparseAdam: Adam for gradients that are sparse tensors, of which there are none here.

In: parameters.  Out: torch's errors: for bad options, and for every gradient, since all are dense.
Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from .driver import check_number, check_one_element
from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam that touches only the rows with a gradient.  Differs from torch: gradients are dense, so `step` refuses them."""

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
        """Refuses the first gradient there is."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if any(p.grad is not None for group in self.param_groups for p in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        return loss
