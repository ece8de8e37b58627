"""In which order a backward comes to the ends of the graph: that of torch's engine.

In: the entries that it goes through.  Out: for each slot that they read, its turn.  The engine goes through the youngest node that
waits, and leaves before all others; an entry that torch composes of several ops is gone through like these.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .avals import Aval
from .names import node_name
from .plan import sources_of
from .tape import BACKWARD, Node

__all__ = ["in_order", "turns"]

_FIRST = (-1, 0)    # the turn of what no entry reads: the backward begins there


def turns(found: Sequence[Node], aval: Callable[[int], Aval]) -> dict[int, tuple[int, int]]:
    """When the gradient of each slot that `found` (the oldest first) reads is complete: with the oldest entry that reads it."""
    at = {}
    for k, node in enumerate(reversed(found)):
        at.update({s: (k, j) for j, s in enumerate(_read(node, aval))})
    return at


def in_order(slots: Sequence[Any], turn: dict[int, tuple[int, int]]) -> list[int]:
    """The numbers of `slots` in the order in which their gradients are complete."""
    return sorted(range(len(slots)), key=lambda k: turn.get(slots[k], _FIRST))


def _read(node: Node, aval: Callable[[int], Aval]) -> Iterator[int]:
    name = node_name(node, aval)
    if node.kind is BACKWARD or isinstance(name, str):
        yield from sources_of(node)
        return
    for k in _operands(name[1:]):
        o = node.operands[k]
        yield from (o if o.__class__ is tuple else (o,) if o.__class__ is int else ())


def _operands(parts: tuple) -> Iterator[int]:
    """The numbers of the operands: those that a node reads itself, then those behind the nodes before it, the youngest first."""
    yield from (p for p in parts if p.__class__ is int)
    for p in reversed(parts):
        if p.__class__ is tuple:
            yield from _operands(p[1:])
