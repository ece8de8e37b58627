"""Conversions of dtype and device, and constructors in the likeness of a tensor.

In: a tensor and what it is to become.  Out: another tensor (or the same, where nothing changes).
"""
from __future__ import annotations

from typing import Any

from . import dtypes
from .devices import place
from .from_python import known_dtype
from .recorder import hooks

__all__ = ["Convert"]


class Convert:
    """The part of Tensor that converts."""

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """This tensor with another dtype or device: to(dtype), to(device, dtype), to(other), each with copy=, non_blocking=."""
        dtype, device, copy = parse_to(args, kwargs)
        out = self
        if dtype is not None and dtype is not self.dtype:
            out = hooks.to_dtype(out, dtype)
        if device is not None and device != self._node.aval.device:
            out = hooks.move(out, device)
        return out.clone() if copy and out is self else out

    def cpu(self, memory_format: Any = None) -> Any:
        """This tensor on the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        """This tensor on the accelerator that JAX has."""
        return self.to("cuda" if device is None else device)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The legacy type name, or this tensor converted to `dtype` (a dtype or a legacy name)."""
        if dtype is None:
            return f"torch.{'cuda.' if self.is_cuda else ''}{legacy_name(self.dtype)}"
        if isinstance(dtype, str):
            name = dtype.rpartition(".")[2]
            found = next((d for d in dtypes.ALL if legacy_name(d) == name), None)
            if found is None:
                raise ValueError(f"invalid type: '{dtype}'")
            dtype = found
        return self.to(getattr(dtype, "legacy_dtype", dtype))

    def type_as(self, other: Any) -> Any:
        """This tensor with the dtype and device of `other`."""
        return self.to(other)


def legacy_name(d: dtypes.dtype) -> str:
    """FloatTensor and the like."""
    return {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(d.name, dtypes.c_name(d)) + "Tensor"


def parse_to(args: tuple, kwargs: dict) -> tuple[Any, Any, bool]:
    """dtype, device and copy of the arguments of `to`."""
    kwargs = dict(kwargs)
    dtype, device = kwargs.pop("dtype", None), kwargs.pop("device", None)
    other, copy = kwargs.pop("other", None), bool(kwargs.pop("copy", False))
    for ignored in ("non_blocking", "memory_format"):
        kwargs.pop(ignored, None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    flags = 0
    for a in args:
        if isinstance(a, (dtypes.dtype, type)):
            dtype = a
        elif isinstance(a, hooks.tensor):
            other = a
        elif isinstance(a, bool):
            flags += 1
            copy = a if flags == 2 else copy
        elif a is not None:
            device = a
    dtype = known_dtype("to", dtype)
    if other is not None:
        dtype, device = other.dtype, other.device
    if device is not None:
        device = place(device)
    return dtype, device, copy


def _cast(name: str) -> Any:
    target = dtypes.NAMES[name]

    def method(self: Any, memory_format: Any = None) -> Any:
        return self if self.dtype is target else hooks.to_dtype(self, target)
    method.__name__ = name
    method.__doc__ = f"This tensor as torch.{target.name}."
    return method


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool", "cfloat", "cdouble"):
    setattr(Convert, _name, _cast(_name))
Convert.byte, Convert.char = _cast("uint8"), _cast("int8")
