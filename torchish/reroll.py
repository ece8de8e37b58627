"""Loops that a tape shows unrolled, rolled up again.

In: the entries of a region and the slots that are read after it.  Out: the same entries, where those that repeat are written
once, as a `Loop` (replay makes a `lax.scan` of it).  Pure bookkeeping over slots; no jax.

For a recurrent network written as a Python loop XLA takes a time that grows with the square of the turns, and so does the
program on the CPU: the chain of cheap operations from turn to turn is repeated in each of them.  A scan compiles like one turn.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from .avals import Aval, Out
from .tape import BACKWARD, INPUT, Const, Node, Ref, needs, slots

__all__ = ["Before", "Loop", "repeats", "reroll"]

_TURNS = 8          # as often entries must repeat,
_ENTRIES = 32       # and so many they must be together
_STARTS = 24        # places tried at which a turn may begin
_STACKED = 2 ** 22
_SNAPSHOTS = 2 ** 24    # elements in all turns, of which only some are read


class Loop:
    """Entries that repeat. In it the slots of the first turn stand for those of every turn; what varies has a negative name.

    once: entries that are the same in every turn, computed before it.  each: views by the numbers of the turn through which
    gradients pass, taken for all turns at once.  body: the rest.  carried: (name, first slot, slot of the turn before); where
    only the last turn's value is wanted of a slot, it is carried, too, without a first slot.  varying: (name, slots, the entry
    that made them side by side and which they are of its results, or None).  kept: (slot, [(slot after the loop, turn)], [(name
    of a stack after the loop, its turns)]).  last: (place in `carried`, slot after the loop).  floats, ints: for each runtime
    number of a turn what it is in every turn: a number, or a `Ref` to one of the tape.  reads: the slots from before that it
    reads.
    """
    __slots__ = ("turns", "once", "each", "body", "carried", "varying", "kept", "last", "floats", "ints", "avals", "reads")

    def __init__(self, turns: int, avals: dict[int, Any]) -> None:
        self.turns, self.avals = turns, avals
        self.once: list[Node] = []
        self.each: list[Node] = []
        self.body: list[Node | Loop] = []
        self.carried: list[tuple[int, int | None, int]] = []
        self.varying: list[tuple[int, tuple[int, ...], tuple[Node, int] | None]] = []
        self.kept: list[tuple[int, list[tuple[int, int]], list[tuple[int, int, int]]]] = []
        self.last: list[tuple[int, int]] = []
        self.floats: list[list] = []
        self.ints: list[list] = []
        self.reads: set[int] = set()


class Before:
    """What is known of the slots that are made before a loop: what is in them, which entry made them, which are weights.

    Weights are inputs that require a gradient: what takes another one in every turn is no loop but a row of layers.  room: how many
    elements may be copied to stand side by side for all turns.
    """
    __slots__ = ("outs", "makers", "weights", "room")

    def __init__(self, outs: dict[int, Out], makers: dict[int, Node], weights: frozenset[int], room: int = _STACKED) -> None:
        self.outs, self.makers, self.weights, self.room = outs, makers, weights, room

    def __or__(self, outs: dict[int, Out]) -> Before:
        return Before(self.outs | outs, self.makers, self.weights, self.room)


def reroll(nodes: list[Node], after: Iterable[int], before: Before) -> list[Node | Loop]:
    """`nodes` with the loops among them rolled up; `after`: slots that are read after them."""
    if len(nodes) >= _ENTRIES:
        after = set(after)
        for start, length, turns in _candidates(nodes):
            stop = start + length * turns
            found = _Turns(nodes[start:stop], length).loop(nodes[stop:], after, before)
            if found is not None:
                loop, rest, names = found
                read = after.union(loop.reads, *map(needs, nodes[stop:]))
                return [*reroll(nodes[:start], read, before), loop, *reroll(rest, after, before | names)]
    return list(nodes)


def repeats(nodes: list[Node]) -> bool:
    """Whether most of the entries of a tape are loops that will be rolled up, also when it is twice as long. No loop that is
    rolled up has a backward in it."""
    outs = {o.slot: o for n in nodes for o in n.outs}
    weights = frozenset(o.slot for n in nodes if n.kind is INPUT for o in n.outs if o.rg)
    before = Before(outs, {}, weights, _STACKED // 2)
    between = [[n for n in part if n.op is not None] for _, part in groupby(nodes, lambda n: n.kind is BACKWARD)]
    return 4 * sum(len(reroll(part, (), before)) for part in between) < sum(map(len, between))


def _candidates(nodes: list[Node]) -> Iterator[tuple[int, int, int]]:
    """Where entries repeat: the first entry, the length of a turn, the number of turns; most entries first."""
    numbers: dict[Any, int] = {}
    kinds = np.array([numbers.setdefault(_kind(n), len(numbers)) for n in nodes])
    most, found = _ENTRIES - 1, []
    for length in range(1, len(nodes) // _TURNS + 1):
        edges = np.diff(np.concatenate(([0], kinds[length:] == kinds[:-length], [0])))
        begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        turns = (ends - begins) // length + 1
        best = int(turns.argmax()) if len(turns) else -1
        if best >= 0 and turns[best] >= _TURNS and turns[best] * length > most:
            most = int(turns[best]) * length
            found.append((int(begins[best]), length, int(ends[best]) + length))
    # where a turn reads what was made two or three turns before, so many together are a turn
    for begin, length, end in [(b, k * n, e) for b, n, e in reversed(found[-3:]) for k in (1, 2, 3)]:
        for start in range(begin, min(begin + min(2 * length, _STARTS), end - _TURNS * length + 1)):
            if _Turns(nodes[start:start + 3 * length], length).follow():
                agreeing = _Turns(nodes[start:start + (end - start) // length * length], length).agreeing()
                if agreeing >= _TURNS and agreeing * length >= _ENTRIES:
                    yield start, length, agreeing


def _kind(node: Node) -> Any:
    """What the entries of two turns must have in common: all but the slots of their operands and numbers that may be inputs."""
    if node.op is None:
        return node
    running = {p.name for p in node.op.params if p.kind in ("number", "numbers", "runtime")}
    casts = node.info or (None,) * len(node.operands)
    operands = tuple([len(o) if o.__class__ is tuple else _number_kind(o, cast) if o.__class__ in (Const, Ref) else o.__class__
                      for o, cast in zip(node.operands, casts, strict=True)])
    attrs = tuple([_exactly(v) if name not in running else
                   tuple([_number_kind(x) for x in v]) if v.__class__ is tuple else _number_kind(v)
                   for name, v in node.attrs.items()])
    return node.op, node.grad, node.info, operands, attrs, tuple([(o.aval, o.rg) for o in node.outs])


def _number_kind(v: Any, cast: Any = True) -> Any:
    if v.__class__ is Ref:
        return v.kind
    value = v.value if v.__class__ is Const else v
    kind = {int: "i", float: "f"}.get(value.__class__)
    return kind if kind and cast else _exactly(value)


def _exactly(v: Any) -> Any:
    return v.__class__, repr(v) if v.__class__ in (int, float, complex) else v


class _Turns:
    """Entries of the same kinds in every turn, and by which rule their operands change."""

    def __init__(self, nodes: list[Node], length: int) -> None:
        self.nodes, self.length = nodes, length
        self.turns = len(nodes) // length
        self.made: dict[int, tuple[int, int]] = {}      # slot -> its turn, which of the turn's slots it is
        for turn in range(self.turns):
            outs = [o for n in nodes[turn * length:(turn + 1) * length] for o in n.outs]
            self.made.update({o.slot: (turn, k) for k, o in enumerate(outs)})
        self.outs = {o.slot: o for n in nodes[:length] for o in n.outs}
        self.first = list(self.outs)
        self.names: dict[tuple, int] = {}
        self.free = -1          # the next name that is not taken

    def rule(self, each: tuple[int, ...]) -> tuple:
        """How an operand changes: ("fixed", slot), ("turn", slot), ("carried", first slot, slot), ("varying", slots) or ()."""
        first, places = each[0], [self.made.get(s) for s in each]
        if places[0] is None and each.count(first) == len(each):
            return "fixed", first
        lag = 0 if places[0] is not None else 1
        follows = places[1]
        if follows is not None and (places[0] is None or places[0] == (0, follows[1])) and all(
                p == (turn + 1 - lag, follows[1]) for turn, p in enumerate(places[1:])):
            slot = self.first[follows[1]]
            return ("carried", first, slot) if lag else ("turn", slot)
        return () if any(places) else ("varying", each)

    def operands(self, k: int) -> Iterator[tuple[int, ...]]:
        """The slots that entry `k` of a turn reads, each as it is turn by turn."""
        return zip(*[slots(n.operands) for n in self.nodes[k::self.length]], strict=True)

    def follow(self) -> bool:
        """Whether all operands follow a rule."""
        return all(self.rule(each) for k in range(self.length) for each in self.operands(k))

    def agreeing(self) -> int:
        """How many turns follow the rules of the first three (another loop of the same entries may come next)."""
        turns = self.turns
        for k in range(self.length):
            for each in self.operands(k):
                kind, *_ = self.rule(each[:3])
                places = [self.made.get(s) for s in each[:turns]]
                expected = {"turn": (0, places[0]), "carried": (1, places[1])}.get(kind)
                turns = next((t for t in range(3, turns) if (
                    places[t] != (t - expected[0], expected[1][1]) if expected is not None      # type: ignore[index]
                    else places[t] is not None or kind == "fixed" and each[t] != each[0])), turns)
        return turns

    def loop(self, rest: list[Node], after: set[int], before: Before) -> tuple[Loop, list[Node], dict[int, Out]] | None:
        """The loop of turns that `agreeing` has found, if it takes no other weights in every turn.

        rest: the entries that follow it, after: slots read after those.  Also returns these entries, where what joins results
        of many turns takes them as they lie, and what stands for those.
        """
        loop = Loop(self.turns, {s: o.aval for s, o in self.outs.items()})
        self.free = min(0, *before.outs) - 1        # a loop in a loop has names of its own
        early: dict[int, str] = {}
        body: list[Node] = []
        for k in range(self.length):
            entry, kind = self._entry(loop, k, early)
            early.update({o.slot: kind for o in entry.outs if kind != "body"})
            {"once": loop.once, "each": loop.each, "body": body}[kind].append(entry)
        if not _fitting(loop, before):
            return None
        loop.varying = [(name, each, _side_by_side(each, before.makers)) for name, each, _ in loop.varying]
        loop.reads.update(source[0].operands[0] for *_, source in loop.varying if source is not None)
        runs: dict[tuple[int, int, int], int] = {}
        rest = [self._joined(n, early, runs) for n in rest]
        self._results(loop, after.union(*map(needs, rest)), runs)
        if any(loop.avals[s].numel * self.turns > _SNAPSHOTS and 4 * len(singles) < self.turns and not stacks
               for s, singles, stacks in loop.kept):
            return None     # a scan would keep the values of all turns for the sake of a few
        inner = before | self.outs | {name: self.outs[s] for name, _, s in loop.carried} \
            | {name: before.outs[each[0]] for name, each, _ in loop.varying}
        loop.body = reroll(body, {s for *_, s in loop.carried} | {s for s, *_ in loop.kept}, inner)
        return loop, rest, {name: self.outs[self.first[k]] for (k, *_), name in runs.items()}

    def _entry(self, loop: Loop, k: int, early: dict[int, str]) -> tuple[Node, str]:
        """Entry `k` for every turn, and when it is computed."""
        alike = self.nodes[k::self.length]
        names = iter([self._name(loop, self.rule(each)) for each in self.operands(k)])
        seen = len(loop.floats) + len(loop.ints)
        entry = copy(alike[0])
        entry.operands = tuple([next(names) if o.__class__ is int else
                                tuple([next(names) for _ in o]) if o.__class__ is tuple else
                                self._number(loop, [n.operands[i] for n in alike]) if o.__class__ in (Const, Ref) else o
                                for i, o in enumerate(alike[0].operands)])
        entry.attrs = {name: self._attribute(loop, [n.attrs[name] for n in alike]) for name in alike[0].attrs}
        if alike[0].aval is not None:
            entry.outs = (entry,)
        read = list(slots(entry.operands))
        if all(s >= 0 and (s not in self.made or early.get(s) == "once") for s in read):
            if len(loop.floats) + len(loop.ints) == seen:
                return entry, "once"
            if entry.op.view and entry.grad:        # its gradient, turn by turn, would be as large as what is viewed
                return entry, "each"
        return entry, "body"

    def _name(self, loop: Loop, rule: tuple) -> int:
        """What stands for an operand in every turn."""
        kind, first, *_ = rule
        if kind in ("fixed", "turn"):
            loop.reads |= {first} - self.made.keys()
            return first
        name = self.names.get(rule)
        if name is None:
            name = self.names[rule] = self.free
            self.free -= 1
            if kind == "carried":
                loop.carried.append((name, *rule[1:]))
                loop.reads.add(first)
            else:
                loop.varying.append((name, first, None))
                loop.reads.update(first)
        return name

    def _attribute(self, loop: Loop, each: list) -> Any:
        if each[0].__class__ is tuple and any(v != each[0] for v in each):
            return tuple([self._number(loop, list(values)) for values in zip(*each, strict=True)])
        return self._number(loop, each)

    def _number(self, loop: Loop, each: list) -> Any:
        """An attribute or a number among the operands: what it is in every turn, or a number of the turn."""
        if not any(v.__class__ is Ref for v in each) and all(_exactly(getattr(v, "value", v)) == _exactly(
                getattr(each[0], "value", each[0])) for v in each):
            return each[0]
        kind = _number_kind(each[0])
        columns = loop.floats if kind == "f" else loop.ints
        columns.append([v.value if v.__class__ is Const else v for v in each])
        return Ref(kind, len(columns) - 1)

    def _joined(self, node: Node, early: dict[int, str], runs: dict[tuple[int, int, int], int]) -> Node:
        """An entry after the loop; where it joins what many turns made, one name stands for these."""
        if node.op is None or node.op.joins is None or node.operands[0].__class__ is not tuple:
            return node
        each, operands, stacked, at = node.operands[0], [], [], 0
        fn = node.op.fn
        before = fn.args[1] if isinstance(fn, partial) and fn.func is _of_groups else (False,) * len(each)     # of another loop
        while at < len(each):
            turn, k = self.made.get(each[at], (0, -1))
            end = at + 1
            while k >= 0 and end < len(each) and self.made.get(each[end]) == (turn + end - at, k):
                end += 1
            if end - at < _TURNS or early.get(self.first[k]) == "once":
                end = at + 1
                operands.append(each[at])
                stacked.append(before[at])
            else:
                run = (k, turn, turn + end - at)
                if run not in runs:
                    runs[run], self.free = self.free, self.free - 1
                operands.append(runs[run])
                stacked.append(True)
            at = end
        if len(operands) == len(each):
            return node
        entry = copy(node)
        entry.op = replace(node.op, fn=partial(_of_groups, node.op.joins, tuple(stacked)))
        entry.operands = (tuple(operands), *node.operands[1:])
        entry.outs = (entry,)
        return entry

    def _results(self, loop: Loop, after: set[int], runs: dict[tuple[int, int, int], int]) -> None:
        """What is read after the loop: of the last turn only, or of others, too."""
        place = {s: k for k, (*_, s) in enumerate(loop.carried)}
        per_turn = len(self.first)
        made = list(self.made)
        for k, slot in enumerate(self.first):
            singles = [(s, turn) for turn, s in enumerate(made[k::per_turn]) if s in after]
            stacks = [(name, first, last) for (j, first, last), name in runs.items() if j == k]
            if stacks or len(singles) > 1 or singles and singles[0][1] < self.turns - 1:
                loop.kept.append((slot, singles, stacks))
            elif singles:
                if slot not in place:
                    place[slot] = len(loop.carried)
                    loop.carried.append((self.free, None, slot))
                    self.free -= 1
                loop.last.append((place[slot], singles[0][0]))


def _of_groups(joins: Callable, stacked: tuple[bool, ...], tensors: list, **attributes: Any) -> Any:
    """An op that joins tensors, where some stand for many that are stacked."""
    groups: list = []
    for x, many in zip(tensors, stacked, strict=True):
        if many:
            groups.append(x)
        elif groups and groups[-1].__class__ is list:
            groups[-1].append(x)
        else:
            groups.append([x])
    return joins(groups, **attributes)


def _side_by_side(each: tuple[int, ...], makers: dict[int, Node]) -> tuple[Node, int] | None:
    """The entry of which these slots are results one after the other, and the place of the first, if it can hand out a stack."""
    node = makers.get(each[0])
    if node is None or node.op is None or node.op.parts is None:
        return None
    made = [o.slot for o in node.outs]
    first = made.index(each[0])
    return (node, first) if tuple(made[first:first + len(each)]) == each else None


def _fitting(loop: Loop, before: Before) -> bool:
    """Whether what is carried begins as it goes on, and what varies may stand side by side."""
    known = before.outs
    if any(_form(known[first].aval) != _form(loop.avals[s]) for _, first, s in loop.carried if first is not None):
        return False
    elements = 0
    for _, each, _ in loop.varying:
        aval = known[each[0]].aval
        if not before.weights.isdisjoint(each) or any(_form(known[s].aval) != _form(aval) for s in each):
            return False
        elements += aval.numel * loop.turns
    return elements <= before.room


def _form(aval: Aval) -> tuple:
    return aval.shape, aval.dtype
