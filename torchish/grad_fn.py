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

    def __init__(self, place: _Place, node: Node, output_nr: int = 0) -> None:
        self._place, self._node, self.output_nr = place, node, output_nr
        self.metadata: dict = {}

    def name(self) -> str:
        """torch's name of the node, `AddBackward0`."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple:
        """(node, which of its results) for each tensor the op took."""
        return tuple(_edge(self._place, o) for o in _edges(self._node))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and other._node is self._node

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


def node_name(node: Node, made: dict[int, tuple[Node, Any]]) -> str:
    """torch's name of the backward node of an entry."""
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
    return _named(node_name(node, place.made))(place, node), nr


def _at(graph: Any, slot: int) -> GradFn | None:
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
    if found is not None and not isinstance(found, AccumulateGrad):
        node = found._node
        found.output_nr = 0 if node.outs[0] is node else [o.slot for o in node.outs].index(slot) \
            if slot in [o.slot for o in node.outs] else 0
    return found
