"""Many small tensors that have their values already, joined at once: a batch of samples, what a replay buffer was asked for.

In: the operands of an op that joins a list.  Out: its result as a tensor with a value, or None where the call is to be recorded.
On a tape each of them would be an input by itself, of a program that takes seconds to compile; and which of them are the same
tensor, as the next state of one sample is the state of another, would make another program of each batch.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .hooks import hooks
from .ops.table import Op
from .tape import state
from .xla import put

__all__ = ["MANY", "joined"]

MANY = 8        # of fewer the tape takes each


def joined(op: Op, tensors: list | tuple, dim: Any) -> Any:
    """The tensors joined by `op.host`, if all lie row by row on the CPU, with one dtype and no gradient, and most have values.

    What some others are to be is computed first: it is the youngest sample of a buffer, which is drawn now and then.
    """
    tape, lazy, dtype = state.tape, 0, None
    if tape.nested is not None or tape.inline is not None:
        return None
    for k, x in enumerate(tensors):
        if not isinstance(x, hooks.tensor) or x._leaf or x._node.rg or x._graph is not None:
            return None
        aval = x._node.aval
        dtype = dtype or aval.dtype
        if aval.dtype is not dtype or aval.strides is not None or aval.device != "cpu":
            return None
        if x._data is None:
            lazy += 1
            if 4 * (lazy - 1) > k:
                return None
    try:
        found = op.host([np.asarray(x._array()) for x in tensors], dim)     # type: ignore[misc]
    except (ValueError, TypeError):     # what does not fit is refused where it is recorded, in torch's words
        return None
    return hooks.wrap(put(found, "cpu"))
