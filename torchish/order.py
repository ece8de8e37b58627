"""In which order a backward comes to the ends of the graph: that of torch's engine.

In: the entries that it goes through.  Out: for each slot that they read, its turn.  The engine goes through the youngest node that
waits, and leaves before all others; an entry that torch composes of several ops is gone through like these.  What waits is in the
heap of C++'s standard library, which settles the order of leaves that wait together.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .avals import Out
from .names import node_name
from .plan import sources_of
from .tape import BACKWARD, Node

__all__ = ["in_order", "turns"]

_FIRST = -1     # the turn of what no entry reads: the backward begins there
_LEAF = 1 << 62     # the age of leaves: younger than all nodes


def turns(found: Sequence[Node], out: Callable[[int], Out]) -> dict[int, int]:
    """When the gradient of each slot that `found` (the oldest first) reads is complete."""
    nodes: list[list[tuple[int, int]]] = []     # for each node, the oldest first, where its gradients go: (age, node or slot)
    maker: dict[int, int] = {}

    def add(tree: Any, operands: Sequence[Any]) -> int:
        """Adds a node and those behind it, the oldest first; returns its number."""
        edges: list[tuple[int, int]] = []
        for part in tree[1:]:
            if part.__class__ is tuple:
                k = add(part, operands)
                edges.append((k, k))
            else:
                edges += [(maker.get(s, _LEAF), maker.get(s, s)) for s in _slots(operands[part]) if out(s).rg]
        nodes.append(edges)
        return len(nodes) - 1

    for node in found:
        top = add(*_tree(node, out))
        maker.update({o.slot: top for o in node.outs})
    return _gone_through(nodes, maker)


def _gone_through(nodes: list[list[tuple[int, int]]], maker: dict[int, int]) -> dict[int, int]:
    waits: dict[tuple[int, int], int] = {}
    for edges in nodes:
        for e in edges:
            waits[e] = waits.get(e, 0) + 1
    heap: list[tuple[int, int]] = []
    for k in reversed(range(len(nodes))):
        if (k, k) not in waits:
            _push(heap, (k, k))
    turn: dict[tuple[int, int], int] = {}
    while heap:
        at = _pop(heap)
        turn[at] = len(turn)
        for e in nodes[at[1]] if at[0] != _LEAF else ():
            waits[e] -= 1
            if not waits[e]:
                _push(heap, e)
    return {s: t for (age, s), t in turn.items() if age == _LEAF} | {s: turn[k, k] for s, k in maker.items() if (k, k) in waits}


def _push(heap: list, item: tuple[int, int], at: int = -1) -> None:
    """As `std::push_heap` does; at: the place that is free, if not at the end."""
    if at < 0:
        at = len(heap)
        heap.append(item)
    while at and heap[(at - 1) // 2][0] < item[0]:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item


def _pop(heap: list) -> tuple[int, int]:
    """As `std::pop_heap` does: the free place goes down to the end, the last item goes up from there."""
    last = heap.pop()
    if not heap:
        return last
    top, at = heap[0], 0
    while 2 * at + 1 < len(heap):
        left, right = 2 * at + 1, 2 * at + 2
        below = left if right == len(heap) or heap[right][0] < heap[left][0] else right
        heap[at] = heap[below]
        at = below
    _push(heap, last, at)
    return top


def in_order(slots: Sequence[Any], turn: dict[int, int]) -> list[int]:
    """The numbers of `slots` in the order in which their gradients are complete."""
    return sorted(range(len(slots)), key=lambda k: turn.get(slots[k], _FIRST))


def _slots(operand: Any) -> tuple:
    return operand if operand.__class__ is tuple else (operand,) if operand.__class__ is int else ()


def _tree(node: Node, out: Callable[[int], Out]) -> tuple[tuple, Sequence[Any]]:
    """The nodes that torch composes an entry of, (name, *parts), where a part is the number of an operand or another tree; and
    these operands."""
    if node.kind is BACKWARD:
        sources = sources_of(node)
        return ("", *range(len(sources))), sources
    told = node.op.turns
    if callable(told):
        return _chain(told(), len(node.operands[0])), node.operands[0]
    if told is not None:
        names = [p.name for p in node.op.operands]
        return _chain([names.index(name) for name in told], len(names)), node.operands
    name = node_name(node, lambda s: out(s).aval)
    return ("", *range(len(node.operands))) if isinstance(name, str) else name, node.operands


def _chain(first: Sequence[int], number: int) -> tuple:
    """A node for each of `first`, then one for all others."""
    tree: tuple = ("", *[k for k in range(number) if k not in first])
    for k in reversed(first):
        tree = ("", k, tree)
    return tree
