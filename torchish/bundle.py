"""Tensors that are always read and replaced together: one input of the tape.

In: the tensors (an optimizer's states of all its parameters).  Out: a `Bundle`, which is entered, replaced and bound as a
whole: a step pays for it once, not once for each tensor.  `tensors()` takes it apart for whoever wants to look inside.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .avals import Aval, Out
from .errors import LostValueError
from .hooks import Restart, hooks
from .slots import new_input
from .tape import Tape, state

__all__ = ["Bundle", "plain_tape", "range_of", "replace"]


class _Key:
    """Stands in the trie for the avals of a bundle; one object for each combination, so that it hashes by address."""
    __slots__ = ("avals",)

    def __init__(self, avals: tuple[Aval, ...]) -> None:
        self.avals = avals


_keys: dict[tuple[Aval, ...], _Key] = {}


class Bundle:
    """The values of some tensors without gradient: arrays, or results on a tape from slot `first` on."""
    __slots__ = ("key", "arrays", "tape", "first")

    def __init__(self, tensors: Sequence[Any]) -> None:
        avals = tuple([x._node.aval for x in tensors])
        self.key = _keys.setdefault(avals, _Key(avals))
        self.arrays: list | None = [x._data for x in tensors]
        self.tape: Tape | None = None
        self.first = -1

    def __len__(self) -> int:
        return len(self.key.avals)

    def tensors(self) -> list:
        """Its values as tensors of their own; the bundle is empty afterwards."""
        if self.arrays is None and not _open(self.tape):
            self.settle()
        arrays, tape = self.arrays, self.tape
        self.arrays, self.tape = [], None
        if arrays is not None:
            return [hooks.wrap(a) for a in arrays]
        outs = tape.outs()[self.first:self.first + len(self)]       # type: ignore[union-attr]
        return [hooks.make(tape, o) for o in outs]      # type: ignore[arg-type]

    def settle(self) -> None:
        """Runs the ended tape that is to compute the values."""
        tape = self.tape
        if tape is state.sealed:
            hooks.finish(tape)      # type: ignore[arg-type]
        if self.arrays is None:
            failed = tape.failed    # type: ignore[union-attr]
            raise LostValueError("the state of the optimizer has no value: the step that was to compute it failed, was "
                                 f"interrupted or belongs to another thread ({type(failed).__name__}: {failed})") from failed


def _open(tape: Any) -> bool:
    """Whether a tape is the current one, or one around it."""
    current = state.tape
    while current is not tape and current.nested is not None:
        current = current.nested.outer
    return current is tape


def plain_tape() -> bool:
    """Whether the current tape is one of a step, which knows bundles; in functional mode there are none."""
    return state.tape.inline is None and state.tape.nested is None


def range_of(tape: Tape, bundle: Bundle) -> range:
    """The slots of a bundle on `tape`, one after the other; makes it an input if it is met for the first time in this step."""
    if bundle.tape is not tape:
        if bundle.arrays is None:
            bundle.settle()
            if state.tape is not tape:
                raise Restart
        key = bundle.key
        node = tape.node.children.get(key)      # type: ignore[call-overload]
        if node is None:
            node = new_input(tape, key, list(key.avals), False)
        tape.bundles[node.slot] = (bundle, len(tape.args))
        tape.args.extend(bundle.arrays)     # type: ignore[arg-type]
        tape.inputs.extend([None] * len(key.avals))
        tape.node = node
        bundle.tape, bundle.first = tape, node.slot
    return range(bundle.first, bundle.first + len(bundle.key.avals))


def replace(bundle: Bundle, out: Out) -> None:
    """The bundle takes the results on the current tape that begin with `out`."""
    tape = state.tape
    bundle.arrays, bundle.tape, bundle.first = None, tape, out.slot
    tape.bundles[out.slot] = (bundle, None)
