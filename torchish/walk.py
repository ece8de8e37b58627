"""Backward: from roots to the leaves, over the open tape and the graphs of ended ones.

In: tensors and their cotangents.  Out: gradients by tensor, recorded as entries like everything else.  What waits is pulled
in the order of age, the youngest first; where hooks stand the walk pauses until the whole gradient has arrived, and goes on
from wherever the place is then: a hook that looked at a value has ended the tape.  Where the walk goes through several
graphs, the tape ends between them, so that equal graphs run equal programs.
"""
from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from .anomaly import anomaly, check_function, check_graph, check_tape
from .behind import (
    Behind,
    computed,
    entries_of,
    functions_behind,
    is_function,
    leading,
    linked,
    maker_of,
    now_at,
    pauses,
    positions,
    sisters,
    source_at,
    source_of,
    spread,
    stand,
    targets_on,
)
from .graph import check_not_freed, end_before_accumulating, leading_to, let_go, record_backward, segment_backward
from .leaves import Leaves
from .nodes import in_turn, operand_slots, pull_node, stand_in, value_at
from .order import in_order
from .recorder import Restart, enter, hooks
from .segment import Graph
from .stops import NotBatched, Start, Stop
from .tape import Tape, state

__all__ = ["NotBatched", "Pass", "gradients", "running"]

running: list[Pass] = []        # the walks under way, the innermost last
_ids = count(1)


class Pass(Leaves):
    """One backward: what is asked, what waits, and what has been found so far."""

    def __init__(self, targets: list | None, retain: bool, create: bool, arrived: Callable | None, batch: int | None) -> None:
        self.careful: bool | None = None        # whether values of gradients are kept until all is done
        self.batch = batch              # how many cotangents are pulled at once
        self.arrived = arrived          # what is done to a leaf and its gradient
        self.id = next(_ids)
        self.targets = None if targets is None else {id(x): x for x in targets}
        self.retain, self.create = retain, create
        self.found: dict[int, tuple[Any, Any]] = {}             # id of a tensor -> (tensor, gradient)
        self.hooked: set[int] = set()                           # leaves whose hooks have run
        self.done: set[int] = set()                             # tensors whose gradient has been accumulated
        self.borrowed: set[int] = set()                         # gradients that someone else may hold, too
        self.open: list[Start] = []
        self.pending: dict[Any, dict[int, list]] = {}           # graph or function -> slot -> [cotangent, hooks have run]
        self.left: dict[Tape, list[int]] = {}                   # tape -> slots it was pulled from, nothing freed yet
        self.freeing: list[tuple[Graph, set[int]]] = []
        self.final: list[Callable] = []                         # what is called when all is done
        self.tape, self.depth = state.tape, state.tape.node.depth
        self.through = False                                    # an older graph has been gone through
        self.towards: Behind | None = None      # what leads to a target
        self.seen: Tape | None = None           # the open tape when that was found out
        self.ahead: Behind | None = None        # what the walk will come to
        self.roots: list[tuple[Any, int]] = []
        self.begins: tuple[Any, int, dict[Any, int]] = (None, 0, {})    # of custom functions on a home with so many sources

    # what arrives where

    def sum(self, a: Any, b: Any) -> Any:
        """The sum of two contributions, in the grad mode of a backward."""
        state.tape.set_grad(self.create)
        return hooks.add(a, b)

    def add(self, x: Any, g: Any) -> None:
        """Adds a contribution to the gradient of tensor `x`."""
        known = self.found.pop(id(x), None)     # the turn of a leaf comes when its gradient is complete
        self.found[id(x)] = (x, g if known is None else self.sum(known[1], g))

    def start(self, x: Any, g: Any) -> None:
        """Begins, or goes on, at tensor `x`."""
        if x._leaf:
            g = hooks.ones_like(x) if g is None else g if x._grad_dtype is None else hooks.to_dtype(g, x.dtype)
            self.borrowed.add(id(g))
            self.deliver(x, g)
        else:
            self.open.append(Start(x, g, False))

    def deliver(self, source: Any, g: Any) -> None:
        """`source` is a leaf or a place in an older graph."""
        if self._wanted(source):
            self.send(source, g, False) if isinstance(source, tuple) else self.add(source, g)

    def send(self, place: tuple[Any, int], g: Any, done: bool) -> None:
        """Adds a contribution to the cotangent at a place in an older graph or of a function's result."""
        graph, slot = place
        at = self.pending.setdefault(graph, {})
        known, ran = at.get(slot, (None, False))
        at[slot] = [g if known is None else self.sum(known, g), done or ran]

    def _leads(self, place: tuple[Any, int]) -> bool:
        """Whether a target stands at or behind a place."""
        known = self.towards
        if known is None or id(place[0]) not in known.homes or (self.seen is not state.tape and id(self.seen) in known.homes):
            self.towards, self.seen = leading([place, *self._waiting()], (self.targets or {}).values()), state.tape
        return self.towards.holds(place)    # type: ignore[union-attr]

    def _waiting(self) -> list[tuple[Any, int]]:
        """The places where gradients wait."""
        return [stand(s.x) for s in self.open] + [(graph, s) for graph, at in self.pending.items() for s in at]

    def _needed(self, home: Any, slots: Any) -> bool:
        """Whether a node has to be gone through: no, where no target lies behind it."""
        if self.targets is None:
            return True
        if is_function(home):
            return self._leads((home, -1))
        made = {s for n in entries_of(home) if any(o.slot in slots for o in n.outs) for s in operand_slots(n)}
        sources = [source_at(home, s) for s in slots if s not in made]
        return any(self._leads((home, s)) for s in made) or any(self._leads(s) if isinstance(s, tuple) else id(s) in self.targets
                                                                for s in sources if s is not None)

    # the order of things

    def go(self) -> None:
        """Until nothing waits."""
        while True:
            self._settle()
            if self.open:
                try:
                    self._on_tape(state.tape)
                except Restart:         # the tape ended before the entry was recorded: what waits is in graphs now
                    continue
            elif self.pending:
                self._in_graph(max(self.pending, key=lambda g: g.serial))
            else:
                break
        self._finish_leaves(list(self.found))
        # what has been gone through of a tape on the way to given targets is not noted
        let_go(self.freeing, self.left if self.targets is None else {})
        for callback in self.final:     # it may grow meanwhile
            callback()

    def _settle(self) -> None:
        """What waited on a tape that has ended since waits in its graph now."""
        here, tape = [], state.tape
        for s in self.open:
            x = s.x
            computed(x, tape)
            if x._graph is not None:
                self.towards = None     # the tape may have become a graph
                self.send(x._graph, s.g if s.g is not None else hooks.ones_like(x), s.done)
            else:
                here.append(s)
        self.open = here

    def _on_tape(self, tape: Tape) -> None:
        """The next thing on the open tape: a pull from everything that may go on, or the hooks of the last place that waits."""
        now, *slots = enter(*[s.x for s in self.open])
        if now is not tape or any(s.x._graph is not None for s in self.open):
            return
        at: dict[int, Start] = {}
        for slot, s in zip(slots, self.open, strict=True):
            same = at.get(slot)
            if same is not None:
                ones = [hooks.ones_like(s.x) if g is None else g for g in (same.g, s.g)]
                s = Start(s.x, self.sum(*ones), same.done or s.done)
            at[slot] = s
        waiting = pauses(tape) if tape.hooked else []
        self.open = list(at.values())
        function, begin = self._youngest_function(tape)
        if function is not None and begin > max(at):
            self._in_graph(function)
            return
        # not past where a custom function's results begin: what it adds behind them goes on with the rest
        free = {slot: s for slot, s in at.items() if slot > begin and (s.done or slot not in waiting)}
        if free:
            self._pull_tape(tape, free, at, waiting, begin)
            return
        self._pause(tape, max(at), {k: s.g if s.g is not None else hooks.ones_like(s.x) for k, s in at.items()})

    def _in_graph(self, graph: Any) -> None:
        """The next thing in an older graph."""
        at = self.pending[graph]
        if is_function(graph):
            if self.batch is not None:
                raise NotBatched
            if self._leaves_first():
                return
            self._function(graph, {k: g for k, (g, _) in self.pending.pop(graph).items()})
            return
        waiting = pauses(graph) if graph.hooked else []
        free = {s: g for s, (g, done) in at.items() if done or s not in waiting}
        if not free:
            slot = max(at)
            if not self._younger_function(graph, slot):
                self._pause(graph, slot, {k: g for k, (g, _) in at.items()})
            return
        asked = {x._graph[1]: x for x in (self.targets or {}).values() if x._graph is not None and x._graph[0] is graph}
        passed = graph.passed([s for s in free if s in asked and not at[s][1]], tuple(free))
        for s in free:
            if not at.pop(s)[1] and s not in passed:
                self._capture(graph, s, free[s])
        if not at:
            del self.pending[graph]
        if not graph.apart and (self.through or self.pending or any(isinstance(s, tuple) for s in graph.sources.values())):
            hooks.finish(state.tape)
        self.through = self.through or not graph.apart
        state.tape.set_grad(self.create)
        self._pull_graph(graph, free, waiting, asked, passed)

    def _younger_function(self, home: Any, slot: int) -> bool:
        """Goes through a custom function that came after `slot` first: it may still add to the gradient there."""
        function, begin = self._youngest_function(home)
        if function is None or begin <= slot:
            return False
        self._in_graph(function)
        return True

    def _youngest_function(self, home: Any) -> tuple[Any, int]:
        """The custom function that waits whose results begin last on `home`, and the slot where; (None, -1) where there is none."""
        if not any(map(is_function, self.pending)):
            return None, -1
        size = len(home.upstream if isinstance(home, Tape) else home.sources)
        if self.begins[:2] != (home, size):
            self.begins = (home, size, positions(home))
        at = self.begins[2]
        begin, function = max(((at[g], g) for g in self.pending if g in at), key=lambda pair: pair[0], default=(-1, None))
        return function, begin

    # pulls

    def _pull_tape(self, tape: Tape, free: dict[int, Start], at: dict[int, Start], waiting: list[int], down_to: int) -> None:
        """Records a backward from `free`; the places where hooks wait are its stops, and begin another one, as do all results up to
        the slot `down_to`."""
        given = [s.g for s in free.values() if s.g is not None]
        now, *entered = enter(*given)
        if now is not tape:
            return
        places = iter(entered)
        cts = tuple([None if s.g is None else next(places) for s in free.values()])
        stops = tuple(sorted((s for s in waiting if s not in free and
                              (self.targets is None or self._leads((tape, s)))), reverse=True))
        asked: tuple = ()
        if self.targets is not None:
            asked = tuple(sorted(targets_on(tape, self.targets.values(), self._leads)
                                 - {s for s, f in free.items() if f.done} - set(stops)))
        if anomaly.check:
            check_tape(tape, tuple(free), cts)
        # Python that runs on the way may end the tape: what has been gone through is freed when all is done
        later = not self.retain and (bool(waiting) or any(is_function(home) for home, _ in tape.upstream.values()))
        node = record_backward(tape, tuple(free), cts, None if self.targets is None else asked, stops, self.retain or later,
                               self.create, self.depth if tape is self.tape else 0, down_to)
        if later:
            self.left.setdefault(tape, []).extend(s for s in free if s not in self.left.get(tape, ()))
        self.open = [s for slot, s in at.items() if slot not in free]
        grads = [hooks.make(tape, out) for out in node.outs]    # as `first_backward` does: the tape must end alike
        for k in node.info.order:
            g, slot, place = grads[k], node.info.wrt[k], node.info.places[k]
            if slot in node.info.stops:
                self.open.append(Start(stand_in(tape, slot), g, False))
                continue
            if slot in asked:
                self._capture(tape, slot, g)
            source = source_of(tape, slot, place)
            # an argument of a function on its own tape is a target and a source at once: it has been captured
            if source is not None and (slot not in asked or isinstance(source, tuple) or source._leaf or source._tape is not tape):
                self.deliver(source, g)

    def _pull_graph(self, graph: Graph, starts: dict[int, Any], waiting: list[int], here: dict[int, Any], passed: set[int]) -> None:
        """Takes cotangents through the graph of an ended tape. here: targets that stand in it. passed: starts that are targets."""
        hooked = [s for s in waiting if s not in starts]
        waiting = hooked if self.targets is None else [s for s in hooked if self._leads((graph, s))]
        found, touched, made, turn = graph.reached(tuple(starts), tuple(waiting))
        if anomaly.check:
            check_graph(graph, starts)
        stops = frozenset(s for s in waiting if s in touched)
        ends = {s for s in touched if s in graph.sources and self._wanted(graph.sources[s])}
        asked = {s for s in here if s in touched and s not in starts} | passed
        wrt = tuple(sorted(ends | asked | stops))
        if self.targets is not None:
            found = leading_to(found, wrt)
            made = {o.slot for n in found for o in n.outs}
        check_not_freed(found, graph.freed)
        grads: Any = ()
        if wrt:
            there = {s: x for s, x in here.items() if s in wrt and s not in starts and s not in stops and x._data is not None}
            if self.create and graph.values is not None:    # a gradient of the gradients may come to a tensor or a hook
                linked = graph.linked(found, tuple(starts), wrt)
                there |= {s: x for s, x in graph.alive().items() if s in linked}
                there |= {s: value_at(graph, s, True) for s in linked.intersection(hooked) - there.keys()}
            grads = segment_backward(graph, found, starts, wrt, stops, self.create, self.batch is not None, there)
        if not (self.create or graph.apart):
            state.tape.stepped, state.tape.mark = True, state.tape.last
        if not self.retain:
            self.freeing.append((graph, made))
        for k in in_order(wrt, turn):
            s, g = wrt[k], grads[k]
            if s in stops:
                self.send((graph, s), g, False)
                continue
            if s in asked:
                self._capture(graph, s, g)
            if s in ends:
                self.deliver(graph.sources[s], g)

    def _wanted(self, source: Any) -> bool:
        return self.targets is None or (self._leads(source) if isinstance(source, tuple) else id(source) in self.targets)

    def _function(self, step: Any, starts: dict[int, Any]) -> None:
        """A custom function: its hooks, its backward, and on from its inputs."""
        state.tape.set_grad(self.create)
        needed = self._needed(step, ())
        for k in sorted({*starts, *step.hooked}, key=lambda k: step.hooked[k].first() if k in step.hooked else 0):
            stop, g = step.hooked.get(k), starts.get(k)
            if stop is not None and stop.active():
                starts[k] = stop.run(g)
            if g is not None:
                self._capture(step, k, g if needed else starts[k])      # as in `_pause`
        if not needed:
            return
        node = step.node_hooks
        grads = [starts.get(k) for k in range(len(step.avals))]
        if node is not None:
            grads = node.run_pre(grads)
        result = step.pull(grads, self.retain, self.create)
        if anomaly.check:
            check_function(step, result)
        if node is not None:
            result = node.run_post(result, grads)
        for x, g in zip(step.inputs, result, strict=True):
            if x is not None and g is not None:
                if self._wanted(stand(x)):
                    self.start(x, g.to_dense() if g.is_sparse and not x.is_sparse else g)     # gradients of dense tensors are dense
            elif x is not None:     # the functions behind it run all the same, as in torch
                for home, slot in functions_behind(x):
                    self.pending.setdefault(home, {}).setdefault(slot, [None, True])

    # pauses

    def _capture(self, home: Any, slot: int, g: Any) -> None:
        """Keeps the gradient at a place for the targets that stand there."""
        for x in (self.targets or {}).values():
            if not x._leaf and (x._graph == (home, slot) if x._graph is not None else
                                x._node.slot == slot and (x._tape is home or x._home is home)):
                self.add(x, g)

    def _pause(self, home: Any, slot: int, grads: dict[int, Any]) -> None:
        """Runs the hooks at `slot`, whose gradient is complete: those of tensors, then those of the node."""
        state.tape.set_grad(self.create)
        if self.batch is not None:
            raise NotBatched
        if self._leaves_first():
            return
        stop: Stop | None = home.hooked.get(slot)
        made = maker_of(home, slot)
        node = made if stop is not None and stop.has_node_hooks() else None
        # the hooks of all results of an entry run in the order in which they were registered
        group = [s for s in sisters(made) if s in grads or (s in home.hooked and home.hooked[s].hooks)]
        if not group:
            group = [slot] if node is None else [o.slot for o in made.outs if o.slot in grads]
        group.sort(key=lambda s: home.hooked[s].first() if s in home.hooked else 0)
        held = {s: self._take(home, s) for s in group if s in grads}
        needed = self._needed(home, set(group))
        ran = {}
        for s in group:
            here, g = home.hooked.get(s), grads.get(s)
            if needed and g is not None:    # as in torch: what is asked for is taken before the hooks where the walk goes on
                self._capture(*now_at(held[s], home, s), g)
            ran[s] = here.run(g) if here is not None else g
            if not needed and g is not None:
                self._capture(*now_at(held[s], home, s), ran[s])
        if not needed:
            if node is not None and self.arrived is not None:
                stop.node.run_pre([ran.get(o.slot) for o in node.outs if o.rg])     # type: ignore[union-attr]
            return
        if node is not None:
            self._node_hooks(stop.node, node, held, home, ran)
            return
        for s, x in held.items():
            self._put(x, home, s, ran[s])

    def _node_hooks(self, node_hooks: Any, node: Any, held: dict, home: Any, grads: dict[int, Any]) -> None:
        """Runs the hooks of a node, and goes on from its results or, where a hook sees the operands' gradients, from those."""
        outs = [o for o in node.outs if o.rg]
        full = node_hooks.run_pre([grads.get(o.slot) for o in outs])
        saved = node_hooks.saved.unpack() if node_hooks.packed() else None
        if not node_hooks.post and saved is None:
            for o, g in zip(outs, full, strict=True):
                if g is not None and o.slot in held:
                    self._put(held[o.slot], home, o.slot, g)
            return
        first, x = next(iter(held.items()))
        home, first = now_at(x, home, first)
        node = maker_of(home, first)
        order = in_turn(home, node)
        below, results = pull_node(home, node, full, self.create, saved)
        if not self.retain:
            if isinstance(home, Graph):
                self.freeing.append((home, {o.slot for o in node.outs}))
            else:
                self.left.setdefault(home, []).append(first)
            if saved is not None:
                node_hooks.saved.free()
        if self.targets is not None:
            results = [None if x is None or not self._wanted(stand(x)) else g for x, g in zip(below, results, strict=True)]
        results = node_hooks.run_post(results, full)
        for k in order:
            if below[k] is not None and results[k] is not None:
                self.start(below[k], results[k])

    def _take(self, home: Any, slot: int) -> Any:
        """Takes what waits at a place out of the queue; the tensor that stands there, where that is on the open tape."""
        if isinstance(home, Tape):
            held = next(s for s in self.open if s.x._graph is None and s.x._node.slot == slot)
            self.open.remove(held)
            return held.x
        at = self.pending[home]
        at.pop(slot)
        if not at:
            del self.pending[home]
        return None

    def _put(self, held: Any, home: Any, slot: int, g: Any) -> None:
        """The gradient goes on from a place whose hooks have run, wherever the place is now."""
        if held is not None:
            self.open.append(Start(held, g, True))
        else:
            self.send((home, slot), g, True)

    def reaches(self, x: Any) -> bool:
        """Whether this backward will come to tensor `x`."""
        if self.ahead is None:
            self.ahead = spread(self.roots)
        at = stand(x)
        return self.ahead.holds(at) and (self.targets is None or id(x) in self.targets or (not x._leaf and self._leads(at)))


def gradients(roots: list, cotangents: list, targets: list | None, retain: bool, create: bool,
              arrived: Callable | None = None, batch: int | None = None) -> Pass:
    """The walk from `roots`: its `found` has the gradients of `targets`, or of every leaf that is reached.

    roots: tensors that require a gradient; cotangents: tensors, or None for ones.  arrived: called with each complete gradient.
    """
    if targets is None and state.tape.stepped:
        end_before_accumulating(state.tape, roots)
    for x in [*roots, *(targets or ()), *cotangents]:
        if x is not None and x._view is not None:
            hooks.refresh(x)
    if state.tape.nested is not None:
        linked(state.tape)
    walk = Pass(targets, retain, create, arrived, batch)
    if batch is not None:
        if state.tape.nested is not None or state.tape.inline is not None:
            raise NotBatched
        if not create:
            hooks.finish(state.tape)    # only what is a graph or an op can be pulled with a batch
        cotangents = [hooks.stack([hooks.ones_like(x)] * batch) if c is None else c for x, c in zip(roots, cotangents, strict=True)]
    for x, c in zip(roots, cotangents, strict=True):
        if c is not None:
            walk.borrowed.add(id(c))
        walk.start(x, c)
    mode = state.tape.grad
    running.append(walk)
    try:
        walk._settle()
        walk.roots = walk._waiting()
        walk.go()
    finally:
        running.remove(walk)
        state.tape.set_grad(mode)
    return walk
