"""torch.autograd.variable: the old name of Tensor.

In: a tensor.  Out: the same tensor.
Source: https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..namespace import namespace
from ..tensor import Tensor
from ..walk import running
from ..warned import warn

__all__ = ["Variable", "VariableMeta"]


class VariableMeta(type):
    """Makes every tensor an instance of Variable."""

    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, Tensor)


class _Engine:
    """What runs backwards."""

    @staticmethod
    def queue_callback(callback: Callable[[], Any]) -> None:
        """Calls `callback()` when the backward that is under way has accumulated its gradients."""
        if not running:
            raise RuntimeError("Final callbacks can only be installed during backward pass.")
        running[-1].final.append(callback)


class Variable(metaclass=VariableMeta):
    """The old name of Tensor: `Variable(x)` is a leaf with the memory of x."""
    _execution_engine = _Engine()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = False,   # type: ignore[misc]
                volatile: bool = False) -> Tensor:
        if volatile:
            warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.")
        if data is None:
            return namespace.empty(0, requires_grad=requires_grad)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach()._require_grad(requires_grad)
