"""torch._utils: what libraries take from PyTorch's own helpers: the accelerator's name and module, one tensor for a list of them.

In: the name of a device; tensors of one dtype.  Out: a module; a flat tensor, and back.
"""
from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from . import api as torch
from .devices import cuda_is_available
from .dtypes import dtype as Dtype
from .missing import missing
from .tensor import Tensor

__all__: list[str] = []


def _get_available_device_type() -> str | None:
    """"cuda" where JAX has an accelerator; else None."""
    return "cuda" if cuda_is_available() else None


def _get_device_module(device_type: str) -> Any:
    """torch.cuda, torch.cpu, and the like. RuntimeError for another name."""
    if device_type not in ("cpu", "cuda", "mps", "mtia", "xpu"):
        raise RuntimeError(f"Device '{device_type}' does not have a corresponding module registered as 'torch.{device_type}'.")
    return import_module(f".{device_type}", __package__)


def _element_size(dtype: Any) -> int:
    """The bytes of one value. RuntimeError where `dtype` is none."""
    if not isinstance(dtype, Dtype):
        raise RuntimeError(f"expected torch.dtype, but got {type(dtype)}")
    return dtype.itemsize


def _is_privateuse1_backend_available() -> bool:
    """False: there is no backend of a third party."""
    return False


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """The elements of all of them, one after the other, in one dimension."""
    return torch.cat([t.reshape(-1) for t in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The pieces of `flat`, shaped as these."""
    pieces = flat.split([t.numel() for t in tensors])
    return tuple(piece.view_as(t) for piece, t in zip(pieces, tensors, strict=True))


__getattr__ = missing("torch._utils", globals())
