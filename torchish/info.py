"""Questions about tensors and types.

In: tensors, dtypes.  Out: booleans, dtypes, numbers.
"""
from __future__ import annotations

from numbers import Number
from typing import Any, overload

from . import dtypes
from .tensor import Tensor
from .typed_storage import TypedStorage
from .untyped_storage import UntypedStorage

__all__ = ["is_complex", "is_floating_point", "is_nonzero", "is_storage", "is_tensor", "numel", "result_type", "typename"]


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage."""
    return isinstance(obj, (TypedStorage, UntypedStorage))


def _need_tensor(name: str, x: Any) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating one."""
    _need_tensor("is_floating_point", input)
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    _need_tensor("is_complex", input)
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(input)


def numel(input: Tensor) -> int:
    """The number of elements."""
    if not isinstance(input, Tensor):
        raise TypeError(f"numel(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return input.numel()


def typename(obj: Any) -> str:
    """The type's name as torch writes it."""
    if isinstance(obj, Tensor):
        return obj.type()
    of = obj if hasattr(obj, "__qualname__") or hasattr(obj, "__name__") else type(obj)
    module, name = getattr(of, "__module__", None), getattr(of, "__qualname__", None) or of.__name__
    return name if module in ("builtins", None) else f"{module}.{name}"


@overload
def result_type(tensor: Tensor, other: Any) -> dtypes.dtype: ...


@overload
def result_type(scalar: Number, tensor: Tensor) -> dtypes.dtype: ...


@overload
def result_type(scalar1: Number, scalar2: Number) -> dtypes.dtype: ...


def result_type(*args: Any, **named: Any) -> dtypes.dtype:
    """The dtype that an arithmetic op of the two, tensors or numbers, would compute in."""
    names = ({"tensor", "other"}, {"tensor", "scalar"}, {"scalar1", "scalar2"})
    if len(args) + len(named) != 2 or not any(set(named) <= pair for pair in names):
        given = ", ".join([type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in named.items()])
        raise TypeError(f"result_type() received an invalid combination of arguments - got ({given}), but expected one of:\n"
                        " * (Tensor tensor, Tensor other)\n * (Number scalar, Tensor tensor)\n"
                        " * (Tensor tensor, Number other)\n * (Number scalar1, Number scalar2)")
    both = (*args, *named.values())
    tensors = [(x.dtype, x.ndim) for x in both if isinstance(x, Tensor)]
    return dtypes.result_dtype(tensors, [x for x in both if not isinstance(x, Tensor)])
