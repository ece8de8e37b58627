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
    for node in found:
        steps, operands = _steps(node, out)
        first = len(nodes)
        for parts in steps:
            edges: list[tuple[int, int]] = []
            for part in parts:
                if part < 0:
                    edges.append((first + ~part, first + ~part))
                else:
                    edges += [(maker.get(s, _LEAF), maker.get(s, s)) for s in _slots(operands[part]) if out(s).rg]
            nodes.append(edges)
        maker.update({o.slot: len(nodes) - 1 for o in node.outs})
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


def chain(first: Sequence[int], number: int) -> list[tuple[int, ...]]:
    """The steps (`Op.turns`) of an op of `number` operands whose gradients are complete one after the other for `first`, then for
    all others."""
    steps: list[tuple[int, ...]] = [tuple(k for k in range(number) if k not in first)]
    for k in reversed(first):
        steps.append((k, -len(steps)))
    return steps


def _steps(node: Node, out: Callable[[int], Out]) -> tuple[Sequence[tuple[int, ...]], Sequence[Any]]:
    """The nodes that torch composes an entry of, the oldest first, as `Op.turns` tells them, and the operands that they number."""
    if node.kind is BACKWARD:
        sources = sources_of(node)
        return [tuple(range(len(sources)))], sources
    told = node.op.turns
    if callable(told):
        operands = node.operands[0] if node.operands[0].__class__ is tuple else node.operands
        return told([out(o) if o.__class__ is int else o for o in operands], dict(node.attrs)), operands
    if told is not None:
        names = [p.name for p in node.op.operands]
        return chain([names.index(name) for name in told], len(names)), node.operands
    name = node_name(node, lambda s: out(s).aval)
    if isinstance(name, str):
        return [tuple(range(len(node.operands)))], node.operands
    steps: list[tuple[int, ...]] = []
    _flat(name, steps)
    return steps, node.operands


def _flat(tree: tuple, steps: list[tuple[int, ...]]) -> int:
    """Adds the nodes of a tree of names to `steps`; returns which is its own, as a part of another one."""
    steps.append(tuple(_flat(part, steps) if part.__class__ is tuple else part for part in tree[1:]))
    return -len(steps)
