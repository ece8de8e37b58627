"""torch.utils.swap_tensors: two tensors change places.

In: two tensors.  Out: each is what the other was, class, value, gradient and attributes; whoever holds one sees the change.
"""
from __future__ import annotations

from ..given import all_of, become
from ..recorder import hooks
from ..sharing import Sharing, View
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
    first = dict(all_of(t1))
    become(t1, all_of(t2))
    become(t2, first)
    for x in (t1, t2):
        if x._shared is not None:       # views of what `x` has become see it here; one of the two may be a view of the other
            before, x._shared = x._shared, Sharing()
            before.moved = View(x, (), x._version_count, x._shared)
