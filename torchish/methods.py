"""Methods of Tensor that are Python's or numpy's side of an op, and those that only have a meaning for other layouts.

In: tensors.  Out: tensors, written in terms of the derived methods.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .creation import from_array
from .dtypes import FLOAT
from .ops.check import need_number
from .ops.into import PLAIN
from .recorder import hooks
from .storage import in_place
from .tensor import Tensor
from .torch_function import DisableTorchFunction
from .wiring import spaces  # noqa: F401  makes the operators

__all__: list[str] = []


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """The main diagonal set to one number; with `wrap` it starts again below a tall matrix."""
    value = need_number("fill_diagonal_", "fill_value", 1, fill_value)
    return in_place(self, hooks.public["_fill_diagonal"](self, value, wrap), PLAIN)


def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """This tensor: all are dense."""
    return self if dtype is None else self.to(dtype)


def as_subclass(self: Tensor, cls: type) -> Any:
    """This tensor as one of class `cls`, with the same storage and history."""
    if not isinstance(cls, type):
        raise TypeError(f"cls must be a type (got {type(cls).__name__})")
    if not issubclass(cls, Tensor):
        raise TypeError("Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your "
                        "class inherits from Tensor.")
    with DisableTorchFunction():        # it is one call to modes, too
        found = self.detach() if self.is_sparse else self[...]
    found.__class__ = cls
    return found


def __pos__(self: Tensor) -> Tensor:
    return self.positive()


def __invert__(self: Tensor) -> Tensor:
    if self.dtype.category >= FLOAT:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return self.bitwise_not()


def __reversed__(self: Tensor) -> Tensor:
    return self if self.dim() == 0 else self.flip(0)


def __array_wrap__(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
    return from_array(array.astype(np.uint8) if array.dtype == np.bool_ else array)     # as torch keeps truth for numpy


for _fn in (fill_diagonal_, to_dense, as_subclass, __pos__, __invert__, __reversed__, __array_wrap__):
    _fn.__qualname__ = f"Tensor.{_fn.__name__}"
    setattr(Tensor, _fn.__name__, _fn)
Tensor.is_sparse_csr = False


def _set_grad_fn(self: Tensor, value: None) -> None:
    if value is not None:
        raise RuntimeError("_grad_fn can be only set to None")
    self.detach_()


def _keep(sentence: str) -> Callable[[Tensor], None]:
    """What `del` does to an attribute that stays."""
    def refuse(self: Tensor) -> None:
        raise RuntimeError(sentence)
    return refuse


Tensor._grad_fn = property(lambda self: self.grad_fn, _set_grad_fn,
                           _keep("Deletion of _grad_fn not allowed. Detach tensor instead!"))
Tensor._backward_hooks = property(lambda self: self._hooks, lambda self, hooks: setattr(self, "_hooks", hooks),
                                  _keep("Deletion of _backwards_hooks not allowed!"))
Tensor._post_accumulate_grad_hooks = property(lambda self: self._post_hooks)
Tensor._is_zerotensor = lambda self: False
Tensor._is_all_true, Tensor._is_any_true = Tensor.all, Tensor.any
Tensor.__long__ = Tensor.__int__

Tensor.__div__, Tensor.__rdiv__, Tensor.__idiv__ = Tensor.__truediv__, Tensor.__rtruediv__, Tensor.__itruediv__
