"""The facade put together: what the layers below call back, and the public functions made from the table.

In: the class Tensor, the table.  Out: `hooks` filled, methods on Tensor, and `spaces`: namespace -> name -> function.
"""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from . import ops  # noqa: F401  declares the table
from .bundle import Bundle, replace
from .creation import array_aval, as_tensor, concrete_pending, constant, constant_like, from_array, settle
from .derive import build
from .devices import to_jax
from .dtypes import c_name, c_type, can_cast
from .finish import concrete, finish, seal
from .layouts import strided
from .namespace import namespace
from .ops.engine import copy as COPY
from .ops.strided import memory_of
from .ops.table import TABLE
from .recorder import Results, hooks, record
from .split import split
from .stops import retain
from .storage import assign, refresh
from .strides import preserved
from .tape import state
from .tensor import Tensor, make, twin, wrap

__all__ = ["assign_all", "spaces"]

spaces = build(Tensor, namespace)
public = spaces["function"]
public["_alias"] = spaces["private"]["_alias"]
to_dtype = spaces["function"].get("to_dtype") or spaces["private"]["to_dtype"]
public["_full"], public["_full_like"] = constant, constant_like


def _as_value(value: Any, like: Tensor) -> Tensor:
    """What is assigned to `like[...]` as a tensor; a number takes the dtype of `like`."""
    if isinstance(value, (bool, int, float, complex)):
        return from_array(np.asarray(value).astype(like.dtype.np), like._node.aval.device)
    return as_tensor(value)


def _sizes(value: Any) -> tuple:
    """A sequence of sizes, or the one size given as something int-like."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value.__index__(),)


def _move(x: Tensor, device: str) -> Tensor:
    """`x` on another device: the value is copied there when this is called."""
    out = wrap(jax.device_put(x._array(), to_jax(device)))
    if x.requires_grad:
        place = x._graph
        if place is not None:
            out._graph, out._node = place, out._node.aval.grad
        else:
            out = _alias_leaf(x, out)
    return out


def _alias_leaf(x: Tensor, moved: Tensor) -> Tensor:
    from_leaf = x * 1
    finish(from_leaf._tape)
    moved._graph, moved._node = from_leaf._graph, moved._node.aval.grad
    return moved


def _store_out(out: Tensor, result: Tensor, exact: str | None = None) -> Tensor:
    """Writes a result into `out=`; the op `exact` casts nothing."""
    if exact and out.dtype is not result.dtype:
        if exact in ("amax", "amin"):
            raise RuntimeError(f"Expected the dtype for input and out to match, but got {c_name(result.dtype)} for input's dtype "
                               f"and {c_name(out.dtype)} for out's dtype.")
        raise RuntimeError(f"Expected out tensor to have dtype {c_type(result.dtype)}, but got {c_type(out.dtype)} instead")
    if tuple(out.shape) != tuple(result.shape):
        if out.numel() and out.numel() != result.numel():
            warnings.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                          f"match the required output shape {list(result.shape)}. This behavior is deprecated, and in a future "
                          "PyTorch release outputs will not be resized unless they have zero elements. You can explicitly reuse "
                          "an out tensor t by resizing it, inplace, to zero elements with t.resize_(0).", UserWarning,
                          stacklevel=4)
    if out.requires_grad and not out.is_leaf or (out._leaf and result.requires_grad):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the arguments "
                           "requires grad.")
    if out.dtype is not result.dtype:
        if not can_cast(result.dtype, out.dtype):
            raise RuntimeError(f"result type {result.type()[6:].removesuffix('Tensor')} can't be cast to the desired output type "
                               f"{out.type()[6:].removesuffix('Tensor')}")
        result = result.to(out.dtype)
    return assign(out, result)


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


def _seen_in(storage: Tensor, dtype: Any, size: tuple, stride: tuple, offset: int) -> Tensor:
    """A view of a storage, made anew after copying or pickling."""
    memory = memory_of(storage, True)
    return (memory if memory.dtype is dtype else memory.view(dtype)).as_strided(size, stride, offset)


def assign_all(tensors: list, values: Any, bundles: Sequence[Bundle] = ()) -> None:
    """Each tensor takes its new value in place; allowed for leaves where grad mode is off. Bundles take what comes after them.

    What an optimizer does to all its parameters and states at every step, so the plain case is done in line.
    """
    tape = state.tape
    if not isinstance(values, Results) or values.tape is not tape or tape.grad:
        for x, v in zip(tensors, values, strict=True):
            assign(x, v)
        return
    for x, out in zip(tensors, values.node.outs, strict=False):
        if x._view is not None or x._shared or not (x._tape is tape or x._home is tape):
            assign(x, make(tape, out))
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


hooks.tensor, hooks.coerce, hooks.make = Tensor, as_tensor, make
hooks.settle, hooks.concrete_pending = settle, concrete_pending
hooks.refresh, hooks.concrete, hooks.finish, hooks.seal, hooks.split = refresh, concrete, finish, seal, split
hooks.as_tensor, hooks.from_array, hooks.as_value = as_tensor, from_array, _as_value
hooks.add = public["add"]
hooks.to_dtype = lambda x, dtype: x if x._node.aval.dtype is dtype else to_dtype(x, dtype=dtype)
hooks.zeros = lambda aval: constant(aval.shape, 0, dtype=aval.dtype, device=aval.device)
hooks.ones_like = lambda x: constant(x._node.aval.shape, 1, dtype=x._node.aval.dtype, device=x._node.aval.device)
hooks.wrap, hooks.aval_of_array, hooks.retain, hooks.twin = wrap, array_aval, retain, twin
hooks.copy_cast = lambda like, value: record(COPY, (like, value))
hooks.mask_put = lambda x, mask, value, dim: x._mask_put(mask, value, dim=dim)
hooks.move, hooks.store_out, hooks.sizes, hooks.reflected, hooks.rebuild = _move, _store_out, _sizes, _reflected, _rebuild
hooks.seen_in = _seen_in
Tensor._store = _store_out
hooks.operand_types = (Tensor, bool, int, float, complex, np.ndarray, np.generic, jax.Array)
hooks.stack = lambda tensors: public["stack"](tensors)
hooks.strided, hooks.constant_like, hooks.public = strided, constant_like, public
