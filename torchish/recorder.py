"""Recording: from a call of a public function to an entry of the tape.

In: an op of the table and the values of its parameters.  Out: the node that stands for the call (found, or made by entries.py
where it is new) and the tensors that hold its results.  The derived functions do the common case themselves and come here
for the rest.
"""
from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any
from weakref import ref

import numpy as np

from . import dtypes
from .attributes import position, refuse_tensor, refuse_type, refuse_types
from .bundle import Bundle, range_of
from .entries import create, key_of, push
from .hooks import Hooks, NoData, Restart, hooks
from .inference import may_save, used
from .ops.create import filled as FULL
from .ops.table import OPERANDS, Op
from .slots import advance, enter, leaf_entry, may_end, rewind, slot_of
from .tape import WATCHED, Node, Ref, Tape, state
from .torch_function import install, overloaded, taken_over, takes_part

__all__ = ["Hooks", "Restart", "Results", "advance", "enter", "given_tensor", "hooks", "leaf_entry", "look_again",
           "node_for", "outputs", "record", "record_results", "slot_of", "whole"]

# the dtypes of operands that `op.look` gets the values of
LOOKED_AT = {"places": frozenset({dtypes.int64, dtypes.int32}),
             "whole": frozenset({dtypes.int64, dtypes.int32, dtypes.int16, dtypes.int8, dtypes.uint8, dtypes.bool_}),
             "values": frozenset({dtypes.float32, dtypes.float64}),
             "levels": frozenset({dtypes.float32, dtypes.float64}),
             "matrix": frozenset({dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128})}
SOON = 2 ** 16      # elements that are looked through in some microseconds
PLACES = 1024       # entries that a value is remembered to have passed at
NUMBERS = frozenset({int, float, bool})
PYTHON_DTYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}


def record(op: Op, values: tuple | list) -> Any:
    """Records a call of `op`; `values` are its parameters' in order. Returns a Tensor or a tuple of them."""
    try:
        tape, node = _recorded(op, values)
    except Foreign:
        return _taken_over(op, values)
    if tape is None:
        return hooks.on_meta(op, values)
    result = outputs(tape, node)
    if tape.extra & WATCHED:
        hooks.recorded(node, values, result)
    return result


class Foreign(TypeError):
    """An operand is no tensor, but its class may have an answer."""


def _refusal(v: Any, message: str) -> TypeError:
    return Foreign(message) if takes_part(type(v)) else TypeError(message)


def _taken_over(op: Op, values: tuple | list) -> Any:
    """The call as the class of a foreign operand answers it: the first one met. From now on the public functions ask first."""
    install()
    func = hooks.public.get(op.name) or hooks.public_F[op.name]
    given = list(zip(op.params, values, strict=True))
    kwargs = {p.name: v for p, v in given if p.keyword_only and v is not p.default}
    positional = [(p, v) for p, v in given if not p.keyword_only]
    while positional and positional[-1][0].default is positional[-1][1]:
        positional.pop()
    args = [v for _, v in positional]
    return taken_over(func, overloaded([*args, *kwargs.values()]), tuple(args), kwargs)


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
    if tape is None:
        return hooks.on_meta(op, values)
    tape.node = node
    return Results(tape, node) if node.aval is None else hooks.make(tape, node)


def _recorded(op: Op, values: tuple | list) -> tuple[Any, Any]:
    """The tape and the entry of a call, on the next tape where this one ends on the way. Nothing where an operand has no data."""
    while True:
        tape = state.tape
        try:
            return tape, node_for(tape, op, values)
        except Restart:
            continue
        except NoData:      # not answered here: an error of what comes instead is to be shown by itself
            rewind(tape)
            return None, None
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


def node_for(tape: Tape, op: Op, values: tuple | list) -> Node:
    """The node that stands for a call after the last entry of `tape`: followed or made. The tape does not go on to it yet."""
    codes, consts, floats, ints = _encode(tape, op, values)
    here = tape.node
    find = dict.get     # not the method: where entries are watched it hides them from calls that do not come by here
    node, mask = find(here.children, (op.index, *codes)), None
    if node is None and consts and here.sites is not None:
        site = here.sites.get(key_of(op, codes, consts, None))
        if site is not None and any(site.mask):
            node, mask = find(here.children, key_of(op, codes, consts, site.mask)), site.mask
    if node is None:
        refuse_types(op, values)
        may_end(tape)
        look = None if op.look is None or tape.inline is not None or tape.nested is not None else partial(_look, op, values)
        node, mask = create(tape, op, codes, consts, look), None
        if used.ever and node.grad:
            _refuse_inference(here, node, values)
    elif op.look is not None and (op.promote is None or node.aval.dtype.category <= dtypes.INTEGER):
        look_again(tape, op, values, node)
    if mask is not None:        # a call that was refused leaves no numbers
        push(tape, consts, mask)
    tape.floats.extend(floats)
    tape.ints.extend(ints)
    return node


def _refuse_inference(here: Node, node: Node, values: tuple | list) -> None:
    """Takes a new entry back which would keep an inference tensor for its backward."""
    flat = [x for v in values for x in (v if v.__class__ in (list, tuple) else (v,)) if isinstance(x, hooks.tensor)]
    try:
        may_save(node, flat)
    except RuntimeError:
        here.children = type(here.children)((k, n) for k, n in here.children.items() if n is not node)
        raise


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
            if isinstance(v, hooks.tensor) or not hasattr(v, "__iter__"):
                raise TypeError(f"{op.name}(): argument '{p.name}' (position {position(op, p)}) must be tuple of Tensors, not "
                                f"{type(v).__name__}")
            try:
                codes.append(tuple([x._node.slot if x._tape is tape else slot_of(tape, x) for x in v]))
            except AttributeError:
                codes.append(tuple([slot_of(tape, _element(op, p, x, k)) for k, x in enumerate(v)]))
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
            floats.append(_outside(float, v))
        elif kind == "shape":
            codes.append(_outside(whole, v))
        else:
            if isinstance(v, hooks.tensor):
                v = _read(op, p, v)
            elif v.__class__ in NUMBERS and v is not p.default:     # 1, 1.0 and True are one key: an entry of another may be known
                refuse_type(op, p, v)
            elif v.__class__ is tuple and any(isinstance(n, hooks.tensor) for n in v):
                v = tuple([_read(op, p, n) if isinstance(n, hooks.tensor) else n for n in v])
            codes.append(tuple(v) if v.__class__ is list else PYTHON_DTYPES.get(v, v) if v.__class__ is type else v)
    return codes, consts, floats, []


def _tensor(op: Op, p: Any, v: Any) -> Any:
    if isinstance(v, hooks.tensor):
        return v
    if _is_array(v):
        return hooks.coerce(v)
    raise _refusal(v, f"{op.name}(): argument '{p.name}' (position {position(op, p)}) must be Tensor, not {type(v).__name__}")


def given_tensor(name: str, v: Any, parameter: str = "input", place: int = 1) -> Any:
    """What a function was given for a tensor: an array becomes one, what has a `__torch_function__` stays; else TypeError."""
    if isinstance(v, hooks.tensor):
        return v
    if _is_array(v):
        return hooks.coerce(v)
    if takes_part(type(v)):
        return v
    raise TypeError(f"{name}(): argument '{parameter}' (position {place}) must be Tensor, not {type(v).__name__}")


def _element(op: Op, p: Any, v: Any, k: int) -> Any:
    """The tensor at place `k` of a list of operands."""
    if isinstance(v, hooks.tensor) or _is_array(v):
        return _tensor(op, p, v)
    raise _refusal(v, f"expected Tensor as element {k} in argument {position(op, p) - 1}, but got {type(v).__name__}")


def _is_array(v: Any) -> bool:
    return isinstance(v, np.ndarray) or hasattr(v, "__jax_array__") or type(v).__module__.startswith("jax")


def _number(op: Op, p: Any, v: Any) -> Any:
    """A Python number; 0-dim numpy scalars are unwrapped, 0-dim tensors stand for their value where only a number may."""
    if v.__class__ in (int, float, bool, complex):
        return v
    if isinstance(v, np.generic):
        return v.item()
    if isinstance(v, (bool, int, float, complex)):
        return next(c(v) for c in (bool, int, float, complex) if isinstance(v, c))
    if isinstance(v, hooks.tensor) and p.kind == "number":
        return _read(op, p, v)
    if p.kind == "mixed" and isinstance(v, np.ndarray):
        return hooks.coerce(v)
    wanted = "Number" if p.kind == "number" else "Tensor"
    raise _refusal(v, f"{op.name}(): argument '{p.name}' (position {position(op, p)}) must be {wanted}, not {type(v).__name__}")


def _look(op: Op, values: tuple | list, node: Node) -> None:
    """Lets an op refuse the values of its operands, as far as they are known."""
    if op.promote is None or (node.aval.dtype.category <= dtypes.INTEGER and node.aval.device == "cpu"):
        op.look(*_shown(op, values, partial(_known, LOOKED_AT[op.looks])))      # type: ignore[misc]


def look_again(tape: Tape, op: Op, values: tuple | list, node: Node) -> None:
    """Looks at the operands of a call whose entry is known, as far as their values are there without waiting.

    What has passed at this entry once is not looked at again.
    """
    news, asked, kinds = [], False, LOOKED_AT[op.looks]
    for k in _looked_at(op):
        v = values[k]
        if v.__class__ is int:      # a constant has passed when the entry was new; one that was seen to change may now be another
            asked = node.ints > 0 and node.aval.device == "cpu"
        elif isinstance(v, (list, tuple)):
            news += [x for x in v if _is_news(x, node, kinds)]
        elif v is not None and _is_news(v, node, kinds):
            news.append(v)
    if not (news or asked) or tape.nested is not None or tape.inline is not None:
        return
    try:
        op.look(*_shown(op, values, lambda x: np.asarray(x._data) if any(x is n for n in news) else x))     # type: ignore[misc]
    except BaseException:
        rewind(tape)
        raise
    for x in news:
        passed = x._looked
        if passed is None or passed[0] is not x._data or len(passed[1]) == PLACES:
            passed = x._looked = (x._data, set())
        passed[1].add(ref(node))


@cache
def _looked_at(op: Op) -> tuple[int, ...]:
    """The places of the operands that `op.look` sees the values of."""
    kinds = {"whole": ("operand", "mixed"), "levels": ("mixed",)}.get(op.looks, ("operand", "operands"))
    first = op.looks == "whole"     # there the first is what is worked upon
    last = 1 if op.looks == "matrix" else len(op.params)
    return tuple(k for k, p in enumerate(op.params[:last]) if p.kind in kinds and k >= first)


def _shown(op: Op, values: tuple | list, value_of: Callable[[Any], Any]) -> list:
    """The parameters of a call as `op.look` gets them: what it looks at as `value_of` tells, tensors for numbers as these."""
    places, shown = _looked_at(op), []
    for k, v in enumerate(values):
        if k in places:
            v = [value_of(x) for x in v] if isinstance(v, (list, tuple)) else value_of(v)
        elif isinstance(v, hooks.tensor) and op.params[k].kind not in OPERANDS:
            v = v.tolist()
        shown.append(v)
    return shown


def _known(kinds: frozenset, x: Any) -> Any:
    """The values of a tensor of these dtypes as a numpy array, if they are known; else what it is."""
    if not isinstance(x, hooks.tensor) or x.dtype not in kinds:
        return x
    if x._data is not None and x._view is None:
        return np.asarray(x._data)
    if x._tape is not None and x._node.__class__ is Node and x._node.op is FULL:
        value = x._node.attrs["value"]
        if value.__class__ is Ref:      # a number that was seen to change: what it is in this step
            value = value.value(x._tape)
        return np.broadcast_to(np.asarray(value, x.dtype.np), x.shape)
    return x


def _is_news(x: Any, node: Node, kinds: frozenset) -> bool:
    """Whether values of these dtypes are there without waiting, are soon looked through, and have not passed here yet."""
    if not isinstance(x, hooks.tensor) or x._data is None:
        return False
    data, aval, passed = x._data, x._node.aval, x._looked
    return (aval.dtype in kinds and not (passed is not None and passed[0] is data and ref(node) in passed[1])
            and x._view is None and aval.device == "cpu" and aval.numel <= SOON and data.is_ready())


def _outside(convert: Callable, x: Any) -> Any:
    """What `x`, which may be a tensor, is as Python's; where the reading ends the tape, the call is recorded anew."""
    tape = state.tape
    values = convert(x)
    if state.tape is not tape:
        raise Restart
    return values


def _read(op: Op, p: Any, x: Any) -> Any:
    """The values of a tensor that stands for the numbers of an attribute."""
    refuse_tensor(op, p, x)
    return _outside(hooks.tensor.tolist, x)


def whole(v: Any) -> tuple[int, ...]:
    """Sizes as integers of Python's."""
    return tuple([n if n.__class__ is int else operator.index(n) for n in v])
