"""Graphs that outlive their tape.

In: a tape that ended while tensors of it were still alive that require a gradient.  Out: a `Graph` (a segment): its entries,
the arrays they start from, and the leaves or older graphs its inputs came from; and its backward as an op of the table's kind,
one for each ending, so that equal segments share one program.
"""
from __future__ import annotations

from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary, ref

import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_unflatten

from .alike import Likeness
from .avals import Aval
from .ops.table import Op, Param
from .order import turns
from .plan import make_plan, reach, refuse_underived, sources_of
from .programs import Ending
from .replay import _conj, pull, run
from .strides import of_gradient
from .tape import APART, Node, Tape, input_outs, needs, next_serial, path

__all__ = ["Graph", "Residuals", "backward_op", "residual_op"]


_index = count(1_000_000)
_backwards: WeakValueDictionary[tuple, Op] = WeakValueDictionary()     # by what they compute


class Residuals:
    """What a program keeps for the backward that follows it: the vjps of its regions, taken apart into arrays and structure.

    An array that is an input or a result of the program is not returned a second time.
    """

    def __init__(self, results: int, cuts: frozenset[int]) -> None:
        self.results = results      # how many results of the program come first
        self.cuts = cuts            # slots at which a backward may begin or pause, as at those of the ending's `kept` it may begin
        self.regions: list[tuple[Any, Any, int]] = []       # region, structure of its vjp, number of arrays
        self.where: list[tuple[bool, int]] = []             # for each array: among the inputs?, its place there or in the results
        self.avals: list | None = None                      # of the arrays, once they have been seen

    def take(self, pulls: list[tuple[Any, Any]], args: tuple, results: list) -> list:
        """While the program is traced: the arrays to return after its results."""
        self.regions, self.where = [], []
        extra: list = []
        known = {id(a): (True, k) for k, a in enumerate(args)} | {id(r): (False, k) for k, r in enumerate(results)}
        for region, vjp in pulls:
            leaves, structure = tree_flatten(vjp)
            self.regions.append((region, structure, len(leaves)))
            for leaf in leaves:
                if id(leaf) not in known:
                    known[id(leaf)] = (False, self.results + len(extra))
                    extra.append(leaf)
                self.where.append(known[id(leaf)])
        return extra

    def collect(self, args: list, outs: Any) -> tuple[Residuals, list]:
        """After a run: the arrays, in order."""
        return self, [args[k] if given else outs[k] for given, k in self.where]

    def restore(self, arrays: list) -> list[tuple[Any, Any]]:
        """The regions with their vjps again, over other arrays (or tracers)."""
        pulls, at = [], 0
        for region, structure, n in self.regions:
            pulls.append((region, tree_unflatten(structure, arrays[at:at + n])))
            at += n
        return pulls


class Graph:
    """The part of an ended tape on which a backward may still come. Younger graphs have higher serial numbers.

    sources: slot of an input or leaf -> the leaf tensor, or (older graph, slot there).
    values: slot -> array the entries start from (its aval, on the device meta); None where a backward has freed them.
    apart: whether its tape was one of tensors without data, which is no part of any step.
    standing: slot -> weak reference to a tensor that stood there when the tape ended.
    """
    __slots__ = ("apart", "node", "ending", "sources", "values", "given", "freed", "serial", "hooked", "residuals", "shown",
                 "standing", "began")

    def __init__(self, tape: Tape, node: Node, ending: Ending, values: dict | None) -> None:
        self.node, self.ending, self.values = node, ending, values
        self.serial, self.began = next_serial(), tape.began
        self.given = (tape.floats, tape.ints)
        self.freed = ending.gone
        self.residuals: tuple[Residuals, list] | None = None
        self.hooked, self.shown = dict(tape.hooked) if tape.hooked else {}, tape.shown
        self.apart = bool(tape.extra & APART)
        self.standing: dict[int, ref] = {}
        inputs = tape.inputs
        self.sources: dict[int, Any] = {slot: inputs[k] for slot, k in ending.inputs}
        if tape.upstream or tape.leaves:
            before = {**tape.leaves, **tape.upstream}
            self.sources |= {slot: before[slot] for slot in ending.starts if slot in before}

    @classmethod
    def keep(cls, tape: Tape, node: Node, ending: Ending, values: dict[int, Any]) -> Graph:
        """The graph of `ending.kept`, with the arrays a backward will need."""
        held = values | dict(zip((o.slot for o in input_outs(path(node))), tape.args, strict=True))
        return cls(tape, node, ending, {s: held[s] for s in ending.values})

    @classmethod
    def spent(cls, tape: Tape, node: Node, ending: Ending) -> Graph:
        """A graph that a backward has freed: it can be looked at, not gone through."""
        return cls(tape, node, ending, None)

    @property
    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """The runtime numbers of its tape, floats and ints."""
        return np.array(self.given[0], np.float64), np.array(self.given[1], np.int64)

    def stand(self, x: Any, slot: int) -> None:
        """Puts tensor `x` at a slot."""
        x._graph = (self, slot)
        self.standing[slot] = ref(x)

    def alive(self) -> dict[int, Any]:
        """The tensors that still stand at slots."""
        found = {s: x() for s, x in self.standing.items()}
        return {s: x for s, x in found.items() if x is not None and x._graph == (self, s) and x._data is not None}

    def reached(self, starts: tuple[int, ...], stops: tuple[int, ...]) -> tuple[list[Node], set[int], set[int], dict[int, tuple]]:
        """The entries on the way of a backward, the slots on it, those that the entries make, the turns of what they read.

        Found out once for equal graphs.
        """
        found = self.ending.reached.get((starts, stops))
        if found is None:
            entries = self.entries()
            nodes, touched = reach(entries, starts, stops)
            outs = {o.slot: o for n in entries for o in n.outs}
            refuse_underived(nodes, {s for s in touched if outs[s].rg})
            found = self.ending.reached[starts, stops] = (nodes, touched, {o.slot for n in nodes for o in n.outs},
                                                          turns(nodes, outs.__getitem__))
        return found

    def passed(self, places: list[int], starts: tuple[int, ...]) -> set[int]:
        """Those of `places`, starts of a backward, which other starts lead to: what is given there is not the whole gradient."""
        return {s for s in places if s in self.reached(tuple([k for k in starts if k > s]), ())[1]} if len(starts) > 1 else set()

    def linked(self, found: list[Node], starts: tuple[int, ...], wrt: tuple[int, ...]) -> set[int]:
        """The slots that the gradients of `wrt`, found through the entries `found`, depend on: found out once for equal graphs.

        The values of what lies beside that way get no gradient of the gradients, not even zeros.
        """
        known = self.ending.linked.get((starts, wrt))
        if known is None:
            _, known = reach(self.ending.nodes, {s for n in found for s in (*needs(n), *(o.slot for o in n.outs))})
            self.ending.linked[starts, wrt] = known
        return known

    def needed(self, starts: tuple[int, ...], wrt: tuple[int, ...], held: frozenset[int],
               ) -> tuple[list[Node], tuple[int, ...], tuple[int, ...]]:
        """The entries that a backward computes again, the slots that these start from, and those of slots whose values are `held`
        that they make and read: found out once for equal graphs.

        What lies beside its way stays out, and where it ends at slots whose values are `held`, what lies before: a loop that keeps
        its graph would carry all its turns in each.
        """
        key = (starts, wrt, held)
        known = self.ending.needed.get(key)
        if known is None:
            further: set[int] = set()       # what depends on other slots of `wrt`: gradients pass through it
            for n in self.ending.nodes:
                if any(s in further or s in wrt for s in sources_of(n)):
                    further.update(o.slot for o in n.outs)
            ends = held - further
            wanted, nodes = {*starts, *wrt} - ends, []
            for n in reversed(self.ending.nodes):
                if any(o.slot in wanted for o in n.outs):
                    nodes.append(n)
                    wanted |= needs(n) - ends
            nodes.reverse()
            made = {o.slot for n in nodes for o in n.outs}
            seen = {s for n in nodes for s in needs(n)}
            first = {s for s in self.ending.values if s in wanted} | (ends & {*seen, *starts, *wrt} - made)
            known = self.ending.needed[key] = (nodes, tuple(sorted(first)), tuple(sorted(held & made & seen)))
        return known

    def entries(self) -> list[Node]:
        """All entries of the tape it came from."""
        return path(self.node)


class Through(NamedTuple):
    """What the backward of a graph goes through: entries, on from the slots `starts`, back from `roots` to `wrt`, not past `stops`.
    `before`: all entries of the graph."""
    before: list[Node]
    nodes: list[Node]
    starts: tuple[int, ...]
    roots: tuple[int, ...]
    wrt: tuple[int, ...]
    stops: frozenset[int]


def backward_op(graph: Graph, nodes: list[Node], starts: tuple[int, ...], roots: tuple[int, ...], wrt: tuple[int, ...],
                stops: frozenset[int], between: tuple[int, ...] = ()) -> Op:
    """The backward of a graph as an op: (values, numbers, cotangents) -> gradients of `wrt`.

    values: of `starts`, and of slots `between`, which `nodes` make and go on from: so gradients of the gradients come there, too.

    Graphs that are alike share it, so that a loop whose turns begin with the backward of the turn before comes to an end of
    compiling.
    """
    store = graph.ending.backward if graph.values is not None else {}
    key = (starts, roots, wrt, stops, between)
    found = store.get(key)
    if found is None:
        made = {o.slot for n in nodes for o in n.outs}
        given = [s for s in starts if s in graph.sources] + [s for s in wrt if s not in made]
        like, outs = Likeness(), {o.slot: o.aval for n in graph.entries() for o in n.outs}
        what = (like.slots(starts), tuple([outs[s] for s in starts]), like.entries(nodes),
                *map(like.slots, (roots, wrt, sorted(stops), given, between)))
        found = store[key] = _backwards.get(what)
    if found is None:
        plan = make_plan(nodes, roots, [*(s for s in wrt if s in made), *between], stops, given, wrt, graph.entries())

        def segment_backward(values: list, numbers: list, cotangents: list) -> tuple:
            env = dict(zip(starts, values[:len(starts)], strict=True))
            pulls = run(plan, env, (numbers[0], numbers[-1]), instead=dict(zip(between, values[len(starts):], strict=True)))
            begin = {r: _conj(c.astype(env[r].dtype)) for r, c in zip(roots, cotangents, strict=True)}
            grads = pull(pulls, begin, wrt, stops)
            return tuple([jnp.zeros_like(env[s]) if grads[s] is None else _conj(grads[s]) for s in wrt])

        params = tuple(Param(n, "operands") for n in ("values", "numbers", "cotangents"))
        found = Op("segment_backward", segment_backward, "autograd", params, frozenset(), index=next(_index), rule="GradBackward0",
                   through=Through(graph.entries(), nodes, (*starts, *between), roots, wrt, stops),
                   strides=_lying([outs[s] for s in wrt]))
        store[key] = _backwards[what] = found
    return found


def _lying(avals: list[Aval]) -> tuple | None:
    """The rule of strides of gradients, one for each; None where all lie row by row."""
    found = [of_gradient(a) for a in avals]
    return tuple([lambda flat, attrs, own=own: own for own in found]) if any(found) else None


def residual_op(graph: Graph, roots: tuple[int, ...], wrt: tuple[int, ...], stops: frozenset[int]) -> Op:
    """The backward of a graph whose program kept residuals, as an op: (residuals, cotangents) -> gradients of `wrt`."""
    residuals = graph.residuals[0]      # type: ignore[index]
    key = (roots, wrt, stops, residuals)
    found = graph.ending.backward.get(key)     # type: ignore[union-attr]
    if found is None:
        outs = {o.slot: o.aval for n in graph.entries() for o in n.outs}

        def segment_backward(values: list, cotangents: list) -> tuple:
            begin = {r: _conj(c.astype(outs[r].dtype.np)) for r, c in zip(roots, cotangents, strict=True)}
            grads = pull(residuals.restore(list(values)), begin, wrt, stops)
            return tuple([jnp.zeros(outs[s].shape, outs[s].dtype.np) if grads[s] is None else _conj(grads[s]) for s in wrt])

        params = tuple(Param(n, "operands") for n in ("values", "cotangents"))
        found = Op("segment_backward", segment_backward, "autograd", params, frozenset(), index=next(_index), rule="GradBackward0",
                   strides=_lying([outs[s] for s in wrt]))
        graph.ending.backward[key] = found     # type: ignore[union-attr]
    return found
