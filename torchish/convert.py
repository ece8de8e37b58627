"""Conversions of dtype and device, and constructors in the likeness of a tensor.

In: a tensor and what it is to become.  Out: another tensor (or the same, where nothing changes).
"""
from __future__ import annotations

from typing import Any, overload

from . import dtypes
from .avals import contiguous_strides
from .devices import device as Device
from .devices import place
from .from_python import known_dtype
from .layouts import memory_format, preserve_format
from .recorder import hooks
from .strides import asked, laid, suggested

__all__ = ["Convert", "parse_to"]


class Convert:
    """The part of Tensor that converts."""

    @overload
    def to(self, dtype: Any, non_blocking: bool = False, copy: bool = False, *, memory_format: Any = None) -> Any: ...

    @overload
    def to(self, device: Any = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False, *,
           memory_format: Any = None) -> Any: ...

    @overload
    def to(self, tensor: Any, non_blocking: bool = False, copy: bool = False, *, memory_format: Any = None) -> Any: ...

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """This tensor with another dtype or device: to(dtype), to(device, dtype), to(other), each with copy=, memory_format=."""
        dtype, device, copy, layout = parse_to(args, kwargs)
        out = self
        if dtype is not None and dtype is not self.dtype:
            out = hooks.to_dtype(out, dtype)
        if device is not None and (device := place(device)) != self._node.aval.device:
            out = hooks.move(out, device)
        if layout is not None and layout is not preserve_format:
            wanted = asked(*laid(out._node.aval), layout)       # also where nothing changes: the rank is checked
            if out is not self or copy or suggested(*laid(out._node.aval)) != layout.name:
                same = out is not self and out.stride() == (wanted or contiguous_strides(out.shape))
                return out if same else out.clone(memory_format=layout)
        return out.clone() if copy and out is self else out

    def cpu(self, memory_format: Any = None) -> Any:
        """This tensor on the CPU."""
        return self.to("cpu", memory_format=memory_format)

    def cuda(self, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        """This tensor on the accelerator that JAX has."""
        return self.to("cuda" if device is None else device, memory_format=memory_format)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The legacy type name, or this tensor converted to `dtype` (a dtype or a legacy name)."""
        if dtype is None:
            kind = self.device.type
            return f"torch.{'' if kind == 'cpu' else f'{kind}.'}{legacy_name(self.dtype)}"
        if not isinstance(dtype, (str, type, dtypes.dtype)):
            raise TypeError("dtype must be a type, str, or dtype object")
        if dtype is hooks.tensor or dtype == "torch.Tensor":
            dtype = dtypes.default.float
        if isinstance(dtype, type) and not hasattr(dtype, "legacy_dtype"):
            dtype = dtype.__name__
        if isinstance(dtype, str):
            place_, _, name = dtype.rpartition(".")
            found = next((d for d in dtypes.ALL if legacy_name(d) == name), None) if place_ in ("torch", "torch.cuda") else None
            if found is None:
                raise ValueError(f"invalid type: '{dtype}'")
            dtype = found
        return self.to(getattr(dtype, "legacy_dtype", dtype))

    def type_as(self, other: Any) -> Any:
        """This tensor with the dtype and device of `other`."""
        if not isinstance(other, hooks.tensor):
            raise TypeError(f"type_as(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
        return self.to(other)


def legacy_name(d: dtypes.dtype) -> str:
    """FloatTensor and the like."""
    return {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(d.name, dtypes.c_name(d)) + "Tensor"


# the arguments of each form of `to`, in their order, and what they may be
_TENSOR, _DTYPE = ("tensor", "non_blocking", "copy"), ("dtype", "non_blocking", "copy")
_DEVICE = ("device", *_DTYPE)
_KINDS = {"device": (str, int, Device, type(None)), "dtype": (dtypes.dtype, type, type(None)), "non_blocking": bool, "copy": bool,
          "memory_format": (memory_format, type(None))}


def parse_to(args: tuple, kwargs: dict) -> tuple[Any, Any, bool, Any]:
    """dtype, device, copy and memory format of the arguments of `to`, a tensor's or a module's. TypeError for other arguments."""
    first = args[0] if args else None
    names = _TENSOR if isinstance(first, hooks.tensor) or "tensor" in kwargs else \
        _DTYPE if isinstance(first, (dtypes.dtype, type)) else _DEVICE
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if len(given) < len(args) + len(kwargs):
        raise _wrong(args, kwargs)
    for name, value in given.items():
        if name not in names and name != "memory_format" or \
                not isinstance(value, hooks.tensor if name == "tensor" else _KINDS[name]):
            raise _wrong(args, kwargs)
    other, copy, layout = given.get("tensor"), given.get("copy", False), given.get("memory_format")
    if other is not None:
        return other.dtype, other.device, copy, layout
    return known_dtype("to", given.get("dtype")), given.get("device"), copy, layout


def _wrong(args: tuple, kwargs: dict) -> TypeError:
    def kind(value: Any) -> str:
        return "torch.dtype" if isinstance(value, dtypes.dtype) else type(value).__name__
    got = ", ".join([*map(kind, args), *(f"{k}={kind(v)}" for k, v in kwargs.items())]) + ("" if args else ", ")
    rest = "bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)"
    return TypeError(f"to() received an invalid combination of arguments - got ({got}), but expected one of:\n"
                     f" * (torch.device device = None, torch.dtype dtype = None, {rest}\n * (torch.dtype dtype, {rest}\n"
                     f" * (Tensor tensor, {rest}\n")


def _cast(name: str) -> Any:
    target = dtypes.NAMES[name]

    def method(self: Any, memory_format: Any = None) -> Any:
        if memory_format is not None:
            return self.to(target, memory_format=memory_format)
        return self if self.dtype is target else hooks.to_dtype(self, target)
    method.__name__ = name
    method.__doc__ = f"This tensor as torch.{target.name}."
    return method


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool", "cfloat", "cdouble"):
    setattr(Convert, _name, _cast(_name))
Convert.byte, Convert.char = _cast("uint8"), _cast("int8")
