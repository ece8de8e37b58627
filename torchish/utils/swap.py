"""torch.utils.swap_tensors: two tensors change places.

In: two tensors.  Out: each is what the other was, class, value, gradient and attributes; whoever holds one sees the change.
"""
from __future__ import annotations

from ..recorder import hooks
from ..tape import state
from ..tensor import Tensor

__all__ = ["swap_tensors"]


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Swaps the contents of two tensors; the tape ends first, since it knows its inputs by identity."""
    hooks.finish(state.tape)
    for x in (t1, t2):
        if not x.is_meta:
            x._array()
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
