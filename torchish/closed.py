"""Functions whose tape has ended, and entries made from them.

In: what a nested tape (nested.py) was when its function returned.  Out: `Closed`, a pure function of arrays with the tensors it
read; `entry`, which records a transformation of one or more of them as one op, kept at the node where the tape ended.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from .ops.table import Op, Param
from .ops.transforms import Pure, cut, cut_reverse, integers
from .order import chain, turns
from .plan import make_plan, reach
from .recorder import record
from .replay import run
from .tape import INPUT, path, state

__all__ = ["Closed", "entry"]

_index = count(1 << 40)


class Closed:
    """A function whose tape has ended.

    node, outs: where it ended and which slots are its results; equal functions share the node.  operands: the tensors outside at
    its inputs: arguments first, in the order of `Nested.input`, then what was captured.  floats, ints: numbers that change.
    effects: for each of the last results, what is to be done with it outside.
    """
    __slots__ = ("node", "outs", "operands", "floats", "ints", "effects", "wanted", "generators", "forward", "name", "_pure")

    def __init__(self, nested: Any, outs: tuple[int, ...], effects: tuple, wanted: int | None = None,
                 generators: tuple = ()) -> None:
        self.node, self.outs, self.operands = nested.tape.last, outs, list(nested.operands)
        self.floats, self.ints = list(nested.tape.floats), list(nested.tape.ints)
        self.effects, self.generators = effects, generators
        self.wanted = len(outs) if wanted is None else wanted
        self.forward, self.name = nested.forward, nested.name

    def pure(self, floats: Sequence[Any], ints: Sequence[Any]) -> Pure:
        """The function of the arrays at its inputs, over given numbers."""
        nodes = path(self.node)
        plan, inputs, outs = make_plan(nodes, results=self.outs), [n.slot for n in nodes if n.kind is INPUT], self.outs
        stop = cut_reverse if self.forward else cut

        def pure(arrays: Sequence[Any]) -> list:
            env = dict(zip(inputs, arrays, strict=True))
            run(plan, env, (floats, ints), stop)
            return [env[s] for s in outs]
        return pure

    def flags(self) -> tuple[bool, ...]:
        """For each result, whether gradients pass to it."""
        known = {o.slot: o.rg for n in path(self.node) for o in n.outs}
        return tuple(known[s] for s in self.outs)

    def apply_effects(self, results: Sequence[Any]) -> tuple:
        """Does outside what the function did to tensors and generators; returns the results proper."""
        at = self.wanted
        for g in self.generators:
            if state.tape.nested is not None:
                state.tape.nested.drew(g, (g._lazy, g._base, g._behind))
            g._lazy = (results[at], results[at + 1])
            at += 2
        for effect, value in zip(self.effects, results[at:], strict=True):
            effect(value)
        return tuple(results[:self.wanted])


def entry(name: str, closed: Sequence[Closed], key: tuple, make: Callable[..., Callable], operands: Sequence[Any] = (),
          flags: Any = None, rule: str | None = None) -> tuple:
    """Records `make(f, g, ...)` as one entry of the current tape; returns its results (those of effects too).

    closed: the functions f, g, ... as `Pure`; the entry's operands are theirs, one after the other, then `operands`.
    make: called when the entry is new; what it returns is called with the list of arrays of each function's operands, then with
    that of `operands` if there are any, and returns a list of arrays.  key: what `make` depends on besides, hashable.
    flags: for each result, whether gradients pass to it, or one flag for all; None: those of the first function.
    rule: the name of its backward node, where that is not made from `name`.
    """
    node = closed[0].node
    if node.programs is None:
        node.programs = {}
    more = bool(operands)
    key = (name, key, more, *[(c.node, c.outs, len(c.operands), c.forward) for c in closed])
    op = node.programs.get(key)
    if op is None:
        op = node.programs[key] = _op(name, closed, make, more, closed[0].flags() if flags is None else flags, rule)
    numbers: list[float] = []
    tensors = list(closed[0].operands) if len(closed) == 1 else [x for c in closed for x in c.operands]
    for c in closed:
        if c.floats or c.ints:
            numbers += c.floats
            numbers += [float(part) for i in c.ints for part in (i >> 32, i & 0xFFFFFFFF)]
    return record(op, (tensors + list(operands), *numbers))    # type: ignore[arg-type]


def _op(name: str, closed: Sequence[Closed], make: Callable[..., Callable], more: bool, flags: Any,
        rule: str | None) -> Op:
    """The op of an entry: (operands, numbers) -> results."""
    shapes = [(len(c.operands), len(c.floats), len(c.ints)) for c in closed]
    frozen = [_Frozen(c) for c in closed]
    total = sum(f + 2 * i for _, f, i in shapes)

    def fn(operands: list, **numbers: Any) -> tuple:
        values, at, given = list(numbers.values()), 0, 0
        functions, arrays = [], []
        for c, (n, floats, ints) in zip(frozen, shapes, strict=True):
            functions.append(c.pure(values[given:given + floats], integers(values[given + floats:given + floats + 2 * ints])))
            arrays.append(operands[at:at + n])
            at, given = at + n, given + floats + 2 * ints
        if more:
            arrays.append(operands[at:])
        return tuple(make(*functions)(*arrays))

    params = (Param("operands", "operands"), *[Param(f"n{k}", "runtime") for k in range(total)])
    return Op(name, fn, "nested", params, frozenset(), differentiable=flags, index=next(_index), rule=rule,
              turns=frozen[0].order if len(frozen) == 1 else None)


class _Frozen(Closed):
    """What the op of an entry keeps of a function: no tensors."""

    def __init__(self, c: Closed) -> None:
        self.node, self.outs, self.forward = c.node, c.outs, c.forward

    def order(self, operands: Sequence[Any], _attributes: dict) -> list[tuple[int, ...]]:
        """In what order a backward from the results comes to the operands (`Op.turns`)."""
        nodes = path(self.node)
        outs, inputs = {o.slot: o for n in nodes for o in n.outs}, [n.slot for n in nodes if n.kind is INPUT]
        found, touched = reach(nodes, self.outs)
        turn = turns(found, outs.__getitem__)
        first = sorted((k for k, s in enumerate(inputs) if s in touched), key=lambda k: turn.get(inputs[k], -1))
        return chain(first, len(operands))
