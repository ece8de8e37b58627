"""Backward nodes as torch shows them: views of the tape, made when asked for.

In: a tensor that requires a gradient.  Out: `grad_fn` with `name()` and `next_functions`, down to `AccumulateGrad`.
"""
from __future__ import annotations

import inspect
from typing import Any

from .tape import BACKWARD, INPUT, LEAF, Const, Node, Ref, path

__all__ = ["AccumulateGrad", "GradFn", "grad_fn_of", "node_name"]


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class _Place:
    """Where a graph's entries and leaves are found: an open tape or the graph of an ended one."""

    def __init__(self, nodes: list[Node], sources: dict[int, Any]) -> None:
        self.made = {o.slot: (n, o) for n in nodes for o in n.outs}
        self.sources = sources


class GradFn:
    """A node of the backward graph."""

    def __init__(self, place: _Place, node: Node, tree: tuple | None = None) -> None:
        self._place, self._node, self._tree = place, node, tree
        self.output_nr = 0
        self.metadata: dict = {}

    def name(self) -> str:
        """torch's name of the node, `AddBackward0`."""
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in ("CopyBackwards", "CopySlices") else name

    @property
    def next_functions(self) -> tuple:
        """(node, which of its results) for each tensor the op took."""
        if self._tree is None:
            return tuple(_edge(self._place, o) for o in _edges(self._node))
        return tuple(_branch(self._place, self._node, part) for part in self._tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and other._node is self._node and other._tree == self._tree

    def __hash__(self) -> int:
        return hash(self._node)

    def __repr__(self) -> str:
        return f"<{self.name()} object at 0x{id(self._node):012x}>"


class AccumulateGrad(GradFn):
    """The end of the graph at a leaf: `variable`."""

    def __init__(self, variable: Any) -> None:
        self.variable, self.output_nr, self.metadata = variable, 0, {}

    def name(self) -> str:
        """torch's name."""
        return "torch::autograd::AccumulateGrad"

    @property
    def next_functions(self) -> tuple:
        """Nothing: the graph ends here."""
        return ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at 0x{id(self.variable):012x}>"


_classes: dict[str, type[GradFn]] = {}


def _named(name: str) -> type[GradFn]:
    return _classes.setdefault(name, type(name, (GradFn,), {"__module__": __name__}))


def node_name(node: Node, made: dict[int, tuple[Node, Any]]) -> str | tuple:
    """torch's name of the backward node of an entry, or the tree of nodes where torch composes it of several ops.

    A tree is (name, *parts); a part is the number of an operand or another tree.
    """
    if node.kind is BACKWARD:
        return "GradBackward0"
    op = node.op
    if op.rule is None:
        return _camel(op.name) + "Backward0"
    if isinstance(op.rule, str):
        return op.rule
    attributes = dict(node.attrs)
    if len(inspect.signature(op.rule).parameters) == 1:
        return op.rule(attributes)
    avals = [made[o][1].aval if o.__class__ is int else o for o in node.operands]
    return op.rule(avals, attributes)


def _edges(node: Node) -> list:
    if node.kind is BACKWARD:
        return list(node.info.wrt)
    edges: list = []
    for o in node.operands:
        if o.__class__ is tuple:
            edges.extend(o)
        elif o is not None:
            edges.append(o)
    return edges


def _edge(place: _Place, slot: Any) -> tuple[GradFn | None, int]:
    if isinstance(slot, (Const, Ref)):
        return None, 0
    node, out = place.made[slot]
    if not out.rg:
        return None, 0
    if node.kind is INPUT or node.kind is LEAF:
        source = place.sources.get(slot)
        if source is None:
            return None, 0
        if isinstance(source, tuple):
            return _at(*source), 0
        return AccumulateGrad(source), 0
    nr = 0 if out is node else node.outs.index(out)
    name = node_name(node, place.made)
    if isinstance(name, tuple):
        return _named(name[0])(place, node, name[1:]), nr
    return _named(name)(place, node), nr


def _branch(place: _Place, node: Node, part: Any) -> tuple[GradFn | None, int]:
    """An edge of a node which torch composes of several: to an operand, or to another of these nodes."""
    if isinstance(part, int):
        return _edge(place, node.operands[part])
    if part is None or not any(_branch(place, node, p)[0] for p in part[1:]):
        return None, 0
    return _named(part[0])(place, node, part[1:]), 0


def _at(graph: Any, slot: int) -> GradFn | None:
    if not hasattr(graph, "entries"):       # a custom function
        return graph.grad_fn()
    return _edge(_Place(graph.entries(), graph.sources), slot)[0]


def grad_fn_of(x: Any) -> GradFn | None:
    """The backward node that made tensor `x`."""
    if x._data is not None and x._graph is not None:
        found = _at(*x._graph)
        slot = x._graph[1]
    else:
        tape = x._tape or x._home
        nodes = path(tape.node)
        inputs = [n for n in nodes if n.kind is INPUT]
        sources: dict[int, Any] = {n.slot: t for n, t in zip(inputs, tape.inputs, strict=False)}
        sources.update(tape.leaves)
        sources.update(tape.upstream)
        place = _Place(nodes, sources)
        slot = x._node.slot
        found = _edge(place, slot)[0]
    if found is not None and hasattr(found, "_node"):
        node = found._node
        found.output_nr = 0 if node.outs[0] is node else [o.slot for o in node.outs].index(slot) \
            if slot in [o.slot for o in node.outs] else 0
    return found
