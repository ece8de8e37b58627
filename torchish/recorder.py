"""Recording: from a call of a public function to an entry of the tape.

In: an op of the table and the values of its parameters.  Out: the node that stands for the call (found, or made with shape
inference, promotion and checks when it is new) and the tensors that hold its results.  The derived functions do the common
case themselves and come here for the rest.
"""
from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import dtypes, infer
from .avals import Out
from .config import config
from .ops.table import Op
from .tape import INPUT, LEAF, Const, Node, Ref, Site, Tape, path, slots, state, stats
from .where import loop_head, short, user_line

__all__ = ["Hooks", "Restart", "Results", "advance", "enter", "hooks", "outputs", "record", "record_results", "slot_of"]


class Hooks:
    """What layers above give to the recorder: it must not import them."""
    tensor: type                                    # the class Tensor
    coerce: Callable[[Any], Any]                    # numpy arrays and the like -> Tensor
    make: Callable[[Tape, Any], Any]                # (tape, Out) -> Tensor
    settle: Callable[[Any], None]                   # gives a tensor that nothing has read yet its value
    refresh: Callable[[Any], None]                  # brings a stale view up to date
    concrete: Callable[[Any], Any]                  # the array of a tensor that lives elsewhere
    finish: Callable[[Tape], None]                  # ends a tape: compiles and runs it
    seal: Callable[[Tape], None]                    # ends a tape, to be run when a value of it is needed
    split: Callable[[Tape, Node], None]             # ends a tape after a node; what came later goes to the next tape


hooks = Hooks()
HOLE = "#"
PYTHON_DTYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}


class Restart(Exception):
    """The tape ended while an entry was being recorded: it belongs on the next one."""


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
    out = x._node
    key = out.aval.grad if out.rg or x._leaf else out.aval.plain
    node = tape.node.children.get(key)
    if node is None:
        node = _new_input(tape, key)
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
    with _claims:
        if x._owner is None and (x._tape is None or x._tape.thread == tape.thread):
            x._owner = tape.thread
        return x._owner == tape.thread


def _foreign_slot(tape: Tape, x: Any) -> int:
    """The slot of a tensor that another thread owns: noted on the tape, the tensor is left as it is."""
    known = tape.foreign.get(id(x))
    if known is not None and known[1] is x and tape.args[known[2]] is x._data:
        return known[0]
    if x._node.rg and not x._leaf and x._graph is None:
        raise RuntimeError("this tensor requires grad and was computed in another thread whose step is still open; use .detach(), "
                           "or compute it in this thread")
    key = x._node.aval.grad if x._node.rg or x._leaf else x._node.aval.plain
    node = tape.node.children.get(key)
    if node is None:
        node = _new_input(tape, key)
    tape.node = node
    tape.args.append(x._data)
    tape.inputs.append(x)
    tape.foreign[id(x)] = (node.slot, x, len(tape.args) - 1)
    if x._graph is not None:
        tape.upstream[node.slot] = x._graph
    return node.slot


def _new_input(tape: Tape, key: Out) -> Node:
    _may_end(tape)
    node = Node(tape.node, INPUT)
    node.results([key.aval], [key.rg], False)
    node.inputs += 1
    _attach(tape, key, node)
    return node


def _lazy_slot(tape: Tape, x: Any) -> int | None:
    """The slot of a tensor that is a view, lazy, or not yet made; None where it turns out to have an array."""
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
        return _leaf_slot(tape, x) if x._leaf and tape.grad else x._node.slot
    if x._data is None:
        hooks.concrete(x)
        _still(tape)
    return None


def _still(tape: Tape) -> None:
    """Restart where another tape has become the current one."""
    if state.tape is not tape:
        raise Restart


def _leaf_slot(tape: Tape, x: Any) -> int:
    """A leaf whose value was written on this tape is read by a differentiable entry."""
    if tape.stepped:
        # a leaf written after a backward: here the next step begins
        _rewind(tape)
        if tape.last.end:
            hooks.finish(tape)
        else:
            hooks.split(tape, tape.mark)
        raise Restart
    key = (LEAF, x._node.slot)
    node = tape.node.children.get(key)
    if node is None:
        if not any(n.grad for n in path(tape.node)):
            # what came before made leaves and read none (parameters were initialised): a program of its own
            _rewind(tape)
            hooks.finish(tape)
            raise Restart
        _may_end(tape)
        node = Node(tape.node, LEAF, None, (x._node.slot,))
        node.results([x._node.aval], [True], False)
        _attach(tape, key, node)
    tape.node = node
    x._node, x._tape, x._home = node, tape, None
    tape.leaves[node.slot] = x
    return node.slot


def enter(*tensors: Any) -> tuple:
    """The current tape, then the slot of each tensor on it."""
    while True:
        tape = state.tape
        try:
            return (tape, *[slot_of(tape, x) for x in tensors])
        except Restart:
            continue


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
            _rewind(tape)
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
        site = here.sites.get(_key(op, codes, consts, None))
        if site is not None and any(site.mask):
            node = here.children.get(_key(op, codes, consts, site.mask))
            if node is not None:
                _push(tape, consts, site.mask)
    if node is None:
        _may_end(tape)
        node = _create(tape, op, codes, consts)
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
        return v.item()
    if p.kind == "mixed" and isinstance(v, np.ndarray):
        return hooks.coerce(v)
    position = [q.name for q in op.params].index(p.name) + 1
    wanted = "Number" if p.kind == "number" else "Tensor"
    raise TypeError(f"{op.name}(): argument '{p.name}' (position {position}) must be {wanted}, not {type(v).__name__}")


def _shape(v: Any) -> tuple[int, ...]:
    return tuple([n if n.__class__ is int else operator.index(n) for n in v])


def _key(op: Op, codes: list, consts: list, mask: tuple | None) -> tuple:
    """The key with numbers replaced by holes: all of them (mask None) or those that the mask names."""
    holed = list(codes)
    for k, (i, sub, _) in enumerate(consts):
        if mask is None or mask[k]:
            if sub is None:
                holed[i] = HOLE
            else:
                holed[i] = (*holed[i][:sub], HOLE, *holed[i][sub + 1:])
    return (op.index, *holed)


def _with(codes: list, consts: list, values: tuple) -> list:
    """The codes with other numbers in them."""
    codes = list(codes)
    for (i, sub, _), v in zip(consts, values, strict=True):
        if sub is None:
            codes[i] = v or str(v)
        else:
            coded = isinstance(codes[i][0], type)       # (class, number), or a tuple of ints as they are
            codes[i] = (*codes[i][:sub], (v or str(v)) if coded else v, *codes[i][sub + 1:])
    return codes


def _push(tape: Tape, consts: list, mask: tuple) -> None:
    for (_, _, v), runtime in zip(consts, mask, strict=True):
        if runtime:
            (tape.floats if v.__class__ is float else tape.ints).append(v)


def _create(tape: Tape, op: Op, codes: list, consts: list) -> Node:
    """A new entry. Numbers seen to change at this place, here or in the branch this one came from, become inputs."""
    here = tape.node
    values = tuple(v for _, _, v in consts)
    mask = (False,) * len(consts)
    twin = None
    generic = _key(op, codes, consts, None) if consts else None
    for known in (here, here.twin):
        site = known.sites.get(generic) if consts and known is not None and known.sites else None
        if site is not None:
            mask = tuple(m or _differ(a, b) for m, a, b in zip(site.mask, site.values, values, strict=True))
            twin = site.child
            if known is here:
                # the branch of the first values is given up: they take the general one from now on
                here.children.pop(_key(op, _with(codes, consts, site.values), consts, site.mask), None)
            break
    key = _key(op, codes, consts, mask) if consts else (op.index, *codes)
    node = Node(here, op, op)
    _fill(tape, node, op, codes, consts, mask)
    node.where = user_line()
    node.twin = twin
    if any(mask):
        old = next((a for a, b in zip(site.values, values, strict=True) if _differ(a, b)), site.values[0])
        new = next((b for a, b in zip(site.values, values, strict=True) if _differ(a, b)), values[0])
        node.why = f"{op.name} at {short(node.where)} took {old!r}, now {new!r}: from now on an input of the program"
    _attach(tape, key, node)
    _push(tape, consts, mask)
    if consts:
        here.sites = here.sites if here.sites is not None else {}
        here.sites[generic] = Site(values, mask, node)
    return node


def _differ(a: Any, b: Any) -> bool:
    return a.__class__ is not b.__class__ or (a != b) or (a == 0 and str(a) != str(b))


def _fill(tape: Tape, node: Node, op: Op, codes: list, consts: list, mask: tuple) -> None:
    """Operands, attributes, results of a new entry."""
    runtime = {}
    for (i, sub, v), m in zip(consts, mask, strict=True):
        if m and v.__class__ is float:
            runtime[i, sub] = Ref("f", node.floats)
            node.floats += 1
        elif m:
            runtime[i, sub] = Ref("i", node.ints)
            node.ints += 1
    operands: list = []
    attrs: dict = {}
    i = 0
    for p in op.params:
        if p.kind == "runtime":
            attrs[p.name] = Ref("f", node.floats)
            node.floats += 1
            continue
        code = codes[i]
        if p.kind == "mixed" and isinstance(code, type):
            i += 1
            operands.append(runtime.get((i, None)) or Const(_value(code, codes[i])))
        elif p.kind in ("operand", "operands", "mixed"):
            operands.append(code)
        elif p.kind == "number":
            attrs[p.name] = p.default if code is None else runtime.get((i, 1)) or _value(*code)
        elif p.kind == "numbers":
            attrs[p.name] = tuple(runtime.get((i, k), n) for k, n in enumerate(code))
        else:
            attrs[p.name] = code
        i += 1
    node.operands, node.attrs = tuple(operands), attrs
    known = tape.outs()
    results, many = infer.results(op, node, known)
    passes = op.differentiable
    rg = tape.grad and bool(passes) and any(known[s].rg for s in slots(node.operands))
    node.grad = rg
    node.results(results, [rg and a.differentiable and (passes is True or passes[k]) for k, a in enumerate(results)], many)


def _value(cls: type, code: Any) -> Any:
    """Undoes the coding of a number (zeros are coded as text, to keep -0.0 apart)."""
    return code if code.__class__ is not str else (False if cls is bool else cls(code))


def _attach(tape: Tape, key: Any, node: Node) -> None:
    here = tape.node
    here.children[key] = node
    if node.twin is None and here.twin is not None:
        node.twin = here.twin.children.get(key)
    stats.nodes += 1


def _may_end(tape: Tape) -> None:
    """An unknown entry is about to be made: ends the tape where one ended before, or where it has become long."""
    node = tape.last
    if node.parent is None or tape.inline is not None:
        return
    if node.end or node.depth >= config.max_tape or (node.depth >= config.soft_tape and loop_head(node)):
        if not node.end and node.depth < config.max_tape:
            node.end = True
        _rewind(tape)
        hooks.seal(tape)
        raise Restart


def _rewind(tape: Tape) -> None:
    """Takes back what was entered for an entry that did not come about: inputs, and constants read for the first time."""
    while state.tape is tape:
        node = tape.node
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
                value = (tape.floats if value.kind == "f" else tape.ints)[value.index]
            x._pending = (value,)
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
        _may_end(tape)
        node = build()
        node.where = user_line()
        _attach(tape, key, node)
    tape.node = node
    return node
