"""What a backward is made of: the entry it is on the open tape, the op it is for the graph of an ended one.

In: slots and their cotangents.  Out: an entry of the tape whose results are gradients.  The open tape is one entry; each older
graph is one op.  In which order they come, and what happens between them, is the walk's matter (walk.py).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import jax

from .avals import Aval, Out, aval_of
from .devices import META
from .errors import NO_DATA
from .ops.table import Op
from .order import in_order, turns
from .plan import Backward, reach, refuse_underived, sources_of
from .recorder import Restart, advance, hooks, record, slot_of
from .replay import number_specs, run_nodes, spec
from .segment import Graph, Residuals, backward_op, residual_op
from .strides import of_gradient
from .tape import BACKWARD, INPUT, LEAF, WATCHED, Node, Tape, input_outs, needs, path, state
from .xla import origins, traced

__all__ = ["SECOND_TIME", "check_not_freed", "end_before_accumulating", "first_backward", "held", "known_gradients", "leading_to",
           "let_go", "numbers_of", "record_backward", "segment_backward"]

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after "
    "calling backward.")


def first_backward(x: Any, retain: bool) -> bool:
    """The common case, done shortly: the first backward of the open tape, into leaves without gradients and hooks.

    Returns False, with nothing done, where the case is another.
    """
    tape = state.tape
    if x._tape is not tape or tape.stepped or tape.upstream or tape.hooked or tape.leaves or tape.extra & WATCHED:
        return False
    node = tape.node.children.get(_key((x._node.slot,), (None,), None, (), retain, False, -1))
    if node is None:
        return False
    inputs, outs = tape.inputs, node.outs
    places = node.info.places
    for place in places:
        leaf = inputs[place]
        if leaf._grad is not None or leaf._hooks or leaf._post_hooks:
            return False
    tape.node, tape.stepped, tape.mark = node, True, node
    new, cls, append = object.__new__, hooks.tensor, tape.tensors.append
    for place, out in zip(places, outs, strict=True):
        inputs[place]._grad = g = new(cls)
        g._tape, g._node = tape, out
        append(g)
    return True


def known_gradients(roots: list, cotangents: list, targets: list, retain: bool, create: bool) -> list | None:
    """The common case of `autograd.grad`, done shortly: a known entry of the open tape, without hooks and older graphs on it.

    Returns the gradient of each target, None for one that is not reached; or None alone, with nothing done, where the case is
    another.
    """
    tape = state.tape
    if tape.nested is not None or tape.hooked or tape.extra & WATCHED:
        return None
    for x in roots:
        if x._tape is not tape or x._view is not None or x._leaf:
            return None
    places: list[int | None] = []
    for x in targets:
        if x._hooks or x._view is not None or id(x) in tape.foreign:
            return None
        places.append(x._node.slot if x._tape is tape or x._home is tape else None)     # as `behind.targets_on`
    if any(c is not None and c._view is not None for c in cotangents):
        return None
    try:
        cts = tuple([None if c is None else slot_of(tape, c) for c in cotangents])
    except Restart:
        return None
    if tape.upstream:
        return None
    asked = tuple(sorted({s for s in places if s is not None}))
    node = tape.node.children.get(_key(tuple([x._node.slot for x in roots]), cts, asked, (), retain, create, -1))
    if node is None:
        return None
    tape.node = node
    if not create:
        tape.stepped, tape.mark = True, node
    found = {s: hooks.make(tape, out) for s, out in zip(node.info.wrt, node.outs, strict=True)}
    return [found.get(s) for s in places]       # type: ignore[arg-type]


def _key(roots: tuple, cts: tuple, asked: tuple | None, stops: tuple, retain: bool, create: bool, down_to: int) -> tuple:
    """By what a backward entry is known: `first_backward` looks for what `record_backward` made."""
    return BACKWARD, roots, cts, asked, stops, retain, create, down_to


def end_before_accumulating(tape: Tape, roots: list) -> None:
    """A second backward that adds to gradients still lazy begins a tape of its own, if its forward came after the first."""
    mark = tape.mark
    if mark is None or not all(x._tape is tape and x._node.slot >= mark.next_slot for x in roots):
        return
    if any(x is not None and x._leaf and x._grad is not None and x._grad._data is None for x in tape.inputs):
        hooks.split(tape, mark)


def record_backward(tape: Tape, roots: tuple, cts: tuple, asked: tuple | None, stops: tuple, retain: bool, create: bool,
                    since: int | None = None, down_to: int = -1) -> Node:
    """Follows or makes a backward entry. `asked`: the slots gradients are wanted of; None: every leaf.

    Where cotangents have a dimension more than their roots, it is that of a batch (`_batch`).
    since: the depth at which the walk began that this entry belongs to; what it freed itself it may pass again.
    down_to: it stops at all results of entries up to this slot.
    """
    key = _key(roots, cts, asked, stops, retain, create, down_to)
    node = advance(tape, key, lambda: _entry(tape, roots, cts, asked, stops, retain, create, since, down_to))
    if not create:
        tape.stepped = True
        tape.mark = node
    if tape.extra & WATCHED and asked != ():
        found, _ = reach(path(node)[:-1], roots, stops)
        hooks.pulled(found if asked is None else leading_to(found, node.info.wrt), tape.outs(), node.info.wrt)
    return node


def _entry(tape: Tape, roots: tuple, cts: tuple, asked: tuple | None, stops: tuple, retain: bool, create: bool,
           since: int | None, down_to: int) -> Node:
    """A backward entry: which slots it hands gradients to, and what it frees."""
    nodes = path(tape.node)
    known = tape.outs()
    freed = {s for n in nodes if n.kind is BACKWARD and (since is None or n.depth <= since) for s in n.info.freed}
    kinds = {o.slot: n.kind for n in nodes for o in n.outs}
    paused = stops
    if down_to >= 0:
        _, touched = reach([n for n in nodes if n.slot > down_to], roots, stops)
        stops = (*stops, *(s for s in touched if s <= down_to and known[s].rg and kinds[s] not in (INPUT, LEAF)))
    found, touched = reach(nodes, roots, stops)
    ends = [s for s in touched if known[s].rg and kinds[s] in (INPUT, LEAF)]
    if asked is None:
        wrt = sorted({*ends, *(s for s in stops if s in touched)})
    else:
        asked = tuple([s for s in asked if s in touched])
        wrt = sorted({*asked, *(s for s in stops if s in touched)})
    if asked is not None and wrt:
        found = leading_to(found, wrt)      # what lies beside or behind what is asked for is not gone through
    check_not_freed(found, freed)
    moving = {s for s in touched if known[s].rg}
    refuse_underived(found, moving if asked is None else moving & {*wrt, *(o.slot for n in found for o in n.outs)})
    inner = frozenset(s for s in wrt if kinds[s] not in (INPUT, LEAF))
    between = leading_to(found, wrt) if create else []
    node = Node(tape.node, BACKWARD, None, tuple(c for c in cts if c is not None))
    gone = frozenset() if retain else frozenset(o.slot for n in found for o in n.outs)
    batch = _batch(known, roots, cts)
    node.info = Backward(roots, cts, tuple(wrt), frozenset(stops), create, between, gone, inner, asked, batch)
    node.info.paused, node.info.down_to = paused, down_to
    inputs = [o.slot for o in input_outs(nodes)]
    node.info.order = in_order(wrt, turns(found, known.__getitem__))
    node.info.places = tuple(inputs.index(s) if kinds[s] is INPUT else -1 for s in wrt)
    avals = [_of_gradient(known[s].aval, batch) for s in wrt]
    node.results(avals, [False] * len(wrt), True)
    if create and wrt:
        flags = _differentiable(node, known)
        node.outs, node.next_slot = (), node.slot
        node.results(avals, flags, True)
    return node


def _batch(known: list[Out], roots: tuple, cts: tuple) -> int | None:
    """How many cotangents the first dimension of each counts; None where each is that of its root."""
    for r, c in zip(roots, cts, strict=True):
        if c is not None and len(known[c].aval.shape) > len(known[r].aval.shape):
            return known[c].aval.shape[0]
    return None


def _of_gradient(aval: Aval, batch: int | None) -> Aval:
    """What a gradient is; where it is one of many it lies row by row."""
    if batch is not None:
        return aval_of((batch, *aval.shape), aval.dtype, aval.device)
    strides = of_gradient(aval)
    return aval if strides is aval.strides else aval_of(aval.shape, aval.dtype, aval.device, strides)


def _differentiable(node: Node, known: list[Out]) -> list[bool]:
    """Which of the gradients depend on something that requires a gradient: those of a linear function do not.

    Notes on the entry what they depend on: a gradient goes there and nowhere else.
    """
    b = node.info
    reads = sorted(needs(node))

    def gradients(floats: Any, ints: Any, *values: Any) -> list:
        env: dict[int, Any] = dict(zip(reads, values, strict=True))
        run_nodes([node], env, (floats, ints))
        return [env[o.slot] for o in node.outs]

    specs = [spec(known[s].aval) for s in reads]
    moving = {k for k, s in enumerate(reads) if known[s].rg}
    # the numbers are arguments, too: with values a power of one would look linear
    found = [moving & {k - 2 for k in o} for o in origins(traced(jax.make_jaxpr(gradients), *number_specs(node), *specs).jaxpr)]
    b.sources = sorted({reads[k] for o in found for k in o})
    return [bool(o) for o in found]


def leading_to(found: list[Node], wrt: Iterable[int]) -> list[Node]:
    """Of the entries on the way, those that depend on `wrt`."""
    dependent = set(wrt)
    nodes = []
    for n in found:
        if any(s in dependent for s in sources_of(n)):
            nodes.append(n)
            dependent.update(o.slot for o in n.outs)
    return nodes


def check_not_freed(found: list[Node], freed: frozenset[int] | set[int]) -> None:
    """torch's error where a backward has taken what these entries saved."""
    for n in found if freed else ():
        if any(o.slot in freed for o in n.outs) and (n.op is None or n.op.saves):
            raise RuntimeError(SECOND_TIME)


def segment_backward(graph: Graph, found: list[Node], starts: dict, wrt: tuple, stops: frozenset, create: bool,
                     batched: bool, there: Mapping[int, Any]) -> Any:
    """Records the backward of a graph: from residuals where its program kept them, else by running its entries again.

    there: tensors that stand at slots of the graph: what their values tell is not computed again; gradients of the gradients
    come to them.
    """
    ending = graph.ending
    if not graph.apart and any(g.is_meta for g in starts.values()):
        raise NotImplementedError(NO_DATA)
    if state.tape.extra & WATCHED:
        hooks.pulled(found, {o.slot: o for n in graph.entries() for o in n.outs}, wrt)
    simple = not (create or batched or graph.values is None) and all(s in graph.sources or s in stops for s in wrt)
    ends = {*starts}.difference(ending.kept) | stops if simple else None
    if ends is not None and graph.residuals is not None and graph.residuals[0].cuts >= ends:
        op = residual_op(graph, tuple(starts), wrt, stops)
        return record(op, (_wrapped(*graph.residuals), list(starts.values())))
    depends: list[frozenset[int]] = []
    if graph.values is not None:
        linked = graph.linked(found, tuple(starts), wrt) if create else frozenset()
        nodes, first, between = graph.needed(tuple(starts), wrt, frozenset(there))
        op = backward_op(graph, nodes, first, tuple(starts), wrt, stops, between)
        at = (*first, *between)
        if create:
            depends = _dependences(op, graph, at, tuple(starts))
            linked = {at[k] for k in frozenset().union(*depends) if k < len(at) and at[k] in linked}
        values = [_standing(graph, there[s], s, s in linked) if s in there else held(graph, s, s in linked) for s in at]
        if ends is not None:    # the next time a tape ends like this, its program keeps what this backward had to compute again
            ending.residuals = (ending.residuals or frozenset()) | ends
    else:
        nodes, first = found, tuple(_outside(found))
        op = backward_op(graph, nodes, first, tuple(starts), wrt, stops)
        outs = {o.slot: o for n in graph.entries() for o in n.outs}
        values = [hooks.zeros(outs[s].aval) for s in first]
    if batched:
        op = _over_a_batch(op)
    numbers, cotangents = numbers_of(graph), list(starts.values())
    grads = record(op, (values, numbers, cotangents))
    if not depends:
        return grads
    moving = {k for k, x in enumerate((*values, *numbers, *cotangents)) if x.requires_grad}
    return [g if o & moving else g.detach() for g, o in zip(grads, depends, strict=True)]


def _wrapped(residuals: Residuals, arrays: list) -> list:
    """What the program of a graph kept, as tensors of this thread's."""
    if residuals.avals is None:
        residuals.avals = [hooks.aval_of_array(a) for a in arrays]
    # from inside a transform they are tensors of the tape outside, like all that its function reads
    owner = state.tape.thread if state.tape.nested is None else None
    new, cls, found = object.__new__, hooks.tensor, []
    for aval, array in zip(residuals.avals, arrays, strict=True):
        x = new(cls)
        x._node, x._data, x._owner = aval.plain, array, owner
        found.append(x)
    return found


def _standing(graph: Graph, x: Any, slot: int, linked: bool) -> Any:
    """The value of a tensor that stands at a slot; `linked`: with its place there."""
    if x._data is None:
        return x if linked else x.detach()
    return hooks.wrap(x._data, (graph, slot) if linked else None)


def _dependences(op: Op, graph: Graph, at: tuple[int, ...], roots: tuple[int, ...]) -> list[frozenset[int]]:
    """For each gradient that the backward `op` of a graph finds, what it depends on: values at the slots `at`, the two vectors of
    numbers, cotangents of `roots`, by their places in this order. Found out once."""
    known = _depends.get(op)
    if known is None:
        outs = {o.slot: o.aval for n in graph.entries() for o in n.outs}
        values, cotangents = ([spec(outs[s]) for s in slots] for slots in (at, roots))
        known = _depends[op] = origins(traced(jax.make_jaxpr(op.fn), values, list(graph.numbers), cotangents).jaxpr)
    return known


_index = count(3_000_000)
_depends: WeakKeyDictionary[Op, list[frozenset[int]]] = WeakKeyDictionary()
_batched: WeakKeyDictionary[Op, Op] = WeakKeyDictionary()


def _over_a_batch(op: Op) -> Op:
    """The backward of a graph over a batch of cotangents: the first dimension of each, and of each result."""
    found = _batched.get(op)
    if found is None:
        fn = jax.vmap(op.fn, in_axes=(None, None, 0))

        def batched_backward(values: list, numbers: list, cotangents: list) -> tuple:
            return fn(values, numbers, cotangents)
        found = _batched[op] = Op("batched_backward", batched_backward, "autograd", op.params, frozenset(),
                                          index=next(_index), rule="GradBackward0")
    return found


def _outside(found: list[Node]) -> list[int]:
    made = {o.slot for n in found for o in n.outs}
    return sorted({s for n in found for s in needs(n)} - made)


def numbers_of(graph: Graph) -> list:
    """The runtime numbers of a graph as tensors, where the rest of it is."""
    device = META if graph.apart else graph.node.outs[0].aval.device if graph.node.outs else "cpu"
    return [hooks.from_array(v, device) for v in graph.numbers]


def let_go(freeing: list[tuple[Graph, set[int]]], left: dict[Tape, list[int]]) -> None:
    """Notes what a backward has freed: slots of ended graphs; what it went through on tapes, from the slots where it began."""
    for graph, slots in freeing:
        graph.freed |= slots
    for tape, roots in left.items():
        if tape is state.tape:
            with suppress(Restart):
                record_backward(tape, tuple(roots), (None,) * len(roots), (), (), False, False, 0)
        elif tape.graph is not None:
            found, _ = reach(tape.graph.entries(), roots)
            tape.graph.freed |= {o.slot for n in found for o in n.outs}


def held(graph: Graph, slot: int, linked: bool) -> Any:
    """A value a graph starts from as a tensor; `linked`: with its place in the graph, for a backward of the backward."""
    array = graph.values[slot]
    source = graph.sources.get(slot)
    if linked and source is not None:
        if not isinstance(source, tuple) and (source._data is array or graph.apart):
            return source
        return hooks.wrap(array, source)
    return hooks.wrap(array)
