"""Moving a module: `to`, `cpu`, `cuda`, `float`, `half`, ... change the dtype or device of parameters and buffers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import __future__
from .. import api as torch
from ..convert import parse_to
from ..errors import NO_DATA
from ..tensor import Tensor
from ..warned import warn
from .parameter import Parameter

__all__ = ["Convert"]


_COMPLEX = ("Complex modules are a new feature under active development whose design may change, and some modules might not work "
            "as expected when using complex tensors as parameters or buffers. Please file an issue at "
            "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work as expected.")


def _anew(param: Tensor, data: Tensor, fn: Callable[[Tensor], Tensor]) -> Parameter:
    """Another parameter, with the value `data`, instead of a changed one."""
    with torch.no_grad():
        new = Parameter(data, param.requires_grad)
        if param.grad is not None:
            new.grad = fn(param.grad.data).requires_grad_(param.grad.requires_grad)
    return new


class Convert:
    """The part of Module that changes what its tensors are made of."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replaces every parameter's data, gradient and buffer by `fn` of it; parameters stay the same objects."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for name, param in self._parameters.items():
            if param is None:
                continue
            if __future__.get_overwrite_module_params_on_conversion() and not __future__.get_swap_module_params_on_conversion():
                self._parameters[name] = _anew(param, fn(param.data), fn)
                continue
            grad = param.grad
            with torch.no_grad():
                data = fn(param)
                if data.is_meta is not param.is_meta:       # a parameter cannot come to have data, or lose it
                    self._parameters[name] = _anew(param, data, fn)
                    continue
                if data is not param:       # what was written in place is counted as a write
                    param.grad = None
                    param.data = data
                if grad is not None:        # the same object, too, as somebody may hold it
                    new = fn(grad)
                    if new is not grad:
                        grad.data = new
            param.grad = grad
        for key, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[key] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Moves to a device and/or casts floating point and complex tensors to a dtype, in place; returns self."""
        dtype, device, copy, layout = parse_to(args, kwargs)
        if copy:
            raise RuntimeError(".to() does not accept copy argument")
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError("nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")
        options = {} if device is None else {"device": torch.device(device)}
        if dtype is not None and dtype.is_complex:
            warn(_COMPLEX)

        def convert(t: Tensor) -> Tensor:
            more = {} if dtype is None or not (t.is_floating_point() or t.is_complex()) else {"dtype": dtype}
            if layout is not None and t.dim() in (4, 5):
                more["memory_format"] = layout
            try:
                return t.to(**options, **more) if options or more else t
            except NotImplementedError as e:
                if str(e) != NO_DATA:
                    raise
                raise NotImplementedError(f"{e} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving "
                                          "module from meta to a different device.") from None

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

    def share_memory(self) -> Any:
        """Moves all parameters and buffers to shared memory, where they count as being already."""
        for t in [*self.parameters(), *self.buffers()]:     # type: ignore[attr-defined]
            t.share_memory_()
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Moves to `device` without keeping values."""
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)
