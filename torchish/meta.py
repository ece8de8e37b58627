"""Tensors on the device 'meta', which have a shape, dtype and strides and no data: what an op over them gives.

In: a call of an op with such a tensor among its operands.  Out: tensors there, found by shape inference alone.

A tensor on meta is a constant that nothing can read: to enter it in a step raises `NoData`, and the recorder brings the call here.
It is written on a tape of its own, of which every operand is an input, whatever it is; that tape is never run.  So nothing is left
in the user's step, nothing is compiled, and no memory is taken.  Where gradients are recorded the one entry is kept as a graph,
whose backward is an op like any other: over cotangents on meta it comes here again.
"""
from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from .avals import Aval, aval_of
from .creation import constant
from .devices import META, is_meta
from .finish import ending_of
from .hooks import Restart, hooks
from .ops.table import Op
from .recorder import node_for
from .segment import Graph
from .slots import new_input
from .storage import refresh
from .strides import laid, preserved
from .tape import APART, DEFAULTS, INFERENCE, WATCHED, Node, Tape, state

__all__ = ["apart", "made_on", "record_on_meta", "to_meta"]

NOBODY = 0      # the thread of a tape apart: its operands are never taken for its own


class Apart:
    """Stands at `nested` of a tape that is never run: its inputs are tensors as they are described, not what they hold."""
    batch = None
    repeated = varies = False

    def __init__(self) -> None:
        outer = state.tape
        self.tape = Tape(outer.grad, nested=self, autocast=outer.autocast, extra=outer.extra & (INFERENCE | DEFAULTS) | APART)
        self.tape.thread = NOBODY

    def slot(self, x: Any) -> int:
        """The input that stands for tensor `x`; it may be on the CPU where it has no dimensions."""
        tape = self.tape
        if x._view is not None:
            refresh(x)
        known = tape.foreign.get(id(x))
        if known is not None:
            return known[0]
        leaf, out = x._leaf, x._node
        if out.rg and not leaf and x._graph is None:
            x._array()          # its step ends, and becomes a graph
        key = out.aval.grad if leaf or out.rg else out.aval.plain
        node = tape.node.children.get(key)      # type: ignore[call-overload]
        if node is None:
            node = new_input(tape, key, [key.aval], key.rg)
        tape.node = node
        tape.args.append(on_meta(key.aval))
        tape.inputs.append(x)
        tape.foreign[id(x)] = (node.slot, x)
        if x._graph is not None:
            tape.upstream[node.slot] = x._graph
        return node.slot


def on_meta(aval: Aval) -> Aval:
    """The same on the device meta."""
    return aval if aval.device == META else aval_of(aval.shape, aval.dtype, META, aval.strides)


def record_on_meta(op: Op, values: tuple | list) -> Any:
    """The result of `op` over operands one of which has no data: a tensor or a tuple of them, without data."""
    while True:
        tape = Apart().tape
        try:
            node = node_for(tape, op, values)
            break
        except Restart:         # a tensor that stands for a number has been read
            continue
    result = _tensors(tape, node)
    if state.tape.extra & WATCHED:
        hooks.recorded(node, values, result)
    return result


def _tensors(tape: Tape, node: Node) -> Any:
    """The results of the last entry of a tape apart, which is kept as a graph where a gradient can come to one of them."""
    tape.node = node
    graph = None
    moving = tuple([o.slot for o in node.outs if o.rg])
    if moving:
        graph = Graph.keep(tape, node, ending_of(node, moving), {})
    made = []
    for out in node.outs:
        x = _without_data(out.aval)
        if out.rg:
            x._node, x._graph = x._node.aval.grad, (graph, out.slot)
        made.append(x)
    return made[0] if node.aval is not None else tuple(made)


def _without_data(aval: Aval) -> Any:
    return constant(aval.shape, 0, dtype=aval.dtype, device=META, strides=aval.strides)


def to_meta(x: Any, dtype: Any = None) -> Any:
    """A tensor without data in the likeness of `x` (with another dtype), whose values are neither read nor computed."""
    if x._view is not None:
        refresh(x)
    aval = x._node.aval
    return constant(aval.shape, 0, dtype=dtype or aval.dtype, device=META, strides=preserved(*laid(aval)))


@contextmanager
def apart() -> Any:
    """What is recorded inside is never run and leaves nothing in the step: results are looked at for their shape."""
    outer = state.tape
    state.tape = Apart().tape
    try:
        yield
    finally:
        state.tape = outer


def made_on(device: Any, make: Callable, *args: Any, **kwargs: Any) -> Any:
    """`make(*args, **kwargs)`, which makes a tensor from numbers; without data where `device`, or the default one, is meta."""
    if not is_meta(device):
        return make(*args, **kwargs)
    with apart():
        return to_meta(make(*args, **kwargs))
