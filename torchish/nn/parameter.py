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


class _ByMark(type):
    """The class of Parameter and Buffer: a tensor of a class of its own is one of them, too, by the mark put on it."""

    def __instancecheck__(cls, instance: Any) -> bool:
        mark = vars(cls).get("_mark")               # of these two themselves, not of classes derived from them
        return super().__instancecheck__(instance) \
            or mark is not None and isinstance(instance, Tensor) and getattr(instance, mark, False)


class Parameter(Tensor, metaclass=_ByMark):
    """A tensor that belongs to a module's `parameters()`; it requires grad unless told otherwise.

    Made of a tensor of a class of the user's, it stays one of that class.
    """
    _mark = "_is_param"
    __torch_function__ = classmethod(disabled)

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Any:
        kind = Tensor if data is None else type(data)
        if kind is Tensor or kind is Parameter:
            return Tensor._make_subclass(cls, torch.empty(0) if data is None else data, requires_grad)
        found = data.detach().requires_grad_(requires_grad)     # type: ignore[union-attr]
        if type(found) is not kind:
            raise RuntimeError(f"Creating a Parameter from an instance of type {kind.__name__} requires that detach() returns an "
                               f"instance of the same type, but return type {type(found).__name__} was found instead. To use the "
                               "type as a Parameter, please correct the detach() semantics defined by its __torch_dispatch__() "
                               "implementation.")
        found._is_param = True
        return found

    def __deepcopy__(self, memo: dict) -> Parameter:
        copy = super().__deepcopy__(memo)
        copy.grad = None                            # as in torch: a copied parameter starts without gradient
        return copy

    def __repr__(self) -> str:
        text = super().__repr__()
        return "Parameter containing:\n" + (text if text.startswith("tensor(") else f"Parameter({text})")


class Buffer(Tensor, metaclass=_ByMark):
    """A tensor that a module registers as a buffer; it is saved in `state_dict()` if `persistent`.

    What comes out has the class of `data` and two attributes that tell the module.
    """
    _mark = "_is_buffer"
    __torch_function__ = classmethod(disabled)

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        data = torch.empty(0) if data is None else data
        out = data.detach().requires_grad_(data.requires_grad)
        out.persistent, out._is_buffer = persistent, True
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
    __dict__ = vars(Tensor)["__dict__"]     # this class comes before Tensor

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

    def __copy__(self) -> Any:
        return type(self)(self.requires_grad, self.device, self.dtype)      # type: ignore[attr-defined, call-arg]

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
        out = Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)
        out.persistent, out._is_buffer = persistent, True       # assigned to a module, it is registered
        return out


def is_lazy(param: Any) -> bool:
    """Whether it is a placeholder."""
    return isinstance(param, UninitializedTensorMixin)
