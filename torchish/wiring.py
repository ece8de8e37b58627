"""The facade put together: what the layers below call back, and the public functions made from the table.

In: the class Tensor, the table.  Out: `hooks` filled, methods on Tensor, and `spaces`: namespace -> name -> function.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from . import ops  # noqa: F401  declares the table
from .bundle import Bundle, replace
from .creation import array_aval, as_tensor, concrete_pending, constant, constant_like, constant_new, from_array, settle
from .derive import build
from .devices import META, to_jax
from .finish import concrete, finish, seal
from .layouts import strided
from .meta import made_on, record_on_meta, to_meta
from .namespace import namespace
from .ops.strided import memory_of
from .ops.table import TABLE
from .out import store
from .recorder import Results, hooks
from .scalar import converted
from .split import split
from .stops import retain
from .storage import assign, is_seen, refresh
from .strides import preserved
from .tape import state
from .tensor import Tensor, make, twin, wrap

__all__ = ["assign_all", "spaces"]

spaces = build(Tensor, namespace)
public = spaces["function"]
public["_alias"] = spaces["private"]["_alias"]
copied = spaces["private"]["_copy"]
to_dtype = spaces["function"].get("to_dtype") or spaces["private"]["to_dtype"]
public["_full"], public["_full_like"], public["_full_new"] = constant, constant_like, constant_new
public["_made_on"] = made_on
# Python numbers that these dtypes hold as they are, or rounded as XLA rounds them
EXACT = {"float32": (float,), "float64": (float, int, bool), "int64": (int, bool), "bool": (bool,)}


def _as_value(value: Any, like: Tensor) -> Tensor:
    """What is assigned to `like[...]` as a tensor; a number takes the dtype of `like`."""
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, (bool, int, float, complex)):
        if isinstance(value, int) and not -2 ** 63 <= value < 2 ** 63:
            raise ValueError("Overflow when unpacking long long")
        if value.__class__ in EXACT.get(like.dtype.name, ()):       # no array is made: it is a number of the tape, as in a call
            return constant((), value, dtype=like.dtype, device=like._node.aval.device)
        if like.dtype.itemsize == 2 and like.dtype.is_floating_point and not isinstance(value, complex):
            with np.errstate(over="ignore"):        # half types become infinite here, and only here
                return from_array(np.asarray(value).astype(like.dtype.np), like._node.aval.device)
        return from_array(converted(value, like.dtype.np), like._node.aval.device)
    if isinstance(value, jax.Array):
        return as_tensor(value)
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    raise TypeError(f"can't assign a {name} to a {like.type()}")


def _sizes(value: Any, op: str, name: str) -> tuple:
    """A sequence of sizes, or the one size given as something int-like; None where none was given."""
    if isinstance(value, (tuple, list)):
        return tuple(value)
    if hasattr(value, "__index__"):
        return (value.__index__(),)
    if op == "view":
        got = "" if value is None else type(value).__name__
        raise TypeError(f"view() received an invalid combination of arguments - got ({got}), but expected one of:\n"
                        " * (torch.dtype dtype)\n * (tuple of ints size)\n")
    if value is None:
        raise TypeError(f'{op}() missing 1 required positional arguments: "{name}"')
    raise TypeError(f"{op}(): argument '{name}' (position 1) must be tuple of ints, not {type(value).__name__}")


def _move(x: Tensor, device: str) -> Tensor:
    """`x` on another device: the value is copied there when this is called; to meta, nothing is."""
    if device == META:
        tracked = state.tape.grad and x.requires_grad
        return record_on_meta(TABLE["to_dtype"], (x, x.dtype)) if tracked else to_meta(x)
    out = wrap(jax.device_put(x._array(), to_jax(device)))
    if x.requires_grad:
        place = x._graph
        if place is not None:
            out._graph, out._node = place, out._node.aval.grad
        else:
            out = _alias_leaf(x, out)
    return out


def _copy_cast(like: Tensor, value: Tensor) -> Tensor:
    """`value` broadcast to the shape of `like`, in its dtype: what is written into it. From meta nothing goes elsewhere."""
    source, target = value._node.aval.device, like._node.aval.device
    if source != target and META in (source, target):
        value = value.to(target)
    return copied(like, value)


def _alias_leaf(x: Tensor, moved: Tensor) -> Tensor:
    from_leaf = x * 1
    finish(from_leaf._tape)
    moved._graph, moved._node = from_leaf._graph, moved._node.aval.grad
    return moved


def _reflected(dunder: str, functional: Any, x: Tensor, other: Any) -> Tensor:
    """`other <op> x` where `other` is a number or an array."""
    if dunder == "sub":
        return public["rsub"](x, other)
    if dunder == "truediv" and not isinstance(other, np.ndarray):
        return x.reciprocal() * other
    if dunder == "pow":
        return public["pow"](other, x)
    if isinstance(other, (bool, int, float, complex)):
        op = TABLE.get(functional.__name__)
        if op is not None and op.params[0].kind == "mixed":
            return public[op.name](other, x)
        # a 0-dim tensor takes part in promotion as the number would
        return functional(from_array(np.asarray(other)), x)
    return functional(as_tensor(other), x)


def _rebuild(cls: type, array: Any, leaf: bool, strides: tuple[int, ...] | None = None) -> Tensor:
    """A copy of a tensor, from its value and the strides it had."""
    array = np.array(array)
    base = from_array(array, strides=preserved(array.shape, strides) if strides else None)
    return base if cls is Tensor and not leaf else Tensor._make_subclass(cls, base, leaf)


def _rebuild_meta(cls: type, shape: tuple, dtype: Any, leaf: bool, strides: tuple) -> Tensor:
    """A copy of a tensor without data."""
    base = constant(shape, 0, dtype=dtype, device=META, strides=preserved(shape, strides))
    return base if cls is Tensor and not leaf else Tensor._make_subclass(cls, base, leaf)


def _seen_in(storage: Tensor, dtype: Any, size: tuple, stride: tuple, offset: int) -> Tensor:
    """A view of a storage, made anew after copying or pickling."""
    memory = memory_of(storage, True)
    return (memory if memory.dtype is dtype else memory.view(dtype)).as_strided(size, stride, offset).detach()


def assign_all(tensors: list, values: Any, bundles: Sequence[Bundle] = (), refusal: str = "") -> None:
    """Each tensor takes its new value in place; allowed for leaves where grad mode is off. Bundles take what comes after them.

    What an optimizer does to all its parameters and states at every step, so the plain case is done in line.
    refusal: of what a kernel of torch's writes: what is said under vmap where the new values differ between members of the batch,
    which share the tensors.
    """
    tape = state.tape
    if refusal and tape.nested is not None and not tape.nested.by_kernel:
        with tape.nested.in_kernel(refusal):
            assign_all(tensors, values, bundles, refusal)
        return
    if not isinstance(values, Results) or values.tape is not tape or tape.grad:
        for x, v in zip(tensors, values, strict=True):
            assign(x, v)
        return
    others = []
    for x, out in zip(tensors, values.node.outs, strict=False):
        if x._view is not None or x._shared is not None and is_seen(x) or not (x._tape is tape or x._home is tape):
            others.append((x, make(tape, out)))
            continue
        x._node, x._data, x._graph = out, None, None
        x._version_count += 1
        if x._leaf:
            x._home, x._tape = tape, None
        else:
            x._tape, x._home = tape, None
    at = len(tensors)
    for bundle in bundles:
        replace(bundle, values.node.outs[at])
        at += len(bundle)
    tape.mark = tape.last
    for x, new in others:       # last: what a write through a view records may end the tape
        assign(x, new)


hooks.tensor, hooks.coerce, hooks.make = Tensor, as_tensor, make
hooks.settle, hooks.concrete_pending = settle, concrete_pending
hooks.refresh, hooks.concrete, hooks.finish, hooks.seal, hooks.split = refresh, concrete, finish, seal, split
hooks.as_tensor, hooks.from_array, hooks.as_value = as_tensor, from_array, _as_value
hooks.add, hooks.on_meta = public["add"], record_on_meta
hooks.to_dtype = lambda x, dtype: x if x._node.aval.dtype is dtype else to_dtype(x, dtype=dtype)
hooks.zeros = lambda aval: constant(aval.shape, 0, dtype=aval.dtype, device=aval.device)
hooks.ones_like = lambda x: constant(x._node.aval.shape, 1, dtype=x._node.aval.dtype, device=x._node.aval.device)
hooks.wrap, hooks.aval_of_array, hooks.retain, hooks.twin = wrap, array_aval, retain, twin
hooks.copy_cast = _copy_cast
hooks.mask_put = lambda x, mask, value, dim: x._mask_put(mask, value, dim=dim)
hooks.move, hooks.store_out, hooks.sizes, hooks.reflected, hooks.rebuild = _move, store, _sizes, _reflected, _rebuild
hooks.seen_in, hooks.rebuild_meta = _seen_in, _rebuild_meta
Tensor._store = store
hooks.matrix_types = (Tensor, np.ndarray, jax.Array)
hooks.operand_types = (Tensor, bool, int, float, complex, np.ndarray, np.generic, jax.Array)
hooks.stack = lambda tensors: public["stack"](tensors)
hooks.strided, hooks.constant_like, hooks.public, hooks.public_F = strided, constant_like, public, spaces["F"]
