"""Ending a tape before its last entries.

In: a tape and the node after which it should have ended.  Out: the tape finished there; the entries that came later stand on
the next tape, with their tensors.  The same is done with what came before the first step of a loop (data prepared once), so
that step 1 is the same program as every other.  Happens once for each kind of step: from then on the tape ends by itself.
"""
from __future__ import annotations

from typing import Any

from .behind import is_function
from .bundle import replace
from .grad_fn import follow
from .graph import record_backward
from .recorder import enter, hooks, leaf_entry, record
from .sharing import storage_owner
from .slots import AGAIN
from .storage import bind
from .tape import BACKWARD, INPUT, LEAF, MODE, WATCHED, Const, Node, Ref, Tape, input_outs, next_serial, path, reads, state
from .where import user_line

__all__ = ["split"]


def split(tape: Tape, mark: Node) -> None:
    """Ends `tape` after `mark`, or later, where the loop turns; for good: a known tape that gets there ends there.

    mark: the last write to a leaf, or the last backward: before it the step has not ended.
    """
    if tape.nested is not None:
        return
    if not mark.end:
        mark, cut = _turn(tape, mark)
        if cut is not None:
            mark = _move(tape, cut, mark)
            tape = state.tape
            if mark not in path(tape.node):
                return          # it was known that a tape ends there, and so it did
    tail = [n for n in path(tape.node) if n.depth > mark.depth]
    if any(n.kind in (BACKWARD, LEAF) for n in tail):
        hooks.finish(tape)      # a gradient passes over the mark: here is no place to end
        return
    if any(s in tape.leaves and not _in_place(tape, s) for n in tail for s in reads(n) if s < mark.next_slot):
        hooks.finish(tape)      # a gradient goes to a leaf as it was before the mark, and it is another one by now
        return
    mark.end = True
    mark.children.clear()
    mark.sites = None
    _move(tape, mark, mark)


def _in_place(tape: Tape, slot: int) -> bool:
    """Whether the leaf that was made at `slot` is still what it was there."""
    x = tape.leaves[slot]
    return x._leaf and x._tape is tape and x._node.slot == slot and (
        x._view is None or x._view.version == storage_owner(x)._version_count)


def _turn(tape: Tape, mark: Node) -> tuple[Node, Node | None]:
    """Where the step ends, and the last node before it began (None: it began with the tape).

    The first entry after `mark` that was recorded at a line which this tape has been at before `mark` opens the next step.
    What stands between (a loss added up) still belongs to this one.
    """
    nodes = [n for n in path(tape.node) if n.kind is not INPUT and n.kind is not MODE]
    first_at: dict[tuple, int] = {}
    for k, n in enumerate(nodes):
        if n.depth <= mark.depth and n.where:
            first_at.setdefault(n.where[:2], k)
    end, turn = mark, None
    for n in nodes:
        if n.depth > mark.depth:
            if n.where and n.where[:2] in first_at:
                turn = n.where[:2]
                break
            end = n
    if turn is None:
        turn = user_line()[:2]
        if turn not in first_at:
            return mark, None
    if any(n.kind in (BACKWARD, LEAF) for n in nodes if mark.depth < n.depth <= end.depth):
        end = mark
    head = first_at[turn]
    before = nodes[:head]
    if not before or any(n.kind in (BACKWARD, LEAF) or n.grad for n in before):
        return end, None        # nothing before the step, or a graph may pass from there into it
    return end, before[-1]


class _Late:
    """What comes after the cut: entries, inputs, and the tensors that hold results of it."""

    def __init__(self, tape: Tape, cut: Node) -> None:
        self.tape, self.cut = tape, cut
        self.nodes: list[Node] = []
        self.modes: dict[Node, tuple] = {}      # the mode in which each was recorded
        mode = (tape.grad, tape.autocast, tape.extra)
        for n in reversed(path(tape.node)):
            if n.depth <= cut.depth:
                break
            if n.kind is MODE:
                mode = n.info
            else:
                self.nodes.insert(0, n)
                self.modes[n] = mode
        self.floats, self.ints = tape.floats[cut.floats:], tape.ints[cut.ints:]
        self.tensors = [(x, x._node.slot, x._tape is tape) for x in [*tape.tensors, *tape.inputs]
                        if x is not None and (x._tape is tape or x._home is tape) and x._data is None
                        and x._node.slot >= cut.next_slot]
        self.leaves = dict(tape.leaves)             # a tape that has ended forgets them
        self.functions = dict(tape.upstream)        # results of custom functions are leaves that came from somewhere
        self.made: dict[int, Any] = {}
        self.again: dict[Node, Node] = {}       # what each has become
        self.bundles = {first: b for first, (b, _) in tape.bundles.items() if b.tape is tape}
        self.outs = tape.outs()

    def take_off(self) -> None:
        """Removes them from the tape: its inputs are as they were when they were met, and values read later are kept."""
        tape, cut = self.tape, self.cut
        gone = {id(x) for x, _, _ in self.tensors}
        tape.tensors = [x for x in tape.tensors if id(x) not in gone]
        for x, _, _ in self.tensors:
            x._tape = x._home = None
        k = cut.inputs
        foreign = {slot for slot, _, _ in tape.foreign.values()}
        for n in self.nodes:
            if n.kind is INPUT and n.aval is None:
                if n.slot not in self.bundles:      # it was taken apart
                    self.made |= {o.slot: hooks.wrap(a) for o, a in zip(n.outs, tape.args[k:], strict=False)}
                k += len(n.outs)
            elif n.kind is INPUT:
                x = tape.inputs[k]
                if n.rg != (x._node.rg or x._leaf):     # whether it wants a gradient has changed since: as it was met
                    x = hooks.wrap(tape.args[k], tape.upstream.pop(n.slot, True) if n.rg else None)
                self.made[n.slot] = x
                if x is tape.inputs[k] and n.slot not in foreign:       # what another thread owns was never changed here
                    x._data, x._tape, x._home = tape.args[k], None, None
                    x._node, x._graph = (n.aval.grad if n.rg else n.aval.plain), tape.upstream.pop(n.slot, None)
                k += 1
        self._take_bundles_back()
        held = {x._node.slot: x for x in tape.inputs[:cut.inputs] if x is not None and x._tape is tape and x._data is not None}
        held |= self._written_later(gone)
        held |= {s: x for s, x in tape.leaves.items() if s < cut.next_slot and _in_place(tape, s)}
        bundled = {first + i for first, b in self.bundles.items() for i in range(len(b))}
        leaves = {out.slot: k for k, out in enumerate(input_outs(path(cut))) if out.rg}
        for s in {s for n in self.nodes for s in reads(n) if s < cut.next_slot} - bundled:
            if s in held:
                self.made[s] = held[s]
            elif s in leaves:       # an input whose tensor wants no gradient any more, or is another one by now: as it was met
                self.made[s] = hooks.wrap(tape.args[leaves[s]], tape.upstream.get(s, True))
            else:
                self.made[s] = hooks.make(tape, self.outs[s])
            if s in tape.upstream:
                self.made[s]._graph = tape.upstream[s]      # the result of a custom function
        tape.foreign = {i: f for i, f in tape.foreign.items() if f[0] < cut.next_slot}
        del tape.args[cut.inputs:], tape.inputs[cut.inputs:], tape.floats[cut.floats:], tape.ints[cut.ints:]
        tape.node = cut

    def _written_later(self, gone: set[int]) -> dict[int, Any]:
        """By slot: inputs met before the cut and written after it. They are as they were met, so that a leaf is one again."""
        tape, cut, k = self.tape, self.cut, 0
        found: dict[int, Any] = {}
        for n in path(cut):
            if n.kind is not INPUT:
                continue
            x = None if n.aval is None else tape.inputs[k]
            if x is not None and id(x) in gone and x._leaf and x._view is None:
                x._data, x._node = tape.args[k], n.aval.grad if n.rg else n.aval.plain
                found[n.slot] = x
            k += len(n.outs) if n.aval is None else 1
        return found

    def _take_bundles_back(self) -> None:
        """Bundles that were met or replaced after the cut are as they were at the cut."""
        tape, cut = self.tape, self.cut
        for b in {id(b): b for first, b in self.bundles.items() if first >= cut.next_slot}.values():
            places = {first: k for first, (other, k) in tape.bundles.items() if other is b}
            before = [first for first in places if first < cut.next_slot]
            at = max(before) if before else min(places)
            k = places[at]
            b.arrays = None if k is None else tape.args[k:k + len(b)]
            b.tape, b.first = (tape, at) if before else (None, -1)
        tape.bundles = {first: known for first, known in tape.bundles.items() if first < cut.next_slot}

    def as_met(self) -> list[tuple]:
        """Views whose base was written after the cut stay what they were when they were met; returns their versions.

        The base itself has no value until the entries that write it have been recorded again.
        """
        stale = []
        for x in [*self.made.values(), *(self.leaves[n.slot] for n in self.nodes if n.kind is LEAF and n.slot in self.leaves)]:
            if x._view is not None and x._view.version != storage_owner(x)._version_count:
                stale.append((x._view, x._view.version))
                x._view.version = storage_owner(x)._version_count
        return stale

    def record_again(self, mark: Node, mode: tuple) -> Node:
        """Records the entries on the current tape; returns what became of `mark`."""
        new_mark = mark
        for n in self.nodes:
            if n.kind is INPUT:
                continue
            state.tape.rolls = AGAIN        # all is asked for from one place now: no loop turns there
            grad, autocast, extra = self.modes[n]
            state.tape.set_mode(grad, autocast, extra & ~WATCHED)       # it has been reported
            if n.kind is LEAF and n.slot in self.functions:
                x = self.made[n.slot] = self.made[n.operands[0]]
                leaf_entry(x)
                state.tape.upstream[x._node.slot] = x._graph = place = self.functions[n.slot]
                if is_function(place[0]):
                    place[0].serial = next_serial()     # it is younger than the graph of what came before the cut
            elif n.kind is LEAF and not self.leaves[n.slot]._leaf:     # it wants no gradient any more
                x = self.made[n.slot] = hooks.twin(self.made[n.operands[0]])
                leaf_entry(x)
                state.tape.leaves[x._node.slot] = x
            elif n.kind is LEAF:
                x = self.leaves[n.slot]
                bind(x, self.made[n.operands[0]])
                x._home, x._tape = x._tape, None
                enter(x)
                self.made[n.slot] = x
            elif n.kind is BACKWARD:
                self._backward(n)
            else:
                result = record(n.op, self._values(n))
                new = state.tape.last
                for o, o2, r in zip(n.outs, new.outs, result if isinstance(result, tuple) else (result,), strict=True):
                    self.made[o.slot] = r
                    if o.slot in self.bundles:
                        replace(self.bundles[o.slot], o2)
            self.again[n] = state.tape.last
            state.tape.last.where = n.where
            if n is mark:
                new_mark = state.tape.last
        state.tape.set_mode(*mode)
        state.tape.rolls = 0
        return new_mark

    def _backward(self, n: Node) -> None:
        b = n.info
        tape, *_ = enter(*[self.made[s] for s in (*b.roots, *b.wrt, *b.cotangents) if s is not None])

        def now(s: int | None) -> Any:
            return None if s is None else self.made[s]._node.slot
        again = record_backward(tape, tuple(map(now, b.roots)), tuple(map(now, b.cotangents)),
                                None if b.asked is None else tuple(sorted(map(now, b.asked))), tuple(map(now, b.paused)),
                                not b.freed, b.differentiable, down_to=-1 if b.down_to < 0 else now(b.down_to))
        for o, s in zip(n.outs, b.wrt, strict=True):
            self.made[o.slot] = hooks.make(tape, again.outs[again.info.wrt.index(now(s))])

    def _values(self, node: Node) -> list:
        """The parameters with which an entry was recorded."""
        values = {name: self._plain(v) for name, v in node.attrs.items()}
        for p, o in zip(node.op.operands, node.operands, strict=True):
            values[p.name] = self._list(o) if o.__class__ is tuple else self.made[o] if o.__class__ is int else self._plain(o)
        return [values[p.name] for p in node.op.params]

    def _list(self, slots_: tuple) -> Any:
        """Operands given as a list, or as the bundle they were."""
        bundle = self.bundles.get(slots_[0]) if slots_ else None
        if bundle is not None and len(bundle) == len(slots_):
            return bundle
        return [self.made[s] for s in slots_]

    def _plain(self, v: Any) -> Any:
        """A number as it was given. (No closure: a cycle would keep the tensors held here alive.)"""
        if v.__class__ is Ref:
            return self.floats[v.index - self.cut.floats] if v.kind == "f" else self.ints[v.index - self.cut.ints]
        if v.__class__ is Const:
            return v.value
        return tuple([self._plain(x) for x in v]) if v.__class__ is tuple else v

    def put_back(self) -> None:
        """The tensors hold the results of the entries as recorded again."""
        for x, slot, hot in self.tensors:
            bind(x, self.made[slot])
            x._graph = self.made[slot]._graph
            if not hot:
                x._home, x._tape = x._tape, None


def _move(tape: Tape, cut: Node, mark: Node) -> Node:
    """Ends `tape` at `cut` and records what came after it on the next tape; returns what became of `mark` there."""
    late, mode, hooked, shown = _Late(tape, cut), (tape.grad, tape.autocast, tape.extra), dict(tape.hooked), tape.shown
    late.take_off()
    hooks.finish(tape)

    behind = late.as_met()
    mark = late.record_again(mark, mode)
    late.put_back()
    for view, version in behind:
        view.version = version
    follow(shown, late.again, state.tape)
    state.tape.hooked.update({late.made[s]._node.slot: x for s, x in hooked.items() if s in late.made})
    return mark
