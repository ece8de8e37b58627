"""One entry by itself: its operands as tensors, and its backward alone.

In: a place of the graph and the entry that makes it.  Out: what hooks of nodes, `node(grad)` and `_saved_...` need: tensors
that stand at the operands, their values, and gradients of each operand apart.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .behind import source_at
from .graph import SECOND_TIME, held, numbers_of
from .kept import kept_by
from .ops.engine import straight
from .ops.table import Op, Param
from .order import in_order, turns
from .plan import make_plan, passing, sources_of
from .recorder import hooks, leaf_entry, record
from .replay import of_operands, pulled, run
from .segment import Graph
from .tape import BACKWARD, INPUT, LEAF, Const, Node, Tape

__all__ = ["edges", "in_turn", "operand_slots", "place", "pull_node", "stand_at", "stand_in", "value_at"]

_index = count(2_000_000)
_pulls: WeakKeyDictionary[Node, Op] = WeakKeyDictionary()
_values: WeakKeyDictionary[Any, dict] = WeakKeyDictionary()


def operand_slots(node: Node) -> list[int]:
    """The slots of an entry's operands in order, one for each use; none for inputs and leaves."""
    if node.kind is INPUT or node.kind is LEAF:
        return []
    return sources_of(node)


_AFFINE = ("conv", "_batch_norm", "group_norm", "layer_norm")     # ops whose node has an edge for a weight that is not given
_WRAPPED = frozenset(("add", "sub", "mul", "div", "where"))      # ops of which torch makes tensors of numbers


def edges(node: Node, outs: dict[int, Any]) -> list:
    """What leads on from an entry: the slots of its operands, and the numbers that torch makes tensors of.

    Indices, masks and the like lead nowhere: torch has no edge for them.
    """
    if node.kind is BACKWARD:
        return sources_of(node)
    op, found = node.op, []
    for p, o in zip(op.operands, node.operands, strict=True):
        if o is None:
            found += [Const(None)] * (p.name in ("weight", "bias") and op.name.startswith(_AFFINE))
        elif o.__class__ is tuple or o.__class__ is int:
            given = o if o.__class__ is tuple else (o,)
            found += [s for s in given if (op.promote and p.promoted) or outs[s].aval.differentiable]
        elif op.name in _WRAPPED:
            found.append(o)
    return found


def _outs(home: Any) -> dict[int, Any]:
    return dict(enumerate(home.outs())) if isinstance(home, Tape) else {o.slot: o for n in home.entries() for o in n.outs}


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


def place(x: Any, home: Any, slot: int) -> Any:
    """Makes `x` stand at a place of an ended graph or custom function: what follows begins there, its gradient goes there."""
    if x._data is None and x._pending is None:
        leaf_entry(x)
        x._tape.upstream[x._node.slot] = (home, slot)
    else:
        x._node, x._tape = x._node.aval.grad, None
    x._graph = (home, slot)
    return x


def stand_at(value: Any, home: Any, slot: int) -> Any:
    """A tensor with another value than the one at `slot`, which stands there: the gradient of what is made of it goes there."""
    if not _outs(home)[slot].rg:
        return value
    source = source_at(home, slot)
    if source is not None and not isinstance(source, tuple):
        return record(straight, (source, value))
    home, slot = source if source is not None else (home, slot)
    if isinstance(home, Tape):
        return record(straight, (hooks.make(home, home.outs()[slot]), value))
    return place(hooks.public["_alias"](value.detach()), home, slot)


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
                                       numbers_of(home))).detach()
    return place(x, home, slot) if linked else x


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


def pull_node(home: Any, node: Node, grads: list, linked: bool, saved: list | None = None) -> tuple[list, list]:
    """The backward of one entry.

    grads: for each result that requires a gradient one, or None.
    saved: the values of what the entry kept, unpacked: (tensor, whether hooks made it).
    Returns for each operand a tensor that stands there (None where no gradient is wanted) and its gradient.
    """
    if node.kind is BACKWARD:
        raise RuntimeError("the node of a gradient that was computed with create_graph=True cannot be called by itself")
    rg = {s: out for s, out in _outs(home).items() if out.rg}
    reads = operand_slots(node)
    if saved is None:
        # what no gradient depends on is a constant: that of a linear op requires none itself
        moving, op = _moving(node) if linked else (), _pull_op(node, [s in rg for s in reads])
        if isinstance(home, Graph) and not node.op.saves:       # type: ignore[union-attr]
            outs = _outs(home)
            values = [hooks.zeros(outs[s].aval) for s in reads]     # they may be freed; only their shapes matter
        else:
            values = [value_at(home, s, True) if k in moving and s in rg else value_at(home, s, False).detach()
                      for k, s in enumerate(reads)]
    else:
        kept = kept_by(node)
        op, at = kept.op, [reads[k] for k in kept.operands] + [node.outs[k].slot for k in kept.results]
        values = [stand_at(x, home, s) if linked and hooked else x for (x, hooked), s in zip(saved, at, strict=True)]
    below = [stand_in(home, s) if s.__class__ is int and s in rg else None for s in edges(node, _outs(home))]
    outs = [o for o in node.outs if o.rg]
    arrived = [o for g, o in zip(grads, outs, strict=True) if g is not None]
    if arrived and not any(o in passing(node) for o in arrived):
        return below, [None] * len(below)
    device = node.outs[0].aval.device
    numbers = numbers_of(home) if isinstance(home, Graph) else \
        [hooks.from_array(np.array(v[:n]), device) for v, n in ((home.floats, node.floats), (home.ints, node.ints))]
    results = [g if g is not None else hooks.zeros(o.aval)
               for g, o in zip(grads, outs, strict=True)]
    found = record(op, (values, numbers, results))
    given = iter(found)
    return below, [next(given) if x is not None else None for x in below]


def in_turn(home: Any, node: Node) -> list[int]:
    """The numbers of the operands that `pull_node` tells of, in the order in which torch's engine comes to them."""
    outs = _outs(home)
    return in_order(edges(node, outs), turns([node], outs.__getitem__))


def _moving(node: Node) -> Sequence[int]:
    """Which operands the gradients of an entry depend on."""
    kept = kept_by(node)
    return range(len(kept.reads)) if kept.results else kept.operands


def _pull_op(node: Node, wanted: list[bool]) -> Op:
    """The vjp of one entry as an op: (values of its operands, numbers, cotangents) -> a gradient for each wanted operand."""
    found = _pulls.get(node)
    if found is None:
        index = [k for k, o in enumerate(node.outs) if o.rg]

        def node_backward(values: list, numbers: list, cotangents: list) -> tuple:
            forward = of_operands(node, values, wanted, index, (numbers[0], numbers[-1]))
            return tuple(pulled(forward, [v for v, w in zip(values, wanted, strict=True) if w], cotangents))

        params = tuple(Param(n, "operands") for n in ("values", "numbers", "cotangents"))
        found = _pulls[node] = Op("node_backward", node_backward, "autograd", params, frozenset(), index=next(_index),
                                 rule="GradBackward0")
    return found
