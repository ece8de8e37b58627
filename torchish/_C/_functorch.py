"""torch._C._functorch: what libraries ask of tensors inside the transforms of torch.func.

In: a tensor.  Out: whether it stands for a batch, or for a value that is being differentiated.
"""
from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

from .._functorch.vmap import _add_batch_dim, _remove_batch_dim
from ..missing import missing
from ..nested import DIFFERENTIATED, Nested
from ..tape import state
from ..tensor import Tensor

__all__ = ["CInterpreter", "TransformType", "_add_batch_dim", "_is_vmap_fallback_enabled", "_remove_batch_dim",
           "_set_vmap_fallback_enabled", "get_interpreter_stack", "get_unwrapped", "is_batchedtensor",
           "is_functorch_wrapped_tensor", "is_gradtrackingtensor", "is_legacy_batchedtensor", "maybe_current_level",
           "maybe_get_bdim", "maybe_get_level", "peek_interpreter_stack", "reshape_dim_into", "reshape_dim_outof"]

_fallback = [True]


class TransformType(enum.Enum):
    """What a transform does with its function."""
    Torch = 0
    Vmap = 1
    Grad = 2
    Jvp = 3
    Functionalize = 4


_TYPES = dict.fromkeys(DIFFERENTIATED, TransformType.Grad) | {"vmap": TransformType.Vmap, "jvp": TransformType.Jvp}


class CInterpreter:
    """A transform that is under way."""

    def __init__(self, at: Nested) -> None:
        self._at = at

    def key(self) -> TransformType:
        """Which one."""
        return _TYPES[self._at.name]

    def level(self) -> int:
        """How many are around it, and itself."""
        return self._at.level


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


def maybe_get_level(tensor: Tensor) -> int:
    """The level of the transform that made `tensor`; -1 for others."""
    return next((at.level for at in _around() if at.holds(tensor)), -1)


def maybe_get_bdim(tensor: Tensor) -> int:
    """Where the batch stands in what a tensor inside vmap stands for; -1 for others."""
    at = next((at for at in _around() if at.holds(tensor)), None)
    axis = at.axis_of(tensor) if at is not None and at.name == "vmap" else None
    return -1 if axis is None else axis


def get_interpreter_stack() -> list[CInterpreter] | None:
    """The transforms that are under way, the outermost first; None where there are none."""
    found = [CInterpreter(at) for at in _around() if at.name in _TYPES]
    return found[::-1] or None


def peek_interpreter_stack() -> CInterpreter | None:
    """The innermost transform that is under way."""
    found = get_interpreter_stack()
    return found[-1] if found else None


def maybe_current_level() -> int | None:
    """The level of the innermost transform; None where there is none."""
    top = peek_interpreter_stack()
    return None if top is None else top.level()


def reshape_dim_into(src: int, dst: int, x: Tensor) -> Tensor:
    """The dimension `src` joined with that which is at `dst` without it, in front of its elements: n x m."""
    without = x.movedim(src, 0)
    dst %= x.dim() - 1
    return without.movedim(0, dst).flatten(dst, dst + 1)


def reshape_dim_outof(src: int, size1: int, x: Tensor) -> Tensor:
    """The dimension `src` in two, of which the first has `size1`.  RuntimeError where that does not divide it."""
    src %= x.dim()
    if x.shape[src] and x.shape[src] % size1:
        raise RuntimeError(f"Expected size of dim {src} ({x.shape[src]}) to be a multiple of {size1}")
    return x.unflatten(src, (size1, x.shape[src] // size1))


def _is_vmap_fallback_enabled() -> bool:
    """What was set. There is nothing to fall back from: vmap knows every op."""
    return _fallback[0]


def _set_vmap_fallback_enabled(enabled: bool) -> None:
    """Keeps it."""
    _fallback[0] = enabled


__getattr__ = missing("torch._C._functorch", globals())
