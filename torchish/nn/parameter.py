"""Parameters and buffers: tensors that a Module registers when they are assigned to it."""
from __future__ import annotations

from .. import api as torch
from ..tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that belongs to a module's `parameters()`; it requires grad unless told otherwise."""
    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        return Tensor._make_subclass(cls, torch.empty(0) if data is None else data, requires_grad)

    def __deepcopy__(self, memo: dict) -> Parameter:
        copy = super().__deepcopy__(memo)
        copy.grad = None                            # as in torch: a copied parameter starts without gradient
        return copy

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a module registers as a buffer; it is saved in `state_dict()` if `persistent`."""
    persistent = True

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        data = torch.empty(0) if data is None else data
        out = Tensor._make_subclass(cls, data, data.requires_grad)
        out.persistent = persistent
        return out
