"""Moving a module: `to`, `cpu`, `cuda`, `float`, `half`, ... change the dtype or device of parameters and buffers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import __future__
from .. import api as torch
from ..tensor import Tensor
from .parameter import Parameter

__all__ = ["Convert"]


_FORMS = """, but expected one of:
 * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, \
torch.memory_format memory_format = None)
 * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)
 * (Tensor tensor, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)
"""


def _bad(args: tuple, kwargs: dict) -> TypeError:
    given = [type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in kwargs.items()]
    return TypeError(f"to() received an invalid combination of arguments - got ({', '.join(given)}{', ' * bool(kwargs)}){_FORMS}")


def _parse_to(args: tuple, kwargs: dict) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format) from the forms of `to`."""
    rest, bad = dict(kwargs), _bad(args, kwargs)
    device, dtype = rest.pop("device", None), rest.pop("dtype", None)
    blocking, layout = rest.pop("non_blocking", False), rest.pop("memory_format", None)
    rest.pop("copy", None)
    left = [rest.pop("tensor"), *args] if "tensor" in rest else list(args)
    if rest or (device is not None and not isinstance(device, (str, int, torch.device))):
        raise bad
    if left and isinstance(left[0], Tensor):
        device, dtype = left[0].device, left[0].dtype
        del left[0]
    else:
        if left and isinstance(left[0], (str, int, torch.device)) and not isinstance(left[0], bool):
            device = left.pop(0)
        elif len(left) > 1 and left[0] is None:
            del left[0]
        if left and (left[0] is None or isinstance(left[0], torch.dtype)):
            dtype = left.pop(0)
    if any(not isinstance(value, bool) for value in left) or len(left) > 2:
        raise bad
    if left:
        blocking = left[0]
    return (None if device is None else torch.device(device)), dtype, blocking, layout


def _anew(param: Tensor, fn: Callable[[Tensor], Tensor]) -> Parameter:
    """Another parameter instead of a changed one."""
    with torch.no_grad():
        new = Parameter(fn(param.data), param.requires_grad)
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
                self._parameters[name] = _anew(param, fn)
                continue
            grad = param.grad
            with torch.no_grad():
                data = fn(param.data)
                param.grad = None
                param.data = data
                if grad is not None:        # the same object, too, as somebody may hold it
                    grad.data = fn(grad.data)
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

    def share_memory(self) -> Any:
        """Moves all parameters and buffers to shared memory, where they count as being already."""
        for t in [*self.parameters(), *self.buffers()]:     # type: ignore[attr-defined]
            t.share_memory_()
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Moves to `device` without keeping values."""
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)
