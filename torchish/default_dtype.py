"""Setting the default dtype.

In: a floating dtype.  Out: new tensors that name none have it, and what is recorded from now on is another branch of the trie.
Source: https://docs.pytorch.org/docs/stable/generated/torch.set_default_dtype.html
"""
from __future__ import annotations

from .dtypes import check_default, default, dtype
from .finish import finish
from .tape import DEFAULTS, Tape, defaults, state

__all__ = ["set_default_dtype"]


def set_default_dtype(d: dtype) -> None:
    """Sets the floating dtype of new tensors that name none. TypeError unless `d` is a floating dtype."""
    check_default(d)
    if d is default.float:
        return
    finish(state.tape)      # an op looks at the default when it is compiled, too
    default.float = d
    tape: Tape | None = state.tape
    while tape is not None:
        tape.set_mode(tape.grad, tape.autocast, tape.extra & ~DEFAULTS | defaults())
        tape = tape.nested.outer if tape.nested is not None else None
