"""torch.autograd.variable: the old name of Tensor.

In: a tensor.  Out: the same tensor.
Source: https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated
"""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Variable", "VariableMeta"]


class VariableMeta(type):
    """Makes every tensor an instance of Variable."""

    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=VariableMeta):
    """The old name of Tensor: `Variable(x)` is x."""

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:  # type: ignore[misc]
        return data._require_grad(requires_grad) if requires_grad else data
