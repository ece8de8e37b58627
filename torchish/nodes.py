"""One entry by itself: its operands as tensors, and its backward alone.

In: a place of the graph and the entry that makes it.  Out: what hooks of nodes, `node(grad)` and `_saved_...` need: tensors
that stand at the operands, their values, and gradients of each operand apart.
"""
from __future__ import annotations

from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .behind import source_at
from .graph import SECOND_TIME, held
from .ops.table import Op, Param
from .plan import make_plan
from .recorder import hooks, leaf_entry, record
from .replay import call, pulled, run
from .segment import Graph
from .tape import BACKWARD, INPUT, LEAF, Node, Tape, slots, state

__all__ = ["edges", "operand_slots", "pull_node", "stand_in", "value_at"]

_index = count(2_000_000)
_pulls: WeakKeyDictionary[Node, Op] = WeakKeyDictionary()
_values: WeakKeyDictionary[Any, dict] = WeakKeyDictionary()


def operand_slots(node: Node) -> list[int]:
    """The slots of an entry's operands in order, one for each use; none for inputs and leaves."""
    if node.kind is INPUT or node.kind is LEAF:
        return []
    if node.kind is BACKWARD:
        return list(node.info.wrt)
    return list(slots(node.operands))


def edges(node: Node) -> list:
    """What leads on from an entry: the slots of its operands, and the numbers among them."""
    if node.kind is BACKWARD:
        return list(node.info.wrt)
    return [s for o in node.operands if o is not None for s in (o if o.__class__ is tuple else (o,))]


def _outs(home: Any) -> dict[int, Any]:
    return {o.slot: o for n in home.entries() for o in n.outs}


def stand_in(home: Any, slot: int) -> Any:
    """A tensor that stands at a place of the graph: the leaf, or one of its own (without a value where the tape has ended)."""
    source = source_at(home, slot) if isinstance(home, (Tape, Graph)) else None
    if source is not None and not isinstance(source, tuple):
        return source
    home, slot = source if source is not None else (home, slot)
    if isinstance(home, Tape):
        return hooks.make(home, home.outs()[slot])
    x = object.__new__(hooks.tensor)
    x._graph = (home, slot)
    x._node = (_outs(home)[slot].aval if isinstance(home, Graph) else home.avals[slot]).grad
    return x


def value_at(home: Any, slot: int, linked: bool) -> Any:
    """The value at a slot as a tensor; `linked`: at its place in the graph."""
    if isinstance(home, Tape):
        source = source_at(home, slot)
        return source if source is not None and not isinstance(source, tuple) else hooks.make(home, home.outs()[slot])
    if home.values is None or home.ending is None or slot in home.freed:
        raise RuntimeError(SECOND_TIME)
    if slot in home.values:
        return held(home, slot, linked)
    x = record(_value_op(home, slot), ([held(home, s, False) for s in home.ending.values],
                                       [hooks.from_array(v) for v in home.numbers])).detach()
    if linked:
        leaf_entry(x)
        state.tape.upstream[x._node.slot] = x._graph = (home, slot)
    return x


def _value_op(graph: Graph, slot: int) -> Op:
    """The value at a slot of an ended graph, computed again from what the graph holds."""
    store = _values.setdefault(graph.node, {})
    found = store.get((graph.ending, slot))
    if found is None:
        nodes, starts = graph.ending.nodes, graph.ending.values     # type: ignore[union-attr]
        plan = make_plan(nodes)

        def graph_value(values: list, numbers: list) -> Any:
            env = dict(zip(starts, values, strict=True))
            run(plan, env, (numbers[0], numbers[-1]))
            return env[slot]

        params = (Param("values", "operands"), Param("numbers", "operands"))
        found = store[graph.ending, slot] = Op("graph_value", graph_value, "autograd", params, frozenset(), index=next(_index),
                                               differentiable=False)
    return found


def pull_node(home: Any, node: Node, grads: list, linked: bool) -> tuple[list, list]:
    """The backward of one entry.

    grads: for each result a gradient or None.  Returns for each operand a tensor that stands there (None where no gradient is
    wanted) and its gradient.
    """
    if node.kind is BACKWARD:
        raise RuntimeError("the node of a gradient that was computed with create_graph=True cannot be called by itself")
    rg = {s: out for s, out in (_outs(home) if isinstance(home, Graph) else dict(enumerate(home.outs()))).items() if out.rg}
    reads = operand_slots(node)
    values = [value_at(home, s, linked and s in rg) for s in reads]
    below = [stand_in(home, s) if s.__class__ is int and s in rg else None for s in edges(node)]
    numbers = home.numbers if isinstance(home, Graph) else (np.array(home.floats[:node.floats]), np.array(home.ints[:node.ints]))
    results = [g if g is not None else hooks.zeros(o.aval) for g, o in zip(grads, node.outs, strict=True) if o.rg]
    found = record(_pull_op(node, [s in rg for s in reads]), (values, [hooks.from_array(v) for v in numbers], results))
    given = iter(found)
    return below, [next(given) if x is not None else None for x in below]


def _pull_op(node: Node, wanted: list[bool]) -> Op:
    """The vjp of one entry as an op: (values of its operands, numbers, cotangents) -> a gradient for each wanted operand."""
    found = _pulls.get(node)
    if found is None:
        index = [k for k, o in enumerate(node.outs) if o.rg]

        def node_backward(values: list, numbers: list, cotangents: list) -> tuple:
            def forward(*moving: Any) -> list:
                each, fixed = iter(moving), iter(zip(values, wanted, strict=True))

                def fetch(o: Any) -> Any:
                    if o.__class__ is tuple:
                        return [fetch(s) for s in o]
                    if o.__class__ is not int:
                        return o
                    value, moves = next(fixed)
                    return next(each) if moves else value
                out = call(node, [fetch(o) for o in node.operands], (numbers[0], numbers[-1]))
                return [out] if node.outs[0] is node else [out[k] for k in index]

            return tuple(pulled(forward, [v for v, w in zip(values, wanted, strict=True) if w], cotangents))

        params = tuple(Param(n, "operands") for n in ("values", "numbers", "cotangents"))
        found = _pulls[node] = Op("node_backward", node_backward, "autograd", params, frozenset(), index=next(_index))
    return found
