"""Ending a tape before its last entries.

In: a tape and the node after which it should have ended.  Out: the tape finished there; the entries that came later stand on
the next tape, with their tensors.  Happens once for each kind of step: from then on the tape ends at that node by itself.
"""
from __future__ import annotations

from typing import Any

from .recorder import enter, hooks, record
from .tape import BACKWARD, INPUT, LEAF, MODE, Const, Node, Ref, Tape, path, state

__all__ = ["split"]


def split(tape: Tape, mark: Node) -> None:
    """Ends `tape` after `mark`, and for good: a known tape that gets there ends there."""
    tail = [n for n in path(tape.node) if n.depth > mark.depth and n.kind is not MODE]
    ops = [n for n in tail if n.kind is not INPUT]
    mark.end = True
    mark.children.clear()
    mark.sites = None
    if not ops or any(n.kind in (BACKWARD, LEAF) for n in ops):
        hooks.finish(tape)
        return
    _move(tape, mark, tail, ops)


def _move(tape: Tape, mark: Node, tail: list[Node], ops: list[Node]) -> None:
    grad = tape.grad
    floats, ints = tape.floats[mark.floats:], tape.ints[mark.ints:]
    late = [x for x in [*tape.tensors, *tape.inputs]
            if (x._tape is tape or x._home is tape) and x._data is None and x._node.slot >= mark.next_slot]
    # values the late entries read, by slot, as tensors of their own
    reads = {s for n in ops for s in _slots(n) if s < mark.next_slot}
    early: dict[int, Any] = {}
    outs = tape.outs()
    first = mark.inputs
    for n in tail:
        if n.kind is INPUT:
            early[n.slot] = tape.inputs[first]
            first += 1
    late_ids = {id(x) for x in late}
    tape.tensors = [x for x in tape.tensors if id(x) not in late_ids]
    held = {x._node.slot: x for x in tape.inputs if x._tape is tape and x._data is not None}
    for s in reads:
        early[s] = held.get(s) or hooks.make(tape, outs[s])
    for n in tail:
        if n.kind is INPUT:
            _leave(early[n.slot], tape)
    del tape.args[mark.inputs:], tape.inputs[mark.inputs:], tape.floats[mark.floats:], tape.ints[mark.ints:]
    tape.node = mark
    hooks.finish(tape)
    fresh = state.tape
    made: dict[int, Any] = dict(early)
    for n in ops:
        fresh = state.tape
        fresh.set_grad(n.grad or (grad and not any(outs[s].rg for s in _slots(n))))
        values = _values(n, made, mark, floats, ints)
        result = record(n.op, values)
        for o, r in zip(n.outs, result if isinstance(result, tuple) else (result,), strict=True):
            made[o.slot] = r
    state.tape.set_grad(grad)
    for x in late:
        value = made[x._node.slot]
        now, *_ = enter(value)
        hot = x._tape is tape
        x._node = value._node
        x._tape, x._home = (now, None) if hot else (None, now)
        now.tensors.append(x)


def _leave(x: Any, tape: Tape) -> None:
    """An input met late leaves the tape; it is met again on the next one."""
    if x._tape is tape and x._data is not None:
        x._node = x._node.aval.grad if x._node.rg else x._node.aval.plain
        x._tape = None


def _slots(node: Node) -> list[int]:
    found: list[int] = []
    for o in node.operands:
        found.extend(o if o.__class__ is tuple else [o] if o.__class__ is int else [])
    return found


def _values(node: Node, made: dict, mark: Node, floats: list, ints: list) -> list:
    """The parameters with which an entry was recorded."""
    def plain(v: Any) -> Any:
        if v.__class__ is Ref:
            return floats[v.index - mark.floats] if v.kind == "f" else ints[v.index - mark.ints]
        if v.__class__ is Const:
            return v.value
        return tuple(plain(x) for x in v) if v.__class__ is tuple else v

    operands = iter(node.operands)
    values = []
    for p in node.op.params:
        if p.kind in ("operand", "operands", "mixed"):
            o = next(operands)
            values.append([made[s] for s in o] if o.__class__ is tuple else made[o] if o.__class__ is int else plain(o))
        else:
            values.append(plain(node.attrs[p.name]))
    return values
