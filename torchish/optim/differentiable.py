"""Steps that are part of the graph themselves: `differentiable=True`.

In: the name of a rule of `ops/optim.py`, parameters, gradients and states that may require grad, numbers that may be tensors.
Out: the same results as the op gives, with gradients for all of them.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..from_jax import from_jax
from ..ops.table import TABLE
from ..tensor import Tensor

__all__ = ["rules"]


class _InGraph:
    """The rules with every number as an operand: a number of the step may require grad, and a new one compiles nothing."""

    def __getattr__(self, name: str) -> Callable:
        recorded = from_jax(TABLE[name].fn, name=name.strip("_"))

        def rule(params: list[Tensor], *rest: list[Tensor], **options: Any) -> tuple[Tensor, ...]:
            device = params[0].device
            return recorded(params, *rest, **{key: value.to(device) if isinstance(value, Tensor)
                                              else torch.tensor(value, dtype=torch.float64, device=device) if type(value) is float
                                              else value for key, value in options.items()})
        setattr(self, name, rule)
        return rule


_in_graph = _InGraph()


def rules() -> Any:
    """What holds the rules by name: their ops, or in grad mode (a step runs in it only if it is differentiable) those above."""
    return _in_graph if torch.is_grad_enabled() else torch
