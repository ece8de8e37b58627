"""What lies behind a place of the graph.

In: places, each (tape, ended graph or custom function; slot there).  Out: the leaves and places that a backward from there
would reach; and, of everything, what leads to given targets.  Only asked where hooks, custom functions or `inputs=` need it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .hooks import hooks
from .ops.table import TABLE
from .plan import reach, sources_of
from .segment import Graph
from .tape import BACKWARD, INPUT, LEAF, Node, Tape, input_outs, path, state

__all__ = ["Behind", "computed", "entries_of", "functions_behind", "is_function", "leading", "linked", "maker_of",
           "now_at", "pauses", "positions", "sisters", "source_at", "source_of", "spread", "stand", "targets_on"]


def entries_of(home: Any) -> list[Node]:
    """The entries of an open tape or an ended graph."""
    return path(home.node) if isinstance(home, Tape) else home.entries()


def source_at(home: Any, slot: int) -> Any:
    """The leaf at a slot, or the place in another home it came from; None for a result of an entry."""
    if not isinstance(home, Tape):
        return home.sources.get(slot)
    if slot in home.upstream:
        return home.upstream[slot]
    if slot in home.leaves:
        return home.leaves[slot]
    made = home.outs()
    if made[slot].rg and made[slot].__class__ is Node and made[slot].kind is INPUT:     # type: ignore[attr-defined]
        return home.inputs[made[slot].inputs - 1]    # type: ignore[attr-defined]
    return None


def maker_of(home: Any, slot: int) -> Node:
    """The entry whose result stands at a slot."""
    return next(n for n in entries_of(home) if any(o.slot == slot for o in n.outs))


def pauses(home: Any) -> list[int]:
    """The slots at which hooks wait.

    With a result of a node its others: torch calls the hooks of all of them, with None for those that no gradient comes to.
    """
    found = {s for s, stop in home.hooked.items() if stop.active()}
    heard = {s for s in found if home.hooked[s].hooks}
    for n in entries_of(home) if heard else ():
        if not heard.isdisjoint(sisters(n)):
            found.update(sisters(n))
    return list(found)


def sisters(node: Node) -> list[int]:
    """The results that require a gradient of an entry which is one node in torch; nothing where each has a node of its own."""
    if len(node.outs) == 1 or node.op is None or node.op.separate or TABLE.get(node.op.name) is not node.op:
        return []
    return [o.slot for o in node.outs if o.rg]


def positions(home: Any) -> dict[Any, int]:
    """Of the custom functions that were called on `home`: the slot at which their results begin.

    Results of older functions may be there, too; also of one that is older than a graph which `home` goes on from: that graph may
    still add to them.
    """
    sources = home.upstream if isinstance(home, Tape) else home.sources
    places = [(s, *source) for s, source in sources.items() if isinstance(source, tuple)]
    began = max([home.began, *(at.serial for _, at, _ in places if isinstance(at, Graph))])
    found: dict[Any, int] = {}
    for s, at, _ in places:
        if is_function(at) and at.serial > began:
            found[at] = max(s, found.get(at, -1))
    return found


class Behind:
    """What a walk from some places meets: ids of leaves, and places as (id of the home, slot); homes: where it has looked."""

    def __init__(self) -> None:
        self.homes: dict[int, Any] = {}
        self.leaves: set[int] = set()
        self.places: set[tuple[int, int]] = set()

    def holds(self, source: Any) -> bool:
        """Whether a leaf, a place, or something a custom function took is among them."""
        if not isinstance(source, tuple):
            return source is not None and id(source) in self.leaves
        home, slot = source
        if (id(home), slot) in self.places:
            return True
        return is_function(home) and any(self.holds(stand(x)) for x in home.inputs if x is not None)


def is_function(home: Any) -> bool:
    """Whether a home is a call of a custom function."""
    return not isinstance(home, (Tape, Graph))


def stand(x: Any) -> Any:
    """The place of an input of a custom function; the leaf itself where it is one."""
    return x if x._leaf else x._graph if x._graph is not None else (x._tape or x._home, x._node.slot)


def spread(starts: Iterable[tuple[Any, int]]) -> Behind:
    """Everything that lies at or behind the places `starts`."""
    behind, todo = Behind(), list(starts)
    while todo:
        home, slot = todo.pop()
        if (id(home), slot) in behind.places:
            continue
        behind.places.add((id(home), slot))
        if is_function(home):
            sources = [stand(x) for x in home.inputs if x is not None]
        else:
            _, touched = reach(entries_of(home), [slot])
            sources = [source_at(home, s) for s in touched]
            behind.places.update((id(home), s) for s in touched)
        for source in sources:
            if isinstance(source, tuple):
                todo.append(source)
            elif source is not None:
                behind.leaves.add(id(source))
    return behind


def functions_behind(x: Any) -> list[tuple[Any, int]]:
    """The results of custom functions that a walk from the tensor `x` comes to first."""
    found, todo = [], [stand(x)]
    while todo:
        at = todo.pop()
        if not isinstance(at, tuple):
            continue
        if is_function(at[0]):
            found.append(at)
        else:
            todo.extend(source_at(at[0], s) for s in reach(entries_of(at[0]), [at[1]])[1])
    return found


def leading(starts: Iterable[tuple[Any, int]], targets: Iterable[Any]) -> Behind:
    """Of what lies behind `starts`: the places that are targets or lead to one."""
    homes: dict[int, Any] = {}
    todo = [home for home, _ in starts]
    while todo:
        home = todo.pop()
        if id(home) in homes:
            continue
        homes[id(home)] = home
        if is_function(home):
            found = [stand(x) for x in home.inputs if x is not None]
        else:
            found = list((home.upstream if isinstance(home, Tape) else home.sources).values())
        todo.extend(source[0] for source in found if isinstance(source, tuple))
    result = Behind()
    result.homes = homes
    for x in targets:
        at = stand(x)
        if isinstance(at, tuple):
            home, slot = at
            # hooks of the other results of its node run, too
            others = range(len(home.avals)) if is_function(home) and home.hooked else ()
            result.places.update((id(home), s) for s in (slot, *others))
        else:
            result.leaves.add(id(x))
    # a graph depends on older ones only; the open tape, which has no serial number yet, comes last
    for home in sorted((h for h in homes.values() if not is_function(h)), key=lambda h: getattr(h, "serial", 1 << 62)):
        for n in entries_of(home):
            if n.kind is INPUT or n.kind is LEAF:
                hit = result.holds(source_at(home, n.slot))
            else:
                hit = (n.grad or (n.kind is BACKWARD and n.info.differentiable)) and \
                    any((id(home), s) in result.places for s in sources_of(n))
            if home.hooked and not hit:     # as above
                hit = any((id(home), s) in result.places for s in sisters(n))
            if hit:
                result.places.update((id(home), o.slot) for o in n.outs)
    return result


def targets_on(tape: Tape, targets: Iterable[Any], leads: Callable) -> set[int]:
    """The slots of a tape at which targets stand, and those of inputs from older graphs that lead to one.

    What is gone through needlessly would be computed again as a part of a gradient that can be differentiated.
    """
    found = {s for x in targets for s in _slots_on(tape, x)}
    return found | {s for s, place in tape.upstream.items() if leads(place)}


def _slots_on(tape: Tape, x: Any) -> list[int]:
    """Where a target stands on the tape. On that of a function it is where stand-ins of it are (a dual tensor is one)."""
    if x._tape is tape or x._home is tape:
        return [x._node.slot]
    if tape.nested is not None:
        return [o.slot for o, given in zip(input_outs(path(tape.node)), tape.inputs, strict=False) if given is x]
    known = tape.foreign.get(id(x))
    return [known[0]] if known is not None and known[1] is x else []


def computed(x: Any, tape: Tape) -> None:
    """A tensor from another tape stands in a graph from now on: its tape has ended, or is the open one outside (a dual level's)."""
    home = x._tape or x._home
    if x._graph is not None or home is tape:
        return
    if tape.nested is None:
        hooks.concrete(x)
    elif home is not None and home.nested is None:
        with tape.nested.outside():
            hooks.concrete(x)


def linked(tape: Tape) -> None:
    """What a function on its own tape (a dual level, too) reads from the open tape outside: the walk goes on behind it."""
    for out, x in zip(input_outs(path(tape.node)), tape.inputs, strict=False):
        if x is None or x._leaf or not out.rg or out.slot in tape.upstream:
            continue
        computed(x, tape)
        if x._graph is not None:
            tape.upstream[out.slot] = x._graph


def now_at(held: Any, home: Any, slot: int) -> tuple[Any, int]:
    """Where a place is after hooks that may have ended the tape: where the tensor that stood there stands."""
    if held is None:
        return home, slot
    if held._graph is None and held._tape is not state.tape and held._home is not state.tape:
        hooks.concrete(held)
    return held._graph if held._graph is not None else (held._tape or held._home, held._node.slot)


def source_of(tape: Tape, slot: int, place: int) -> Any:
    """The leaf at a slot, or the place in an older graph it came from; None for a result of the tape."""
    if place >= 0:
        return tape.upstream[slot] if slot in tape.upstream else tape.inputs[place]
    return tape.upstream.get(slot) or tape.leaves.get(slot)
