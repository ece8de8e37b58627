"""Backward: from roots to the leaves, over the open tape and the graphs of ended ones.

In: tensors and their cotangents.  Out: gradients, recorded as entries like everything else.  The open tape is one entry;
each older graph is one op.  Where the walk goes through several graphs, the tape ends between them, so that equal graphs run
equal programs.
"""
from __future__ import annotations

from typing import Any

from .plan import Backward, reach, sources_of
from .recorder import Restart, advance, enter, hooks, record
from .segment import Graph, backward_op, residual_op
from .tape import BACKWARD, INPUT, LEAF, Node, Tape, path, state

__all__ = ["SECOND_TIME", "first_backward", "gradients", "record_backward"]

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after "
    "calling backward.")


class Pass:
    """One backward: what is asked, and what has been found so far."""

    def __init__(self, targets: list | None, retain: bool, create: bool) -> None:
        self.targets = None if targets is None else {id(x): x for x in targets}
        self.retain, self.create = retain, create
        self.found: dict[int, tuple[Any, Any]] = {}             # id of a tensor -> (tensor, gradient)
        self.pending: dict[Graph, dict[int, Any]] = {}          # graph -> slot -> cotangent

    def add(self, x: Any, g: Any) -> None:
        """Adds a contribution to the gradient of tensor `x`."""
        known = self.found.get(id(x))
        self.found[id(x)] = (x, g if known is None else hooks.add(known[1], g))

    def send(self, graph: Graph, slot: int, g: Any) -> None:
        """Adds a contribution to the cotangent of a result of an older graph."""
        at = self.pending.setdefault(graph, {})
        at[slot] = hooks.add(at[slot], g) if slot in at else g

    def deliver(self, source: Any, g: Any) -> None:
        """`source` is a leaf or a place in an older graph."""
        if isinstance(source, tuple):
            self.send(*source, g)
        elif self.targets is None or id(source) in self.targets:
            self.add(source, g)


def gradients(roots: list, cotangents: list, targets: list | None, retain: bool, create: bool) -> dict[int, tuple[Any, Any]]:
    """Gradients by id of tensor: of `targets`, or of every leaf that is reached.

    roots: tensors that require a gradient; cotangents: tensors, or None for ones.
    """
    walk = Pass(targets, retain, create)
    if targets is None and state.tape.stepped:
        _end_before_accumulating(state.tape, roots)
    for x in [*roots, *(targets or ()), *cotangents]:
        if x is not None and x._view is not None:
            hooks.refresh(x)
    grad_mode = state.tape.grad
    try:
        while True:
            try:
                _from_open_tape(walk, roots, cotangents)
                break
            except Restart:     # the tape ended before the backward was recorded: its roots are in graphs now
                walk.found.clear()
                walk.pending.clear()
        state.tape.set_grad(create)
        first = True
        while walk.pending:
            graph = max(walk.pending, key=lambda g: g.serial)
            if not isinstance(graph, Graph):
                # a Python function (autograd.Function): its backward runs now, and what it returns goes on from its inputs
                inputs, grads = graph.pull(_arrived(walk, graph, walk.pending.pop(graph)), walk.retain, walk.create)
                _from_open_tape(walk, inputs, grads)
                continue
            if not first or len(walk.pending) > 1 or graph_continues(graph):
                hooks.finish(state.tape)
            first = False
            _through(walk, graph, _arrived(walk, graph, walk.pending.pop(graph)))
    finally:
        state.tape.set_grad(grad_mode)
    return walk.found


def first_backward(x: Any, c: Any, retain: bool) -> bool:
    """The common case, done shortly: the first backward of the open tape, into leaves without gradients and hooks.

    Returns False, with nothing done, where the case is another.
    """
    tape = state.tape
    if x._tape is not tape or c is not None or tape.stepped or tape.upstream or tape.hooked or tape.leaves:
        return False
    node = tape.node.children.get((BACKWARD, (x._node.slot,), (None,), None, (), retain, False))
    if node is None:
        return False
    inputs, outs = tape.inputs, node.outs
    places = node.info.places
    for place in places:
        leaf = inputs[place]
        if leaf._grad is not None or leaf._hooks or leaf._post_hooks:
            return False
    tape.node, tape.stepped, tape.mark = node, True, node
    make = hooks.make
    for place, out in zip(places, outs, strict=True):
        inputs[place]._grad = make(tape, out)
    return True


def _arrived(walk: Pass, graph: Any, starts: dict[int, Any]) -> dict[int, Any]:
    """The cotangents of results of a graph, after the hooks of the tensors that stand there; kept where they are asked for."""
    for s in list(starts):
        x = graph.hooked.get(s)
        if x is not None and (x._hooks or x._retains):
            starts[s] = hooks.run_hooks(x, starts[s])
        for target in (walk.targets or {}).values():
            if target._graph is not None and target._graph[0] is graph and target._graph[1] == s:
                walk.add(target, starts[s])
    return starts


def graph_continues(graph: Graph) -> bool:
    """Whether older graphs lie behind this one."""
    return any(isinstance(s, tuple) for s in graph.sources.values())


def _end_before_accumulating(tape: Tape, roots: list) -> None:
    """A second backward that adds to gradients still lazy begins a tape of its own, if its forward came after the first."""
    mark = tape.mark
    if mark is None or not all(x._tape is tape and x._node.slot >= mark.next_slot for x in roots):
        return
    if any(x._leaf and x._grad is not None and x._grad._data is None for x in tape.inputs):
        hooks.split(tape, mark)


def _from_open_tape(walk: Pass, roots: list, cotangents: list) -> None:
    """The part of the walk on the open tape; what leaves it goes to `walk.pending` and `walk.found`."""
    starts: dict[int, Any] = {}
    for x, c in zip(roots, cotangents, strict=True):
        place = x._graph
        if place is not None and x._data is not None:
            walk.send(*place, c if c is not None else hooks.ones_like(x))
        elif x._data is not None or x._leaf:
            walk.deliver(x, c if c is not None else hooks.ones_like(x))
        else:
            starts[x._node.slot] = (x, c)
    if not starts:
        return
    xs = [x for x, _ in starts.values()]
    cs = [c for _, c in starts.values() if c is not None]
    tape, *entered = enter(*xs, *cs)
    given = iter(entered[len(xs):])
    slots = {s: None if c is None else next(given) for s, (_, c) in zip(entered, starts.values(), strict=False)}
    waiting = sorted((s for s in tape.hooked if tape.hooked[s]._hooks or tape.hooked[s]._retains), reverse=True)
    _pull_open(walk, tape, slots, waiting)


def _pull_open(walk: Pass, tape: Tape, starts: dict[int, int | None], waiting: list[int]) -> None:
    """Records a backward from `starts` (slot -> cotangent's slot); a tensor with hooks is a stop, and begins another one."""
    asked = ()
    if walk.targets is not None:
        asked = tuple(sorted({x._node.slot for x in walk.targets.values() if x._tape is tape or x._home is tape}))
    stops = tuple(s for s in waiting if s not in starts)
    node = record_backward(tape, tuple(starts), tuple(starts.values()), None if walk.targets is None else asked, stops,
                           walk.retain, walk.create)
    later: dict[int, Any] = {}
    for out, slot, place in zip(node.outs, node.info.wrt, node.info.places, strict=True):
        g = hooks.make(tape, out)
        if slot in stops:
            later[slot] = g
            continue
        source = _source(tape, slot, place)
        if isinstance(source, tuple):
            walk.send(*source, g)
        elif source is not None:
            walk.deliver(source, g)
        elif slot in asked:
            walk.deliver(_asked_at(walk, tape, slot), g)
    for slot in sorted(later, reverse=True):
        x = tape.hooked[slot]
        g = hooks.run_hooks(x, later[slot])
        if walk.targets is not None and id(x) in walk.targets:
            walk.add(x, g)
        tape2, c = enter(g)
        if tape2 is not tape:
            raise RuntimeError("a hook ended the step (it looked at a value); look at values after backward()")
        _pull_open(walk, tape, {slot: c}, [s for s in waiting if s < slot])


def _source(tape: Tape, slot: int, place: int) -> Any:
    """The leaf at a slot, or the place in an older graph it came from; None for a result of the tape."""
    if place >= 0:
        return tape.upstream[slot] if slot in tape.upstream else tape.inputs[place]
    return tape.upstream.get(slot) or tape.leaves.get(slot)


def _asked_at(walk: Pass, tape: Tape, slot: int) -> Any:
    """The target that stands at a slot of the tape."""
    return next(x for x in (walk.targets or {}).values() if x._node.slot == slot and (x._tape is tape or x._home is tape))


def record_backward(tape: Tape, roots: tuple, cts: tuple, asked: tuple | None, stops: tuple, retain: bool, create: bool) -> Node:
    """Follows or makes a backward entry. `asked`: the slots gradients are wanted of; None: every leaf."""
    key = (BACKWARD, roots, cts, asked, stops, retain, create)
    node = advance(tape, key, lambda: _entry(tape, roots, cts, asked, stops, retain, create))
    if not create:
        tape.stepped = True
        tape.mark = node
    return node


def _entry(tape: Tape, roots: tuple, cts: tuple, asked: tuple | None, stops: tuple, retain: bool, create: bool) -> Node:
    """A backward entry: which slots it hands gradients to, and what it frees."""
    nodes = path(tape.node)
    known = tape.outs()
    freed = {s for n in nodes if n.kind is BACKWARD for s in n.info.freed}
    found, touched = reach(nodes, roots, stops)
    _check_not_freed(found, freed)
    kinds = {o.slot: n.kind for n in nodes for o in n.outs}
    ends = [s for s in touched if known[s].rg and kinds[s] in (INPUT, LEAF)]
    if asked is None:
        wrt = sorted({*ends, *(s for s in stops if s in touched)})
    else:
        # results of the tape that are asked for, inputs asked for, and inputs through which older graphs are reached
        wrt = sorted({s for s in asked if s in touched} | {s for s in ends if s in tape.upstream}
                     | {s for s in stops if s in touched})
    inner = frozenset(s for s in wrt if kinds[s] not in (INPUT, LEAF))
    between = _between(found, wrt) if create else []
    node = Node(tape.node, BACKWARD, None, tuple(c for c in cts if c is not None))
    gone = frozenset() if retain else frozenset(o.slot for n in found for o in n.outs)
    node.info = Backward(roots, cts, tuple(wrt), frozenset(stops), create, between, gone, inner, asked)
    inputs = [n.slot for n in nodes if n.kind is INPUT]
    node.info.places = tuple(inputs.index(s) if kinds[s] is INPUT else -1 for s in wrt)
    node.results([known[s].aval for s in wrt], [create] * len(wrt), True)
    return node


def _between(found: list[Node], wrt: list[int]) -> list[Node]:
    """Of the entries on the way, those that depend on `wrt`."""
    dependent = set(wrt)
    nodes = []
    for n in found:
        if any(s in dependent for s in sources_of(n)):
            nodes.append(n)
            dependent.update(o.slot for o in n.outs)
    return nodes


def _check_not_freed(found: list[Node], freed: set[int]) -> None:
    for n in found:
        if any(o.slot in freed for o in n.outs) and (n.op is None or n.op.saves):
            raise RuntimeError(SECOND_TIME)


def _through(walk: Pass, graph: Graph, starts: dict[int, Any]) -> None:
    """Takes cotangents through the graph of an ended tape."""
    entries = graph.entries()
    waiting = sorted((s for s, x in graph.hooked.items() if s not in starts and (x._hooks or x._retains)), reverse=True)
    found, touched = reach(entries, starts, waiting)
    _check_not_freed(found, graph.freed)
    asked = {} if walk.targets is None else {x._graph[1]: x for x in walk.targets.values()
                                             if x._graph is not None and x._graph[0] is graph}
    stops = frozenset(s for s in waiting if s in touched)
    wrt = tuple(sorted({s for s in touched if s in graph.sources and _wanted(walk, graph.sources[s])}
                       | {s for s in asked if s in touched and s not in starts} | stops))
    grads = _segment_backward(walk, graph, found, starts, wrt, stops) if wrt else ()
    if not walk.create:
        state.tape.stepped, state.tape.mark = True, state.tape.last
    if not walk.retain:
        graph.freed.update(o.slot for n in found for o in n.outs)
    later = {}
    for s, g in zip(wrt, grads, strict=True):
        if s in stops:
            later[s] = g
        elif s in asked:
            walk.add(asked[s], g)
            if s in graph.sources:
                walk.deliver(graph.sources[s], g)
        else:
            walk.deliver(graph.sources[s], g)
    for slot in sorted(later, reverse=True):
        x = graph.hooked[slot]
        g = hooks.run_hooks(x, later[slot])
        if walk.targets is not None and id(x) in walk.targets:
            walk.add(x, g)
        _through(walk, graph, {slot: g})


def _segment_backward(walk: Pass, graph: Graph, found: list[Node], starts: dict, wrt: tuple, stops: frozenset) -> Any:
    """Records the backward of a graph: from residuals where its program kept them, else by running its entries again."""
    ending = graph.ending
    if graph.residuals is not None and not stops and not walk.create and all(s in graph.sources for s in wrt):
        op = residual_op(graph, tuple(starts), wrt)
        return record(op, ([hooks.wrap(a) for a in graph.residuals[1]], list(starts.values())))
    if ending is not None:
        nodes, first = ending.nodes, ending.values
        values = [_held(graph, s, walk.create) for s in first]
        # the next time a tape ends like this, its program keeps what this backward had to compute again
        ending.residuals = ending.residuals or not walk.create
    else:
        nodes, first = found, tuple(_outside(found))
        outs = {o.slot: o for n in graph.entries() for o in n.outs}
        values = [hooks.zeros(outs[s].aval) for s in first]
    op = backward_op(graph, nodes, first, tuple(starts), wrt, stops)
    return record(op, (values, [hooks.from_array(v) for v in graph.numbers], list(starts.values())))


def _wanted(walk: Pass, source: Any) -> bool:
    return walk.targets is None or isinstance(source, tuple) or id(source) in walk.targets


def _outside(found: list[Node]) -> list[int]:
    made = {o.slot for n in found for o in n.outs}
    return sorted({s for n in found for s in sources_of(n)} - made)


def _held(graph: Graph, slot: int, linked: bool) -> Any:
    """A value a graph starts from as a tensor; `linked`: with its place in the graph, for a backward of the backward."""
    array = graph.values[slot]
    source = graph.sources.get(slot)
    if linked and source is not None:
        if not isinstance(source, tuple) and source._data is array:
            return source
        return hooks.wrap(array, source)
    return hooks.wrap(array)


