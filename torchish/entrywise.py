"""A tape that is run entry by entry, where at one line of the program the tapes are new again and again.

In: entries, the arrays at their inputs.  Out: the values of all slots.  Graphs that change at every step (trees, sentences, games)
are made of the same operations of the same shapes: each of these is compiled once, alone, and a graph that nobody has seen yet
costs no compilation.  A graph that comes back is compiled as a whole in the end.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from . import dtypes
from .config import config
from .eager import OneByOne, flat
from .infer import freeze, operand_avals, plain
from .programs import changing
from .replay import Env, Numbers, call, of_operands, pulled
from .tape import BACKWARD, Node, Out, Ref
from .where import last_line, short
from .xla import compile_program, put, traced

__all__ = ["run_entries", "worth"]

_NEW = 0.2              # the part of the entries that may be of a kind that no tape has had yet
_FEW = 2                # so many of them in any case
_BYTES = 1 << 26        # of more, running takes the time, not compiling
_RUNS = 8               # after which an ending is worth a program of its own
_MET, _KINDS = 16384, 2048

_met: set[tuple] = set()        # kinds of entries that tapes have had
_singles: OrderedDict[tuple, _Single] = OrderedDict()


class _Single:
    """What entries of one kind have in common: all but their slots and numbers; and its programs, forward and, for each choice of
    operands and results, backward."""

    def __init__(self, node: Node, avals: list) -> None:
        counts = {"f": 0, "i": 0}

        def own(v: Any) -> Any:
            if v.__class__ is tuple:
                return tuple(map(own, v))
            if v.__class__ is not Ref:
                return v
            counts[v.kind] += 1
            return Ref(v.kind, counts[v.kind] - 1)
        self.op, self.info = node.op, node.info
        self.attrs = {name: own(v) for name, v in node.attrs.items()}
        self.operands = tuple([own(o) if o.__class__ is Ref else o for o in node.operands])
        self.outs = [self] if node.outs[0] is node else [None] * len(node.outs)
        self.results = [(o.aval.shape, o.aval.dtype.np) for o in node.outs]
        self.specs = [(a.shape, a.dtype.np) for group in avals for a in (group if group.__class__ is list else [group])
                      if hasattr(a, "numel")]
        self.given = len(self.specs)
        self.specs += [((n,), np.dtype(t)) for n, t in ((counts["f"], np.float64), (counts["i"], np.int64)) if n]
        self.floats, self.ints = counts["f"], counts["i"]
        self.forward: Any = None
        self.backward: dict[tuple, Any] = {}

    def numbers(self, rest: Sequence[Any]) -> Numbers:
        """Of the last arguments of a program: the runtime numbers."""
        return rest[0] if self.floats else None, rest[-1] if self.ints else None

    def compile_forward(self, where: str) -> Any:
        """The program (operands, numbers) -> results."""
        def single(*arrays: Any) -> list:
            each = iter(arrays)

            def fetch(o: Any) -> Any:
                return [next(each) for _ in o] if o.__class__ is tuple else next(each) if o.__class__ is int else o
            found = call(self, [fetch(o) for o in self.operands], self.numbers(arrays[self.given:]))    # type: ignore[arg-type]
            return [found] if self.outs[0] is self else list(found)
        return _compiled(single, self.specs, where)

    def compile_backward(self, wanted: tuple[bool, ...], results: tuple[int, ...], where: str) -> Any:
        """The program (operands, numbers, cotangents of `results`) -> gradients of the `wanted` operands."""
        end = len(self.specs)

        def single_backward(*arrays: Any) -> list:
            values = list(arrays[:self.given])
            fn = of_operands(self, values, list(wanted), list(results), self.numbers(arrays[self.given:end]))   # type: ignore[arg-type]
            return pulled(fn, [v for v, w in zip(values, wanted, strict=True) if w], list(arrays[end:]))
        return _compiled(single_backward, self.specs + [self.results[k] for k in results], where)


def _compiled(fn: Callable, specs: list[tuple], where: str) -> Any:
    return compile_program(fn, specs, (), where, "cpu", True)[0]


class _Entrywise(OneByOne):
    """Goes through entries by their programs. fresh: how many had to be compiled."""

    def __init__(self, avals: dict[int, Out]) -> None:
        self.avals, self.fresh = avals, 0

    def compute(self, node: Node, env: Env, numbers: Numbers) -> None:
        """Puts the results of one entry into `env`."""
        if node.op.through is not None:
            self._through_graph(node, env)
            return
        single, args = self._of(node, env, numbers)
        if single.forward is None:
            single.forward = single.compile_forward(short(node.where))
            self.fresh += 1
        env.update({o.slot: v for o, v in zip(node.outs, single.forward(*args), strict=True)})

    def pull(self, node: Node, env: Env, wanted: list[bool], results: list[int], cotangents: list, numbers: Numbers) -> list:
        """The gradients of the wanted operands of one entry."""
        single, args = self._of(node, env, numbers)
        key = (tuple(wanted), tuple(results))
        program = single.backward.get(key)
        if program is None:
            program = single.backward[key] = single.compile_backward(*key, short(node.where))
            self.fresh += 1
        return program(*args, *[c if c.dtype == single.results[k][1] else c.astype(single.results[k][1])
                                for k, c in zip(results, cotangents, strict=True)])

    def _of(self, node: Node, env: Env, numbers: Numbers) -> tuple[_Single, list]:
        """What is common to entries like this one, and the arguments of its programs."""
        avals = operand_avals(node.operands, self.avals)
        key = _kind(node, avals)
        single = _singles.get(key)
        if single is None:
            single = _singles[key] = _Single(node, avals)
            if len(_singles) > _KINDS:
                _singles.popitem(last=False)
        args = [env[s] for s in flat(node)]
        if single.floats or single.ints:
            refs = _refs(node)
            args += [numbers[kind == "i"][[r.index for r in refs if r.kind == kind]]
                     for kind, n in (("f", single.floats), ("i", single.ints)) if n]
        return single, args

    def _through_graph(self, node: Node, env: Env) -> None:
        """The backward of an ended graph: its entries again, then back through them."""
        graph = node.op.through
        values, given, cotangents = node.operands
        numbers = (np.asarray(env[given[0]]), np.asarray(env[given[-1]]))
        local = dict(zip(graph.starts, [env[s] for s in values], strict=True))
        inner = _Entrywise({o.slot: o for n in graph.before for o in n.outs})
        inner.forward(graph.nodes, local, numbers)
        starts = {root: env[c].astype(local[root].dtype) for root, c in zip(graph.roots, cotangents, strict=True)}
        found = inner.backward(graph.nodes, local, starts, graph.stops, numbers,
                               given=[s for s in (*graph.starts, *graph.wrt) if inner.avals[s].rg])
        self.fresh += inner.fresh
        env.update({o.slot: found[s] if s in found else np.zeros(local[s].shape, local[s].dtype)
                    for o, s in zip(node.outs, graph.wrt, strict=True)})


def _refs(node: Node) -> list[Ref]:
    """The runtime numbers of an entry, in the order in which a `_Single` counts them."""
    found: list[Ref] = []
    for v in (*node.attrs.values(), *[o for o in node.operands if o.__class__ is Ref]):
        found += [x for x in v if x.__class__ is Ref] if v.__class__ is tuple else [v] if v.__class__ is Ref else []
    return found


def _kind(node: Node, avals: list) -> tuple:
    """What entries that are one operation of arrays of the same shapes have in common."""
    return (node.op.index, node.info, dtypes.default.float, freeze(avals), tuple(map(plain, node.attrs.values())))


def run_entries(nodes: list[Node], env: Env, numbers: Numbers) -> int:
    """Computes all entries into `env`; returns how many programs had to be compiled for it."""
    each = _Entrywise({o.slot: o for n in nodes for o in n.outs})
    traced(each.forward, nodes, env, numbers)
    for slot, value in env.items():
        if value.__class__ is np.ndarray:
            env[slot] = put(value, "cpu")
    return each.fresh


def worth(nodes: list[Node], runs: int) -> bool:
    """Whether a tape that has no program yet, and was run `runs` times without, is run entry by entry again.

    It is where graphs change all the time at the line of the user's at which it ends, and other tapes have had its entries; and
    then it is for some runs, whatever else is seen there.
    """
    if config.drafts not in ("auto", "entries") or runs >= _RUNS:
        return False
    if runs:
        return True
    fresh = _meet(nodes)
    chosen = config.drafts == "entries" or changing(last_line(nodes)) and fresh <= max(_FEW, _NEW * len(nodes))
    return chosen and _is_plain(nodes)


def _meet(nodes: list[Node]) -> int:
    """How many entries are of a kind that none has been of yet; from now on these have been met."""
    if len(_met) > _MET:
        _met.clear()
    known = {o.slot: o for n in nodes for o in n.outs}
    kinds = {_kind(n, operand_avals(n.operands, known)) for n in nodes if n.op is not None and n.op.through is None}
    fresh = len(kinds - _met)
    _met.update(kinds)
    return fresh


def _is_plain(nodes: list[Node]) -> bool:
    """Whether single entries are quickly run: on the CPU, nothing large, no backward that is differentiated again."""
    outs = [o.aval for n in nodes for o in n.outs]
    return jax.default_backend() == "cpu" and all(a.device == "cpu" for a in outs) \
        and sum(a.numel * a.dtype.itemsize for a in outs) <= _BYTES \
        and not any(n.kind is BACKWARD and n.info.differentiable for n in nodes) \
        and not any(n.kind is BACKWARD for graph in nodes if graph.op is not None and graph.op.through is not None
                    for n in graph.op.through.nodes)
