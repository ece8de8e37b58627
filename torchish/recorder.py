"""Recording: from a call of a public function to an entry of the tape.

In: an op of the table and the values of its parameters.  Out: the node that stands for the call (found, or made by entries.py
where it is new) and the tensors that hold its results.  The derived functions do the common case themselves and come here
for the rest.
"""
from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from . import dtypes
from .bundle import Bundle, range_of
from .entries import create, key_of, push
from .hooks import Hooks, Restart, hooks
from .ops.table import Op
from .slots import advance, enter, leaf_entry, may_end, rewind, slot_of
from .tape import Node, Tape, state

__all__ = ["Hooks", "Restart", "Results", "advance", "enter", "hooks", "leaf_entry", "outputs", "record", "record_results",
           "slot_of"]

PYTHON_DTYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}


def record(op: Op, values: tuple | list) -> Any:
    """Records a call of `op`; `values` are its parameters' in order. Returns a Tensor or a tuple of them."""
    tape, node = _recorded(op, values)
    return outputs(tape, node)


class Results:
    """The results of an entry whose tensors nobody may ever want: they are made when it is iterated over.

    What an optimizer records for all parameters at once goes into the tensors they replace (`wiring.assign_all`).
    """
    __slots__ = ("tape", "node")

    def __init__(self, tape: Tape, node: Node) -> None:
        self.tape, self.node = tape, node

    def __len__(self) -> int:
        return len(self.node.outs)

    def __iter__(self) -> Iterator[Any]:
        return iter([hooks.make(self.tape, out) for out in self.node.outs])


def record_results(op: Op, values: tuple | list) -> Any:
    """Records a call of `op`; where it has several results, without making tensors for them."""
    tape, node = _recorded(op, values)
    tape.node = node
    return Results(tape, node) if node.aval is None else hooks.make(tape, node)


def _recorded(op: Op, values: tuple | list) -> tuple[Tape, Node]:
    """The entry of a call and the tape it is on; where the tape ends on the way, the next one."""
    while True:
        tape = state.tape
        try:
            return tape, _node_for(tape, op, values)
        except Restart:
            continue
        except BaseException:
            rewind(tape)
            raise


def outputs(tape: Tape, node: Node) -> Any:
    """The tensors of an entry's results."""
    tape.node = node
    if node.aval is not None:
        return hooks.make(tape, node)
    new, cls, append = object.__new__, hooks.tensor, tape.tensors.append
    results = []
    for out in node.outs:
        x = new(cls)
        x._tape, x._node = tape, out
        append(x)
        results.append(x)
    return tuple(results)


def _node_for(tape: Tape, op: Op, values: tuple | list) -> Node:
    codes, consts, floats, ints = _encode(tape, op, values)
    here = tape.node
    node = here.children.get((op.index, *codes))
    if node is None and consts and here.sites is not None:
        site = here.sites.get(key_of(op, codes, consts, None))
        if site is not None and any(site.mask):
            node = here.children.get(key_of(op, codes, consts, site.mask))
            if node is not None:
                push(tape, consts, site.mask)
    if node is None:
        may_end(tape)
        look = None if op.look is None or tape.inline is not None or tape.nested is not None else partial(_look, op, values)
        node = create(tape, op, codes, consts, look)
    tape.floats.extend(floats)
    tape.ints.extend(ints)
    return node


def _encode(tape: Tape, op: Op, values: tuple | list) -> tuple[list, list, list, list]:
    """The key's codes; the numbers in them as (position, sub-position, value); runtime floats and ints."""
    codes: list = []
    consts: list = []
    floats: list = []
    for p, v in zip(op.params, values, strict=True):
        kind = p.kind
        if kind == "operand":
            codes.append(None if v is None and p.optional else slot_of(tape, _tensor(op, p, v)))
        elif kind == "operands":
            if v.__class__ is Bundle:
                codes.append(range_of(tape, v))
                continue
            if isinstance(v, hooks.tensor):
                position = [q.name for q in op.params].index(p.name) + 1
                raise TypeError(f"{op.name}(): argument '{p.name}' (position {position}) must be tuple of Tensors, not Tensor")
            try:
                codes.append(tuple([x._node.slot if x._tape is tape else slot_of(tape, x) for x in v]))
            except AttributeError:
                codes.append(tuple([slot_of(tape, _tensor(op, p, x)) for x in v]))
        elif kind == "mixed":
            if isinstance(v, hooks.tensor):
                codes.append(slot_of(tape, v))
            elif v is None and p.optional:
                codes.append(None)
            else:
                v = _number(op, p, v)
                if isinstance(v, hooks.tensor):
                    codes.append(slot_of(tape, v))
                    continue
                codes.append(v.__class__)
                if v.__class__ is int or v.__class__ is float:
                    consts.append((len(codes), None, v))
                codes.append(v or str(v))
        elif kind == "number":
            if v is p.default:
                codes.append(None)
            else:
                v = _number(op, p, v)
                if v.__class__ is int or v.__class__ is float:
                    consts.append((len(codes), 1, v))
                codes.append((v.__class__, v or str(v)))
        elif kind == "numbers":
            consts.extend((len(codes), k, n) for k, n in enumerate(v))
            codes.append(tuple(v))
        elif kind == "runtime":
            floats.append(float(v))
        elif kind == "shape":
            codes.append(_shape(v))
        else:
            if isinstance(v, hooks.tensor):
                v = _read(v)
            codes.append(tuple(v) if v.__class__ is list else PYTHON_DTYPES.get(v, v) if v.__class__ is type else v)
    return codes, consts, floats, []


def _tensor(op: Op, p: Any, v: Any) -> Any:
    if isinstance(v, hooks.tensor):
        return v
    if isinstance(v, np.ndarray) or hasattr(v, "__jax_array__") or type(v).__module__.startswith("jax"):
        return hooks.coerce(v)
    position = [q.name for q in op.params].index(p.name) + 1
    raise TypeError(f"{op.name}(): argument '{p.name}' (position {position}) must be Tensor, not {type(v).__name__}")


def _number(op: Op, p: Any, v: Any) -> Any:
    """A Python number; 0-dim numpy scalars are unwrapped, 0-dim tensors stand for their value where only a number may."""
    if v.__class__ in (int, float, bool, complex):
        return v
    if isinstance(v, np.generic):
        return v.item()
    if isinstance(v, (bool, int, float, complex)):
        return next(c(v) for c in (bool, int, float, complex) if isinstance(v, c))
    if isinstance(v, hooks.tensor) and p.kind == "number":
        return _read(v)
    if p.kind == "mixed" and isinstance(v, np.ndarray):
        return hooks.coerce(v)
    position = [q.name for q in op.params].index(p.name) + 1
    wanted = "Number" if p.kind == "number" else "Tensor"
    raise TypeError(f"{op.name}(): argument '{p.name}' (position {position}) must be {wanted}, not {type(v).__name__}")


def _look(op: Op, values: tuple | list) -> None:
    """Lets an op refuse the values of its operands, as far as they are known."""
    op.look(*[_seen(v) for v in values])    # type: ignore[misc]


def _seen(v: Any) -> Any:
    """An operand for `op.look`: the values of integers that are known, as a numpy array."""
    if isinstance(v, (list, tuple)):
        return type(v)(_seen(x) for x in v)
    if isinstance(v, hooks.tensor) and v._data is not None and v._view is None and v.dtype.name in ("int64", "int32"):
        return np.asarray(v._data)
    return v


def _read(x: Any) -> Any:
    """The values of a tensor that stands for numbers; where that ends the tape, the call is recorded anew."""
    tape = state.tape
    values = x.tolist()
    if state.tape is not tape:
        raise Restart
    return values


def _shape(v: Any) -> tuple[int, ...]:
    return tuple([n if n.__class__ is int else operator.index(n) for n in v])
