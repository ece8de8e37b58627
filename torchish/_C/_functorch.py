"""torch._C._functorch: what libraries ask of tensors inside the transforms of torch.func.

In: a tensor.  Out: whether it stands for a batch, or for a value that is being differentiated.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._functorch.vmap import _add_batch_dim, _remove_batch_dim
from ..missing import missing
from ..nested import DIFFERENTIATED, Nested
from ..tape import state
from ..tensor import Tensor

__all__ = ["_add_batch_dim", "_remove_batch_dim", "get_unwrapped", "is_batchedtensor", "is_functorch_wrapped_tensor",
           "is_gradtrackingtensor", "is_legacy_batchedtensor"]


def _around() -> Iterator[Nested]:
    """The functions that are being recorded, the innermost first."""
    at = state.tape.nested
    while at is not None:
        yield at
        at = at.outer.nested


def is_batchedtensor(tensor: Tensor) -> bool:
    """Whether the values of `tensor` differ between the members of a batch of the vmap that runs."""
    return any(at.name == "vmap" and at.is_marked(tensor) for at in _around())


def is_gradtrackingtensor(tensor: Tensor) -> bool:
    """Whether `tensor` was made in, or given to, a function that is being differentiated."""
    return any(at.name in DIFFERENTIATED and at.holds(tensor) for at in _around())


def is_functorch_wrapped_tensor(tensor: Tensor) -> bool:
    """Whether `tensor` is one or the other."""
    return is_batchedtensor(tensor) or is_gradtrackingtensor(tensor)


def get_unwrapped(tensor: Tensor) -> Tensor:
    """The tensor inside a batched one or one that is being differentiated. RuntimeError for others."""
    at = next((at for at in _around() if at.holds(tensor)), None)
    if at is None:
        raise RuntimeError("No wrappers present!")
    return at.unwrap(tensor)


def is_legacy_batchedtensor(tensor: Any) -> bool:
    """False: of PyTorch's first vmap nothing is left."""
    return False


__getattr__ = missing("torch._C._functorch", globals())
