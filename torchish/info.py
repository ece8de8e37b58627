"""Questions about tensors and types.

In: tensors, dtypes.  Out: booleans, dtypes, numbers.
"""
from __future__ import annotations

from typing import Any

from . import dtypes
from .tensor import Tensor

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "is_storage", "is_tensor", "numel", "result_type", "typename"]


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage: torchish has none to hand out."""
    return False


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating one."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(input)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def typename(obj: Any) -> str:
    """The type's name as torch writes it."""
    if isinstance(obj, Tensor):
        return obj.type()
    module = type(obj).__module__
    name = type(obj).__qualname__
    return name if module in ("builtins", "") else f"{module}.{name}"


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype that an arithmetic op of the two would compute in."""
    tensors = [(x.dtype, x.ndim) for x in (tensor1, tensor2) if isinstance(x, Tensor)]
    return dtypes.result_dtype(tensors, [x for x in (tensor1, tensor2) if not isinstance(x, Tensor)])
