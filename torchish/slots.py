"""Tensors on the tape: which slot holds a tensor, what an entry is when it is not an op, where a tape ends.

In: tensors as they stand (an array, lazy, a view, a written leaf, another thread's).  Out: their slots on the current tape.
"""
from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from .avals import Aval, Out
from .config import config
from .hooks import Restart, hooks
from .inference import input_of, is_inference, used
from .reroll import repeats
from .tape import INPUT, LEAF, Node, Ref, Tape, Unseen, path, state, stats
from .where import Places, user_line

__all__ = ["AGAIN", "advance", "attach", "enter", "leaf_entry", "leaf_slot", "may_end", "new_input", "rewind", "slot_of"]


def slot_of(tape: Tape, x: Any) -> int:
    """The slot of tensor `x` on `tape`; makes it an input if it is met for the first time in this step.

    Raises Restart where the tape ended instead: the entry belongs on the next one.
    """
    if x._data is None or x._view is not None:
        slot = _lazy_slot(tape, x)
        if slot is not None:
            return slot
    elif x._tape is tape:
        return x._node.slot
    # the first thread to use a tensor owns it: only that one may write where the tensor stands
    if x._owner != tape.thread and not _claim(tape, x):
        return _foreign_slot(tape, x)
    # in line, and again in `_foreign_slot`: every parameter of every step comes through here
    out = x._node
    key = out.aval.grad if out.rg or x._leaf else out.aval.plain
    node = tape.node.children.get(key)
    if node is None:
        node = new_input(tape, key, [key.aval], key.rg)
    tape.node = node
    tape.args.append(x._data)
    tape.inputs.append(x)
    x._node, x._tape = node, tape
    if x._graph is not None:
        tape.upstream[node.slot] = x._graph
    return node.slot


_claims = threading.Lock()


def _claim(tape: Tape, x: Any) -> bool:
    """Makes a tensor that no thread has used this thread's own; False where it is another's."""
    if tape.nested is not None:
        return False        # what a function reads stays where it is
    if used.ever and is_inference(x):
        return not tape.grad
    with _claims:
        if x._owner is None and (x._tape is None or x._tape.thread == tape.thread):
            x._owner = tape.thread
        return x._owner == tape.thread


def _foreign_slot(tape: Tape, x: Any) -> int:
    """The slot of a tensor that another thread owns: noted on the tape, the tensor is left as it is."""
    if tape.nested is not None:
        return tape.nested.slot(x)
    known = tape.foreign.get(id(x))
    if known is not None and known[1] is x and tape.args[known[2]] is x._data:
        return known[0]
    if x._node.rg and not x._leaf and x._graph is None:
        raise RuntimeError("this tensor requires grad and was computed in another thread whose step is still open; use .detach(), "
                           "or compute it in this thread")
    key = x._node.aval.grad if x._node.rg or x._leaf else x._node.aval.plain
    if used.ever and is_inference(x):
        key = input_of(key.aval, key.rg)
    node = tape.node.children.get(key)
    if node is None:
        node = new_input(tape, key, [key.aval], key.rg)
    tape.node = node
    tape.args.append(x._data)
    tape.inputs.append(x)
    tape.foreign[id(x)] = (node.slot, x, len(tape.args) - 1)
    if x._graph is not None:
        tape.upstream[node.slot] = x._graph
    return node.slot


def new_input(tape: Tape, key: Any, avals: list[Aval], rg: bool) -> Node:
    """An input that the trie does not know here; of several arrays where it is a bundle."""
    may_end(tape)
    node = Node(tape.node, INPUT)
    node.results(avals, [rg] * len(avals), key.__class__ is not Out)
    node.inputs += len(avals)
    attach(tape, key, node)
    return node


def _lazy_slot(tape: Tape, x: Any) -> int | None:
    """The slot of a tensor that is a view, lazy, or not yet made; None where it turns out to have an array."""
    if tape.nested is not None:
        return tape.nested.slot(x)
    if x._view is not None:
        hooks.refresh(x)
        _still(tape)
    if x._tape is tape:
        return x._node.slot
    if x._pending is not None:
        hooks.settle(x)
        _still(tape)
        return x._node.slot if x._tape is tape else None
    if x._home is tape:
        return leaf_slot(tape, x) if x._leaf and tape.grad else x._node.slot
    if x._data is None:
        hooks.concrete(x)
        _still(tape)
    return None


def _still(tape: Tape) -> None:
    """Restart where another tape has become the current one."""
    if state.tape is not tape:
        raise Restart


def leaf_slot(tape: Tape, x: Any) -> int:
    """A leaf whose value was written on this tape is read by a differentiable entry."""
    if tape.stepped and tape.nested is None:
        # a leaf written after a backward: here the next step begins
        rewind(tape)
        if tape.last.end:
            hooks.finish(tape)
        else:
            hooks.split(tape, tape.mark)
        raise Restart
    key = (LEAF, x._node.slot)
    node = tape.node.children.get(key)
    if node is None:
        if tape.nested is None and not any(n.grad for n in path(tape.node)):
            # what came before made leaves and read none (parameters were initialised): a program of its own
            rewind(tape)
            hooks.finish(tape)
            raise Restart
        node = _new_leaf(tape, key, x)
    tape.node = node
    x._node, x._tape, x._home = node, tape, None
    tape.leaves[node.slot] = x
    return node.slot


def _new_leaf(tape: Tape, key: tuple, x: Any) -> Node:
    may_end(tape)
    node = Node(tape.node, LEAF, None, key[1:])
    node.results([x._node.aval], [True], False)
    attach(tape, key, node)
    return node


def leaf_entry(x: Any) -> None:
    """Makes the lazy tensor `x` a start of the graph on its tape: what reads it is differentiated with respect to it."""
    while True:
        tape = state.tape
        try:
            slot = slot_of(tape, x)
            key = (LEAF, slot)
            node = tape.node.children.get(key)
            if node is None:
                node = _new_leaf(tape, key, x)
        except Restart:
            continue
        tape.node = node
        x._node, x._tape, x._home = node, tape, None
        return


def enter(*tensors: Any) -> tuple:
    """The current tape, then the slot of each tensor on it."""
    while True:
        tape = state.tape
        try:
            return (tape, *[slot_of(tape, x) for x in tensors])
        except Restart:
            continue


def attach(tape: Tape, key: Any, node: Node) -> None:
    here = tape.node
    here.children[key] = node
    if here.children.__class__ is Unseen:
        node.children = Unseen()
    if node.twin is None and here.twin is not None:
        node.twin = here.twin.children.get(key)
    stats.nodes += 1


AGAIN = sys.maxsize      # for `rolls` while entries are recorded again: no loop is looked for


def may_end(tape: Tape) -> None:
    """An unknown entry is about to be made: ends the tape where one ended before, or where it has become long."""
    node = tape.last
    if node.parent is None or tape.inline is not None or tape.nested is not None:
        return
    if tape.rolls == AGAIN and not tape.stepped:
        return          # what a backward will go through stays together, and all comes from one place of the program
    if node.end or node.depth >= config.max_tape or _turned(tape, node):
        if not node.end and node.depth < config.max_tape:
            node.end = True
        rewind(tape)
        hooks.seal(tape)
        raise Restart


def _turned(tape: Tape, node: Node) -> bool:
    """Whether a long tape is at the head of its loop, and the loop is none that would be rolled up."""
    if tape.places is None:
        tape.places = Places()
    if not tape.places.loop_head(node, max(config.soft_tape, tape.rolls)):
        return False
    if repeats(path(node)):
        tape.rolls = 2 * node.depth
        return False
    return True


def rewind(tape: Tape) -> None:
    """Takes back what was entered for an entry that did not come about: inputs, and constants read for the first time."""
    if tape.nested is not None:
        return          # inputs that nothing reads do no harm there
    while state.tape is tape:
        node = tape.node
        if node.kind is INPUT and node.aval is None:
            bundle, k = tape.bundles.pop(node.slot)
            bundle.tape = None
            del tape.args[k:], tape.inputs[k:]
            tape.node = node.parent     # type: ignore[assignment]
            continue
        if node.kind is INPUT:
            tape.args.pop()
            x = tape.inputs.pop()
            if x._tape is not tape:     # another thread's
                tape.foreign.pop(id(x), None)
                tape.node = node.parent     # type: ignore[assignment]
                continue
        elif node.op is not None and node.op.name == "_full" and tape.tensors and tape.tensors[-1]._node is node:
            x = tape.tensors.pop()
            value = node.attrs["value"]
            if value.__class__ is Ref:      # the fill value was seen to change: it is a runtime input
                value = value.value(tape)
            x._pending = (value,)
            while tape.tensors and tape.tensors[-1]._node is node:      # what it was recorded as
                tape.tensors.pop()
        else:
            return
        x._node = x._node.aval.grad if x._node.rg else x._node.aval.plain
        x._tape = None
        tape.node = node.parent     # type: ignore[assignment]
        del tape.floats[tape.node.floats:], tape.ints[tape.node.ints:]


def advance(tape: Tape, key: tuple, build: Callable[[], Node]) -> Node:
    """Follows or makes an entry that is not an op (backward)."""
    node = tape.node.children.get(key)
    if node is None:
        may_end(tape)
        node = build()
        node.where = user_line()
        attach(tape, key, node)
    tape.node = node
    return node
