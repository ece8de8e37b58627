"""Shared storage: views, writes through them, and version counters.

In: tensors, the ops that made views of them, new values.  Out: tensors that see each other's writes.  A view holds its base,
the steps from the base to it, and the version of the base it has seen; the value itself stays functional: a write records
the new value of the base, and a view that has fallen behind is recorded anew when it is read.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from .avals import aval_of
from .given import all_of
from .guard import MADE_IN_INFERENCE_MODE, MADE_IN_NO_GRAD, Guard, ModeGuard, part_of
from .infer import seen_through
from .inference import is_inference, may_write, used
from .missing import missing
from .names import node_name
from .ops.engine import detach, laid, straight, write_by_index
from .ops.into import InPlace
from .ops.table import Op, Param
from .ops.view import view_strides
from .recorder import enter, hooks, record
from .sharing import Sharing, View, storage_of, storage_owner
from .strides import dense, strides_of
from .strides import laid as laid_out
from .tape import INFERENCE, state
from .warned import warn

__all__ = ["View", "assign", "become_one", "become_view", "bind", "byte_offset", "copy_into", "counted", "in_place", "is_seen",
           "leave", "like", "make_view", "move_out", "overlaps", "refresh", "SHARED", "refuse_overlap",
           "refuse_sharing", "refuse_write", "share", "share_new", "shares_memory", "sharing_of", "stands_at", "storage_of",
           "storage_owner", "take_along", "unseen", "warn_if_expanded", "write_op"]


def make_view(x: Any, result: Any, op: Op, values: tuple, which: int | None = None) -> Any:
    """Marks `result`, just recorded from `x` by the view op `op`, as sharing storage with it."""
    step = ((op, values, which),)
    strides = x._node.aval.strides
    if strides is not None and op.copies and (op.copies == "always" or view_strides(x.shape, strides, result.shape) is None):
        return result
    if used.ever and result._node.rg and not state.tape.extra & INFERENCE and is_inference(x):
        bind(result, record(detach, (result,)))     # a view of an inference tensor is one, too: it has no graph
    view = x._view
    several = which is not None and op.rule != "SliceBackward0"     # each part of `tensor_split` is a slice of its own in torch
    if (several or not state.tape.grad or x._guard is not None) and op.name != "detach":
        result._guard = _guard_of(x, result, op, which if several else None)
        if isinstance(result._guard, ModeGuard) and (x._leaf or x._node.rg) and state.tape.nested is None:
            _stand_alone(result)
    if view is None:
        sharing = x._shared
        if sharing is None:
            sharing = x._shared = Sharing()
        result._view = View(x, step, x._version_count, sharing)
    else:
        base = view.base if view.sharing.moved is None else storage_owner(x)
        result._view = View(base, view.chain + step, base._version_count, view.sharing, view.quiet)
    return result


SHARED = ("unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
          "Please clone() the tensor before performing the operation.")


def share(x: Any, other: Any) -> None:
    """`x`, which has the value of `other`, shares its storage from now on; it keeps its own place in the graph."""
    base = storage_of(other)
    x._view = View(base, () if other._view is None else other._view.chain, base._version_count, sharing_of(base))


def sharing_of(base: Any) -> Sharing:
    """What views of `base`, which owns its memory, have in common."""
    if base._shared is None:
        base._shared = Sharing()
    return base._shared


def _stand_alone(x: Any) -> None:
    """`x`, a view of what requires grad that was made where nothing is recorded, requires grad as in torch: it is a leaf."""
    if x._node.aval.differentiable and not (x._leaf or x._node.rg):
        x._leaf = True
        if x._tape is not None:
            x._home, x._tape = x._tape, None
        else:
            x._node = x._node.aval.grad


def _guard_of(x: Any, result: Any, op: Op, which: int | None) -> Guard | None:
    """The guard of `result`, a view made now of `x` by `op` (`which` of several); None where it may be written."""
    if not state.tape.grad:
        if state.tape.extra & INFERENCE:
            return None if is_inference(x) else MADE_IN_INFERENCE_MODE
        return MADE_IN_NO_GRAD
    if which is not None:
        return part_of(op, which)
    if not isinstance(x._guard, ModeGuard):
        return x._guard
    made = result._node
    if made.op is None:     # one of several results, of `tensor_split`
        return x._guard.of_view(str(op.rule))
    return x._guard.of_view(str(node_name(made, lambda slot: state.tape.outs()[slot].aval)))


def stands_at(x: Any, of: Any, op: Op, values: tuple) -> bool:
    """Whether `x` is the view of `of` that `op` makes, up to date; a write of it there changes nothing, and is only counted."""
    view, outer = x._view, of._view
    base, chain = (of, ()) if outer is None else (storage_owner(of), outer.chain)
    if view is None or view.base is not base or view.version != base._version_count or x.requires_grad != of.requires_grad or \
            x.requires_grad and x.is_leaf or view.chain != (*chain, (op, values, None)):
        return False
    base._version_count += 1
    base._unseen_writes += view.quiet
    view.version = base._version_count
    return True


def version_of(x: Any) -> int:
    """How often its storage has been written; of inference tensors, too."""
    return storage_of(x)._version_count


def byte_offset(x: Any) -> int:
    """How many bytes after the start of its storage a tensor begins, found by following its chain of views."""
    view = x._view
    if view is None:
        return 0
    aval, offset = storage_owner(x)._node.aval, 0
    for op, values, which in view.chain:
        aval, moved = seen_through(op, values, aval, which)
        offset += moved
    return offset


def refresh(x: Any) -> None:
    """Brings a view up to date with its base."""
    view = x._view
    base = view.base if view.sharing.moved is None else storage_owner(x)
    if view.version == base._version_count:
        return
    alone = isinstance(x._guard, ModeGuard) and (state.tape.nested is None or x._leaf)
    value = _in_mode(not (alone or used.ever and is_inference(x)), _seen_from, base, view.chain)
    view.version = base._version_count
    bind(x, value if x._guard is None else x._guard.after_write(value))
    if alone and not x._leaf and _base_requires_grad(x):
        _stand_alone(x)
    elif x._leaf and x._tape is not None:
        x._home, x._tape = x._tape, None
    if x._retains and x._node.rg:
        hooks.retain(x)


def _in_mode(mode: bool, fn: Callable, *args: Any) -> Any:
    """`fn(*args)`, recorded with or without gradients whatever the user's mode is: a tensor does not depend on who looks."""
    grad, extra = state.tape.grad, state.tape.extra
    state.tape.set_mode(mode, state.tape.autocast, extra & ~INFERENCE)
    try:
        return fn(*args)
    finally:
        state.tape.set_mode(grad, state.tape.autocast, extra)       # the tape may be another one by now


def _seen_from(base: Any, chain: tuple) -> Any:
    for step in chain:
        base = _apply(step, base)
    return base


def _base_requires_grad(x: Any) -> bool:
    """Whether `x` is a view of something that requires grad, not cut from it by `detach()`."""
    return x._view is not None and storage_owner(x).requires_grad and not any(op.name == "detach" for op, _, _ in x._view.chain)


def _apply(step: tuple, x: Any) -> Any:
    op, values, which = step
    out = record(op, (x, *values))
    return out if which is None else out[which]


def bind(x: Any, value: Any) -> None:
    """Gives tensor `x` the value of `value`, lazy or not."""
    tape = state.tape
    if tape.nested is not None:
        value = tape.nested.written(x, value)
    if used.ever and tape.extra & INFERENCE and x._inference is None and x._view is None:
        x._inference = is_inference(x)      # while its own entry still tells
    out = value._node
    x._graph, x._pending = value._graph, None
    if value._data is not None or value._pending is not None:
        x._data, x._pending, x._tape, x._home = value._data, value._pending, None, None
        x._node = out.aval.grad if x._leaf or out.rg else out.aval.plain
        return
    if value._tape is not tape and tape.nested is not None and not tape.nested.holds(value):
        value = hooks.public["_alias"](value)       # of a tape outside: it is captured, and stands here as a result
        out = value._node
    elif value._tape is not tape:
        tape = enter(value)[0]
        out = value._node
    if x._tape is not tape and x._home is not tape:
        tape.tensors.append(x)
    x._node, x._tape, x._home, x._data = out, tape, None, None


def rebind(x: Any, value: Any) -> None:
    """`x` takes a new value in place; a leaf stays a leaf, and the next read of it in grad mode is told apart."""
    if state.tape.nested is not None:
        state.tape.nested.refuse(x, value)
    if used.ever:
        may_write(x)
    bind(x, value)
    x._version_count += 1
    if x._retains and x.requires_grad:
        hooks.retain(x)     # the gradient that is kept is that of the new value
    tape = x._tape
    if x._leaf and tape is not None:
        x._home, x._tape = tape, None
        tape.mark = tape.last
    if x._shared is not None and is_seen(x):
        _fall_behind(x)


def _fall_behind(base: Any) -> None:
    """Views of `base` that the fast path would read unchecked are sent to the slow one."""
    tape = state.tape
    for t in tape.tensors:
        if t._view is not None and t._view.base is base and t._tape is tape:
            t._home, t._tape = tape, None


def _is_detached(view: Any) -> bool:
    return any(op.name == "detach" for op, _, _ in view.chain)


def _refuse_leaf(x: Any) -> None:
    """torch's errors where a leaf that requires grad, or a view of one, is written in grad mode."""
    if x._leaf:     # perhaps a view or `detach()` of a tensor without a graph, which has become a leaf itself
        raise RuntimeError(f"a {'view of a ' if x._is_view() else ''}leaf Variable that requires grad is being used in an in-place "
                           "operation.")
    if x._view is not None:
        refresh(x)
        if x._view.base._leaf and not _is_detached(x._view):
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")


def refuse_write(x: Any, rg: bool = False) -> None:
    """torch's errors where a view that may not be written, or a leaf, is changed in grad mode; `rg`: by what requires grad."""
    if state.tape.grad:
        if x._guard is not None and (x.requires_grad or rg or _base_requires_grad(x)):
            raise RuntimeError(x._guard.text)
        _refuse_leaf(x)


def assign(x: Any, value: Any) -> Any:
    """Writes `value` (same shape and dtype) into `x` and so into every tensor that shares its storage. Returns `x`."""
    tape = state.tape
    if value._node.aval.strides is not x._node.aval.strides:
        value = like(value, x._node.aval)
    refuse_write(x, value.requires_grad)
    if not tape.grad and not x._leaf and not value.requires_grad and x.requires_grad:
        value = unseen(x, value)
    if x._view is None:
        rebind(x, value)
        return x
    refresh(x)
    view = x._view
    base = view.base        # that of the storage: refresh has seen to it
    detached = _is_detached(view)
    at = [base] if view.chain else []
    for step in view.chain[:-1]:
        at.append(_apply(step, at[-1]))
    new = value
    for (op, values, which), below in zip(reversed(view.chain), reversed(at), strict=True):
        new = record(write_op(op, which), (below, new, *values))
    if base._leaf:
        new = record(detach, (new,)) if new._node.rg else new       # a leaf has no history, whatever it was written through
    elif base.requires_grad and (detached or not tape.grad):
        new = unseen(base, new)
    rebind(base, new)
    base._unseen_writes += view.quiet
    rebind(x, value)
    # where several elements are one in memory, `value` need not be what is there now
    x._view.version = -1 if overlaps(x) else base._version_count
    return x


def unseen(x: Any, value: Any) -> Any:
    """`value`, written into `x` where that is not recorded: the graph stays what it was, the gradient goes to the old value."""
    return _in_mode(True, record, straight, (x, value))


def like(value: Any, aval: Any) -> Any:
    """`value` under the strides of `aval`: what is written into a tensor, or accumulated for it, lies as it does."""
    strides, out = strides_of(aval), value._node.aval
    if strides_of(out) == strides:
        return value
    if value._pending is not None and not (value._leaf or value._node.rg):      # a constant that nothing has read
        value._node = aval_of(out.shape, out.dtype, out.device, strides).plain
        return value
    return record(laid, (value, strides))


def become_view(x: Any, op: Op, values: tuple) -> Any:
    """`x` becomes the view of itself that `op` makes: `t_`, `squeeze_` and the like. It stays the same object and storage."""
    tape = state.tape
    refuse_write(x)
    if x._view is None and x._shared and not x._leaf:
        move_out(x)
    view = x._view
    if tape.grad or x._leaf or not x.requires_grad:
        result = record(op, (x, *values))
    else:       # it keeps its history; in torch the backward fails, as the shapes do not fit any more
        result = _in_mode(True, record, op, (x, *values))
    if view is None:
        rebind(x, result)
        return x
    bind(x, result)
    base = storage_owner(x)
    x._view = View(base, (*view.chain, (op, values, None)), base._version_count, view.sharing, view.quiet)
    return counted(x)


def counted(x: Any) -> Any:
    """`x`, which sees its storage otherwise than before: that counts as a write, although nothing was written."""
    view = x._view
    if view is not None:
        base = storage_owner(x)
        base._version_count += 1
        base._unseen_writes += view.quiet
        view.version = base._version_count
    return x


def _another(x: Any) -> Any:
    """A tensor of its own that owns the storage of `x`, and the views of `x` are views of it from now on."""
    tape, sharing = state.tape, x._shared
    base = object.__new__(hooks.tensor)
    all_of(base).update({name: value for name, value in all_of(x).items() if name not in ("_grad", "_hooks", "_post_hooks")})
    if base._tape is not None or base._home is not None:
        tape.tensors.append(base)
    base._shared, x._shared = Sharing(), None
    if sharing is not None:
        sharing.moved = View(base, (), base._version_count, base._shared)
        for t in tape.tensors:
            if t._view is not None and t._view.sharing is sharing:
                storage_owner(t)
    return base


def move_out(x: Any) -> None:
    """Gives the storage of `x` to a tensor of its own, of which `x` and the views of `x` are views from now on."""
    base = _another(x)
    x._view = View(base, (), base._version_count, base._shared)


def is_seen(x: Any) -> bool:
    """Whether there are views of `x`, which owns its memory."""
    if x._shared is not None:
        sharing, x._shared = ref(x._shared), None
        x._shared = sharing()       # None where no view kept it alive
    return x._shared is not None


def leave(x: Any) -> None:
    """`x` is about to show other memory: views of it keep the storage that it had, also those that have not looked for long."""
    if x._view is None and is_seen(x):
        same = _in_mode(True, hooks.public["_alias"], x) if x._leaf else None     # gradients of the views go to `x` as before
        base = _another(x)
        if same is not None:
            base._leaf, base._accumulator = False, None
            bind(base, same)
    if used.ever and x._inference is None and x._view is not None:
        x._inference = is_inference(x)      # as the storage says that it leaves
    x._view = None


def become_one(x: Any, value: Any, owner: Any, chain: tuple) -> None:
    """`x` and `value`, whose values are the same, see the memory of `owner`; that of `x` where `value` owns it and nobody else sees
    it.  `chain` leads from there to the value."""
    if value is owner and not (owner._leaf or is_seen(owner)):
        value._view = View(x, chain, x._version_count, sharing_of(x), True)
    else:
        x._view = View(owner, chain, owner._version_count, sharing_of(owner), True)


def share_new(x: Any, data: Any) -> None:
    """`x`, just made with the value of `data`, shares its memory: where `data` owns it, or is an alias of what owns it.

    A part of other memory is taken as a value: an optimizer would have to write all of that memory at every step.
    """
    owner, chain = storage_of(data), () if data._view is None else data._view.chain
    if state.tape.nested is None and (owner._leaf or not owner.requires_grad) and all(op.name == "detach" for op, _, _ in chain):
        become_one(x, data, owner, (*chain, (detach, (), None)))


def take_along(x: Any, seen: Any) -> None:
    """`x`, which owns its storage, becomes the view `seen` of another one, and views of `x` go there with it."""
    rebind(x, seen)
    x._view = seen._view
    if x._shared is not None:
        x._shared.moved, x._shared = View(x._view.base, x._view.chain, -1, x._view.sharing), None


_writes: dict[tuple, Op] = {}


def write_op(op: Op, which: int | None = None) -> Op:
    """The op that writes a value through the view op `op` into its base."""
    found = _writes.get((op.index, which))
    if found is None:
        by_rule = op.write is not None and which is None
        write = op.write if by_rule else write_by_index(op.fn, which, op.name in ("expand", "unfold"))
        params = (Param("base", "operand"), Param("value", "operand"), *op.params[1:])
        found = _writes[op.index, which] = Op(f"{op.name}_write", write, op.family, params, frozenset(), saves=False,
                                              rule="CopySlices", index=500_000 + len(_writes), strides="same",
                                              differentiable=op.differentiable)
    return found


def in_place(x: Any, result: Any, rule: InPlace, *others: Any, apart: bool = False) -> Any:
    """Ends an in-place op that also read `others`: checks torch's rules, casts the result to `x`'s dtype, writes it.

    apart: whether none of `others` may lie in the memory of `x`; otherwise one may be `x`.
    """
    out, own = result._node.aval, x._node.aval
    if own.strides is not None:
        if rule.indexed:
            warn_if_expanded(x, rule.indexed)
        elif not rule.repeats:
            refuse_overlap(x)
    for other in others:
        if isinstance(other, hooks.tensor):
            if apart and shares_memory(x, other):
                raise RuntimeError(SHARED)
            refuse_sharing(x, other)
    if out is not own:
        if out.device != own.device:
            raise RuntimeError(f"Tensor on device {out.device} is not on the expected device {own.device}!")
        if out.shape != own.shape:
            raise RuntimeError(rule.shape.format(own=list(own.shape), new=list(out.shape)))
        if out.dtype is not own.dtype:
            rule.into.check(out.dtype, own.dtype)
            result = hooks.to_dtype(result, own.dtype)
    return assign(x, result)


def overlaps(x: Any) -> bool:
    """Whether several elements of `x` are one in memory."""
    own = x._node.aval
    return own.strides is not None and 0 in own.strides and 0 not in own.shape \
        and any(s == 0 and n > 1 for s, n in zip(own.strides, own.shape, strict=True))


def refuse_overlap(x: Any, source: Any = None) -> None:
    """Raises where two elements of `x`, which is written, are one in memory, or lie partly where `source` is read."""
    if overlaps(x):
        if state.tape.grad:
            _refuse_leaf(x)
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single memory "
                           "location. Please clone() the tensor before performing the operation.")
    if source is not None:
        refuse_sharing(x, source)


def refuse_sharing(x: Any, source: Any) -> None:
    """Raises where what is written, `x`, lies partly where `source` is read."""
    if source is x or source._view is None and x._view is None:
        return
    if storage_of(x) is storage_of(source) and _partly_the_same(x, source):
        raise RuntimeError(SHARED)


def shares_memory(x: Any, y: Any) -> bool:
    """Whether what lies between the first and the last element of one tensor begins or ends within the other."""
    if x is y or storage_of(x) is not storage_of(y):
        return x is y
    (a, b), (c, d) = ((at := byte_offset(z), at + _extent(z)) for z in (x, y))
    return a < d and c < b


def _extent(x: Any) -> int:
    return (sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True)) + 1) * x.itemsize if x.numel() else 0


def _partly_the_same(x: Any, y: Any) -> bool:
    """Whether two tensors without gaps share some of their storage and are not the same part of it."""
    if not (x.numel() and y.numel() and dense(*laid_out(x._node.aval)) and dense(*laid_out(y._node.aval))):
        return False
    a, b = byte_offset(x), byte_offset(y)
    if (a, x.nbytes) == (b, y.nbytes):
        return strides_of(x._node.aval) != strides_of(y._node.aval)
    return a < b + y.nbytes and b < a + x.nbytes


def warn_if_expanded(x: Any, name: str = "index_put_") -> None:
    """Warns where the indexed write `name` goes into a tensor of which several elements are one in memory."""
    if overlaps(x):
        example = "tensor[indices] = tensor" if name == "index_put_" else "tensor[mask] = scalar"
        warn(f"Use of {name} on expanded tensors is deprecated. Please clone() the tensor before performing this "
             f"operation. This also applies to advanced indexing e.g. {example}")


def copy_into(x: Any, source: Any) -> Any:
    """`x.copy_(source)`: broadcast and cast into `x`."""
    refuse_overlap(x, source)
    return assign(x, hooks.copy_cast(x, source))


# `torch.storage` is this module, and it has the classes of storages
__getattr__ = missing("torch", globals(), late={"typed_storage", "untyped_storage"}, objects={
    "UntypedStorage": "untyped_storage", **dict.fromkeys((
        "TypedStorage", "_LegacyStorage", "_dtype_to_storage_type_map", "_get_always_warn_typed_storage_removal",
        "_reset_warn_typed_storage_removal",
        "_set_always_warn_typed_storage_removal", "_warn_typed_storage_removal"), "typed_storage")})
