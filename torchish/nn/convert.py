"""Moving a module: `to`, `cpu`, `cuda`, `float`, `half`, ... change the dtype or device of parameters and buffers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..tensor import Tensor

__all__ = ["Convert"]


def _parse_to(args: tuple, kwargs: dict) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format) from the forms of `to`."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    blocking, layout = kwargs.pop("non_blocking", False), kwargs.pop("memory_format", None)
    if "tensor" in kwargs:
        args = (kwargs.pop("tensor"), *args)
    if kwargs:
        raise TypeError(f"to() received an invalid keyword argument {next(iter(kwargs))!r}")
    for value in args:
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, torch.dtype):
            dtype = value
        elif isinstance(value, bool):
            blocking = value
        elif isinstance(value, (str, int, torch.device)):
            device = value
        elif value is not None:
            raise TypeError(f"to() received an invalid combination of arguments - got ({type(value).__name__})")
    return (None if device is None else torch.device(device)), dtype, blocking, layout


class Convert:
    """The part of Module that changes what its tensors are made of."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replaces every parameter's data, gradient and buffer by `fn` of it; parameters stay the same objects."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with torch.no_grad():
                data = fn(param.data)
                grad = None if param.grad is None else fn(param.grad.data).requires_grad_(param.grad.requires_grad)
            param.grad = None
            param.data = data
            param.grad = grad
        for key, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[key] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Moves to a device and/or casts floating point and complex tensors to a dtype, in place; returns self."""
        device, dtype, blocking, layout = _parse_to(args, kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError("nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")

        def convert(t: Tensor) -> Tensor:
            options = {} if device is None else {"device": device}
            if dtype is not None and (t.is_floating_point() or t.is_complex()):
                options["dtype"] = dtype
            if layout is not None and t.dim() in (4, 5):
                options["memory_format"] = layout
            return t.to(non_blocking=blocking, **options) if options else t

        return self._apply(convert)

    def cpu(self) -> Any:
        """Moves all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Any:
        """Moves all parameters and buffers to the accelerator."""
        return self._apply(lambda t: t.cuda(device))

    def type(self, dst_type: Any) -> Any:
        """Casts all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def _cast(self, dtype: Any) -> Any:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self) -> Any:
        """Casts floating point parameters and buffers to float32."""
        return self._cast(torch.float32)

    def double(self) -> Any:
        """Casts floating point parameters and buffers to float64."""
        return self._cast(torch.float64)

    def half(self) -> Any:
        """Casts floating point parameters and buffers to float16."""
        return self._cast(torch.float16)

    def bfloat16(self) -> Any:
        """Casts floating point parameters and buffers to bfloat16."""
        return self._cast(torch.bfloat16)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Moves to `device` without keeping values."""
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)
