"""torch._C._functions: backward nodes of PyTorch's core, by the names under which they are asked for.

In: tensors.  Out: the same values, with such a node.
"""
from __future__ import annotations

from typing import Any

from ..autograd.function import Function
from ..grad_fn import AccumulateGrad
from ..missing import missing
from ..tensor import Tensor

__all__ = ["AccumulateGrad", "DelayedError", "UndefinedGrad"]


def _copies(tensors: tuple[Tensor, ...]) -> Any:
    return tuple(x.clone() for x in tensors) if len(tensors) > 1 else tensors[0].clone()


class _Undefined(Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Any:
        return _copies(tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        return (None,) * len(cotangents)


class UndefinedGrad:
    """UndefinedGrad()(*tensors): the tensors, and no gradient goes back through them."""

    def __call__(self, *tensors: Tensor) -> Any:
        """The same values: one tensor, or a tuple."""
        return _Undefined.apply(*tensors)


class _Delayed(Function):
    @staticmethod
    def forward(ctx: Any, message: str, *tensors: Tensor) -> Any:
        ctx.message = message
        return _copies(tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        raise RuntimeError(ctx.message)


class DelayedError:
    """DelayedError(message, n)(*tensors): the n tensors; a backward through one of them raises RuntimeError(message)."""

    def __init__(self, message: str, num_inputs: int) -> None:
        self.message, self.num_inputs = message, num_inputs

    def __call__(self, *tensors: Tensor) -> Any:
        """The same values: one tensor, or a tuple."""
        return _Delayed.apply(self.message, *tensors)


__getattr__ = missing("torch._C._functions", globals())
