"""What a backward node shows of the call it belongs to: `_saved_self`, `_saved_other`, `_saved_dim`, `_raw_saved_result`.

In: a node of the graph and torch's name of a saved value.  Out: the tensor that was given or computed, the attribute as torch keeps
it, the sizes of an operand.  Looked up in the graph when it is asked for: nothing is saved for this.
"""
from __future__ import annotations

from typing import Any

from .graph import SECOND_TIME
from .hooks import hooks
from .kept import kept_by
from .nodes import operand_slots, stand_at, value_at
from .ops.table import Op
from .strides import strides_of
from .tape import BACKWARD, Const, Node, Ref, Tape, path, state

__all__ = ["as_given", "freed", "raw_value", "saved_value", "shown_names"]

# torch's name of a saved value -> the name that the parameter has here
_NAMES = {"self": "input", "mat1": "input"}
_NAMES_OF = {("matmul", "mat2"): "other", ("norm", "ord"): "p", ("split", "split_size"): "split_size_or_sections"}
# attributes that are constants of ops here
_FIXED = {("square", "exponent"): 2, ("linear", "alpha"): 1, ("linear", "beta"): 1, ("elu", "scale"): 1, ("elu", "input_scale"): 1}
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
_OF_DIMS = frozenset(("sum", "nansum", "mean", "amax", "amin", "logsumexp", "var", "std", "_var_mean", "flip"))
_WRAPPED = frozenset(("mul", "div"))        # ops that keep a number as a tensor


def _known_as(op: Op, name: str) -> tuple[str, ...]:
    """The parameters that torch's name of a saved value may mean."""
    return name, _NAMES.get(name, name), _NAMES_OF.get((op.name, name), name)


def shown_names(fn: Any) -> list[str]:
    """torch's names of the tensors that a node has saved and not freed."""
    node = fn._node
    kept = kept_by(node)
    results = node.op.returns or (["result"] if len(node.outs) == 1 else [f"result{k}" for k in range(len(node.outs))])
    torchs = {"input": "self"} | {there: here for (op, here), there in _NAMES_OF.items() if op == node.op.name}
    names = [torchs.get(kept.names[k][0], kept.names[k][0]) for k in kept.operands]
    return list(dict.fromkeys([*names, *[results[k] for k in kept.results]]))


def freed(fn: Any) -> bool:
    """Whether a backward has freed what the entry of node `fn` saved."""
    home = fn._place.now()
    gone = home.freed if not isinstance(home, Tape) else {s for n in path(home.node) if n.kind is BACKWARD for s in n.info.freed}
    return any(o.slot in gone for o in fn._node.outs)


def saved_value(fn: Any, name: str) -> Any:
    """A value the op was called with, or its result, under torch's names: `self`, `other`, `result`, `dim`."""
    node, home = fn._node, fn._place.now()
    if node.op is not None:
        if "_sym_" in name:
            found = _of_shape(fn, name)
            if found is not None:
                return found
        if node.op.saves and freed(fn):
            raise RuntimeError(SECOND_TIME)
        packed = next((home.hooked[o.slot].node for o in node.outs if o.slot in home.hooked), None)
        if packed is not None and packed.saved is not None:
            found = packed.saved.find(_known_as(node.op, name), lambda k, s: _unpacked(home, node, k, s))
            if found is not None:
                return found
        found = _result(home, node, name)
        if found is not None:
            return found
        if (node.op.name, name) in _FIXED:
            return _FIXED[node.op.name, name]
        if node.op.name == "slice" and name in ("dim", "index", "start", "end", "step"):
            return _of_slice(home, node)[name]
        operands = dict(zip((p.name for p in node.op.operands), node.operands, strict=True))
        for p in node.op.params:
            if p.name in _known_as(node.op, name):
                return _given(home, node, p.name, operands.get(p.name))
    raise AttributeError(f"'{type(fn).__name__}' object has no attribute '_saved_{name}'")


def _result(home: Any, node: Node, name: str) -> Any:
    """A result of the entry; None where the name is none of one."""
    if name.startswith("result") and int(name[6:] or 0) < len(node.outs):
        return value_at(home, node.outs[int(name[6:] or 0)].slot, True)
    if name in (node.op.returns or ()):
        return value_at(home, node.outs[node.op.returns.index(name)].slot, True)
    return None


def _given(home: Any, node: Node, name: str, operand: Any) -> Any:
    """What was given for a parameter: a tensor, a list of them, a number, or an attribute as torch keeps it."""
    if operand.__class__ is int:
        return as_given(home, operand)
    if operand.__class__ is tuple:
        return tuple([as_given(home, s) for s in operand])
    if operand is not None and node.op.name in _WRAPPED:
        return hooks.coerce(_number(home, operand.value if isinstance(operand, Const) else operand))
    if isinstance(operand, Const):
        return operand.value
    return _attribute(node.op, name, _number(home, node.attrs.get(name, operand)), len(node.outs[0].aval.shape))


def _of_shape(fn: Any, name: str) -> Any:
    """`self_sym_sizes` and the like: what is kept of the shape of an operand; None where the name is no such one."""
    name, _, what = name.rpartition("_sym_")
    operands = iter(fn._node.operands)
    for p in fn._node.op.params if what in ("sizes", "strides", "numel", "argsize_0", "argsize_1") else ():
        operand = next(operands) if p.kind in ("operand", "operands", "mixed") else None
        if p.name in _known_as(fn._node.op, name) and operand.__class__ is int:
            aval = fn._place.made[operand][1].aval
            if what.startswith("argsize_"):
                return aval.shape[int(what[-1])]
            return aval.numel if what == "numel" else tuple(aval.shape if what == "sizes" else strides_of(aval))
    return None


def _of_slice(home: Any, node: Node) -> dict[str, int]:
    """What the last step of `x[...]` says, which is the node of torch's that is shown."""
    starts = iter([_number(home, v) for v in node.attrs["starts"]])
    found: dict[str, int] = {}
    for dim, part in enumerate(node.attrs["spec"]):
        if part[0] == "i":
            found = {"dim": dim, "index": next(starts)}
        elif part[0] == "s":
            start, length, step = next(starts), part[1], part[2]
            found = {"dim": dim, "start": start, "end": start + (length - 1) * step + 1, "step": step}
    return found


def _number(home: Any, value: Any) -> Any:
    """What stands for a runtime number in an entry, as that number."""
    if value.__class__ is not Ref:
        return value
    floats, ints = (home.floats, home.ints) if isinstance(home, Tape) else home.numbers
    return float(floats[value.index]) if value.kind == "f" else int(ints[value.index])


def _attribute(op: Op, name: str, value: Any, ndim: int) -> Any:
    """An attribute as torch keeps it: dims in a tuple, a reduction as its number, what goes for all dimensions once for each."""
    if name == "reduction":
        return _REDUCTIONS.get(value, value)
    if value == "fro":
        return 2
    if value.__class__ is not int:
        return value
    if op.name in ("conv1d", "conv2d", "conv3d") and name != "groups":
        return (value,) * (ndim - 2)
    return (value,) if (name == "dim" and op.name in _OF_DIMS) or op.name == "roll" else value


def as_given(home: Any, slot: int) -> Any:
    """The tensor at a slot: the very one that the op was called with, where it is still at hand."""
    if isinstance(home, Tape):
        out = home.outs()[slot]
        known = next((x for x in home.tensors if x._node is out and x._tape is home), None)
        if known is not None:
            return known
    return value_at(home, slot, True)


def _unpacked(home: Any, node: Node, k: int, saved: Any) -> Any:
    """The value of a saved tensor at its place in the graph."""
    value, hooked = saved.value()
    if not state.tape.grad or (not hooked and k >= 0):
        return value
    return stand_at(value, home, node.outs[-1 - k].slot if k < 0 else operand_slots(node)[k])


def raw_value(fn: Any, name: str) -> Any:
    """A saved tensor as an object that takes hooks."""
    node = fn._node
    if node.op is not None and node.op.saves and node.kind is not BACKWARD:
        found = hooks.saved_of(fn, freed(fn)).find(_known_as(node.op, name), lambda k, s: s)
        if found is not None:
            return found
    raise AttributeError(f"'{type(fn).__name__}' object has no attribute '_raw_saved_{name}'")
