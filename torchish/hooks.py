"""What the layers above give to the recorder, which must not import them.

In: the facade, once, when it is put together (wiring.py).  Out: `hooks`; `Restart`, by which a tape says that it has
ended; and `NoData`, by which it refuses a tensor of the device meta.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .tape import Node, Tape

__all__ = ["Hooks", "NoData", "Restart", "hooks"]


class Hooks:
    """What layers above give to the recorder: it must not import them."""
    tensor: type                                    # the class Tensor
    coerce: Callable[[Any], Any]                    # numpy arrays and the like -> Tensor
    make: Callable[[Tape, Any], Any]                # (tape, Out) -> Tensor
    settle: Callable[[Any], None]                   # gives a tensor that nothing has read yet its value
    refresh: Callable[[Any], None]                  # brings a stale view up to date
    concrete: Callable[[Any], Any]                  # the array of a tensor that lives elsewhere
    finish: Callable[[Tape], None]                  # ends a tape: compiles and runs it
    seal: Callable[[Tape], None]                    # ends a tape, to be run when a value of it is needed
    watch: Callable[[Tape, Node], None] | None = None   # is shown each tape before it is run (debug.find_nan)
    recorded: Callable[[Node, Any, Any], None]      # is shown (entry, parameters, results) of what is recorded in the mode WATCHED
    pulled: Callable[[list, Any, Any], None]        # is shown (entries, slots, where it arrives) of each backward in that mode
    saved_of: Callable[..., Any]                    # what the entry of a backward node keeps
    backward: Callable[..., None]                   # torch.autograd.backward
    split: Callable[[Tape, Node], None]             # ends a tape after a node; what came later goes to the next tape
    on_meta: Callable[[Any, Any], Any]              # what a call (op, parameters) gives where an operand has no data
hooks = Hooks()


class Restart(Exception):
    """The tape ended while an entry was being recorded: it belongs on the next one."""


class NoData(TypeError):
    """A tensor on the device meta cannot enter a step; the recorder finds by shape inference what the call gives."""

    def __init__(self) -> None:
        super().__init__("a tensor on the device 'meta' has no data and cannot take part in a step")
