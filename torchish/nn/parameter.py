"""Parameters and buffers: tensors that a Module registers when they are assigned to it.

In: a tensor, or nothing where the shape is not known yet.  Out: a parameter or buffer; a placeholder becomes one, the same object,
by `materialize(shape)`.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedParameter.html
"""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..tensor import Tensor
from ..torch_function import disabled

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


class Parameter(Tensor):
    """A tensor that belongs to a module's `parameters()`; it requires grad unless told otherwise."""
    __torch_function__ = classmethod(disabled)

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        return Tensor._make_subclass(cls, torch.empty(0) if data is None else data, requires_grad)

    def __deepcopy__(self, memo: dict) -> Parameter:
        copy = super().__deepcopy__(memo)
        copy.grad = None                            # as in torch: a copied parameter starts without gradient
        return copy

    def __repr__(self) -> str:
        text = super().__repr__()
        return "Parameter containing:\n" + (text if text.startswith("tensor(") else f"Parameter({text})")


class Buffer(Tensor):
    """A tensor that a module registers as a buffer; it is saved in `state_dict()` if `persistent`."""
    persistent = True
    __torch_function__ = classmethod(disabled)

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        data = torch.empty(0) if data is None else data
        out = Tensor._make_subclass(cls, data, data.requires_grad)
        out.persistent = persistent
        return out


NO_SHAPE = ("Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` when "
            "trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters before "
            "accessing their attributes.")
NO_SHARING = ("Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before "
              "calling `module.share_memory()`.")
NO_CALL = ("Attempted to use an uninitialized parameter in a call that needs its shape. This error happens when you are using a "
           "`LazyModule` or explicitly manipulating `torch.nn.{}` objects. When using LazyModules Call `forward` with a dummy "
           "batch to initialize the parameters before calling torch functions")


class UninitializedTensorMixin:
    """What placeholders share."""

    cls_to_become: type

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Becomes a tensor of `shape` without values."""
        self.data = torch.empty(shape, device=self.device if device is None else device,
                                dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        """Raises: there is none."""
        raise RuntimeError(NO_SHAPE)

    def share_memory_(self) -> Any:
        """Raises: there is none."""
        raise RuntimeError(NO_SHARING)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: what depends on the shape cannot be said yet."""
        raise ValueError(NO_CALL.format(type(self).__name__))

    numel = nelement = dim = ndimension = view = reshape = flatten = __len__ = __add__ = __mul__ = __matmul__ = _refuse

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet."""

    cls_to_become = Tensor
    __torch_function__ = classmethod(disabled)

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None,
                persistent: bool = True) -> UninitializedBuffer:
        return Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)


def is_lazy(param: Any) -> bool:
    """Whether it is a placeholder."""
    return isinstance(param, UninitializedTensorMixin)
