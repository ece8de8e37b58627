"""Entries that compute the same, at whatever slots of whatever tapes they stand.

In: entries, and the slots they start from.  Out: a value that is equal for all that are alike, with slots as they are first met.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .tape import BACKWARD, Const, Node, Ref

__all__ = ["Likeness"]


class Likeness:
    """Numbers slots in the order in which they are met, and tells what entries are in these numbers."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}

    def slot(self, s: int | None) -> int | None:
        """The number of a slot."""
        return None if s is None else self.numbers.setdefault(s, len(self.numbers))

    def slots(self, given: Iterable[int | None]) -> tuple:
        """Their numbers, in order."""
        return tuple([self.slot(s) for s in given])

    def entries(self, nodes: Iterable[Node]) -> tuple:
        """What entries are."""
        return tuple([self._entry(n) for n in nodes])

    def _entry(self, node: Node) -> tuple:
        if node.kind is BACKWARD:
            b = node.info
            what: tuple = (self.entries(b.between), self.slots(b.roots), self.slots(b.cotangents), self.slots(b.wrt),
                           self.slots(sorted(b.stops)), self.slots(b.sources), b.differentiable, b.batch)
        else:
            what = (node.op, node.info, tuple([self._operand(o) for o in node.operands]),
                    tuple([(name, exactly(v)) for name, v in node.attrs.items()]))
        single = node.outs[:1] == (node,)
        return node.kind, node.grad, what, single, tuple([(self.slot(o.slot), o.aval, o.rg) for o in node.outs])

    def _operand(self, o: Any) -> Any:
        if o.__class__ is int:
            return self.slot(o)
        if o.__class__ is tuple:
            return tuple([self._operand(s) for s in o])
        return exactly(o)


def exactly(v: Any) -> Any:
    """A number, or whatever an attribute holds: equal only to what is the same (1 is not 1.0, nor is 0.0 -0.0)."""
    if v.__class__ is tuple:
        return tuple([exactly(x) for x in v])
    if v.__class__ is Const:
        return Const, exactly(v.value)
    if v.__class__ is Ref:
        return Ref, v.kind, v.index
    return v.__class__, repr(v) if v.__class__ in (int, float, complex) else v
