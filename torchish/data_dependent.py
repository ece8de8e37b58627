"""Ops whose result's shape depends on values: they end the tape, and go on from the places they found.

In: tensors.  Out: index tensors, or values gathered at them (differentiable where torch's are).
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .creation import from_array
from .errors import refuse_data_dependent
from .ops.check import broadcast_shapes, require, wrap_dim
from .ops.engine import FOUND
from .ops.index import selected
from .ops.into import Into
from .recorder import given_tensor, hooks, record
from .tape import state
from .tensor import Tensor
from .warned import warn_once

ISSUE = "Please file an issue at https://github.com/pytorch/pytorch/issues if you need this feature."
NOT_BY_MEMBER = {
    "equal": "Batching rule not implemented for aten::equal. We could not generate a fallback.",
    "allclose": "vmap over torch.allclose isn't supported yet. " + ISSUE,
    "masked_select": "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support this because for "
                     "each batch this would return a differently shaped Tensor. " + ISSUE}
LIKE_SELF = Into("masked_select(): self and result must have the same scalar type")

__all__ = ["allclose", "bincount", "check_unique", "equal", "masked_select", "nonzero", "true_for_all", "unique",
           "unique_results", "where"]


def _not_by_member(name: str, *tensors: Tensor) -> None:
    """torch's error where vmap, or a tensor without values, meets a result whose shape depends on values, or that is no tensor."""
    refuse_data_dependent(name, *tensors)
    nested = next((n for n in (x._inside() for x in tensors) if n is not None and n.batch is not None and not n.closed), None)
    if nested is not None:
        raise RuntimeError(NOT_BY_MEMBER.get(name) or f"vmap: We do not support batching operators that can output dynamic shape. "
                           f"Attempted to vmap over aten::{name}. {ISSUE}")


def true_for_all(x: Tensor) -> bool:
    """Whether all of `x` is true, under vmap for all members of the batches around.

    Asked of `x` itself where there is no value outside: in what is recorded once and run many times, in rules of custom functions.
    """
    nested = state.tape.nested
    if nested is None or nested.repeated or nested.rule_of is not None:
        return bool(x.all() if x.dim() else x)
    value = nested.unwrap(x) if nested.holds(x) else x
    with nested.outside():
        return true_for_all(value)


def nonzero(input: Tensor, *, as_tuple: bool = False, out: Any = None) -> Any:
    """Places of the elements that are not zero: (n, ndim), or with `as_tuple` one 1-D tensor for each dimension."""
    if out is not None and as_tuple:
        raise RuntimeError("nonzero does not support the out kwarg when as_tuple is True")
    if out is not None and out.dtype.name != "int64":
        raise RuntimeError("nonzero: Expected out tensor to have scalar type Long but got scalar type"
                           f"{dtypes.c_name(out.dtype)}")
    _not_by_member("nonzero", input)
    array = input._numpy()
    if as_tuple:
        if array.ndim == 0:
            array = array.reshape(1)
        return tuple(from_array(p.astype(np.int64)) for p in np.nonzero(array))
    places = np.argwhere(array).astype(np.int64)
    found = from_array(places, strides=(1, len(places)) if places.size else None)      # so it lies in torch
    return found if out is None else out._store(found)


def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """input where `condition` holds, else other, all broadcast; with `condition` alone, the places where it holds."""
    if input is None and other is None:
        _not_by_member("where", condition)
        return nonzero(condition, as_tuple=True)
    if getattr(condition, "dtype", None) is dtypes.uint8:
        warn_once("where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future version of "
                  "PyTorch. Use a boolean condition instead.")
    result = hooks.public["where"](condition, input, other)
    return result if out is None else hooks.store_out(out, result, "where", same=(condition, input, other))


def masked_select(input: Tensor, mask: Tensor, *, out: Any = None) -> Tensor:
    """The elements of `input` where the broadcast `mask` is true, 1-D; differentiable."""
    if mask.dtype.name != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    _not_by_member("masked_select", mask)
    shape = tuple(broadcast_shapes(mask.shape, input.shape))
    places = from_array(np.flatnonzero(np.broadcast_to(mask._numpy(), shape)).astype(np.int64), input.device.type)
    result = record(selected, (input.expand(shape), places))
    return result if out is None else hooks.store_out(out, result, "masked_select", (input, mask), into=LIKE_SELF)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements agree."""
    input, other = given_tensor("equal", input), given_tensor("equal", other, "other", 2)
    _not_by_member("equal", input, other)
    return input.shape == other.shape and bool(np.array_equal(input._numpy(), other._numpy()))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""
    input, other = given_tensor("allclose", input), given_tensor("allclose", other, "other", 2)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{dtypes.c_name(input.dtype)} did not match {dtypes.c_name(other.dtype)}")
    _not_by_member("allclose", input, other)
    broadcast_shapes(input.shape, other.shape)
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        require(not tolerance < 0, f"{name} must be greater than or equal to zero, but got {tolerance:g}")
    a, b = input._numpy(), other._numpy()
    return bool(np.allclose(a, b, rtol, atol, equal_nan))


def check_unique(input: Tensor, dim: int | None) -> int | None:
    """`dim` made non-negative. Refuses what torch finds no different elements of: complex numbers, slices without elements."""
    if dim is not None:
        dim = wrap_dim(wrap_dim(dim, input.dim()), input.dim(), scalar=False)
        empty = [d for d, n in enumerate(input.shape) if n == 0]
        require(len(empty) < 2, "Number of zero sized dimensions is more than one, so unique cannot be applied")
        require(empty in ([], [dim]), "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    if input.is_complex():
        kernel = "unique" if dim is None else "unique_dim"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.c_name(input.dtype)}'")
    return dim


def _different_slices(x: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different slices along `dim` in order, NaN before numbers; where each went and how often each came."""
    rows = np.moveaxis(x, dim, 0).reshape(x.shape[dim], -1)
    order = np.lexsort([key for column in rows.T[::-1] for key in (column, column == column)])
    rows = rows[order]
    begins = np.append(True, (rows[1:] != rows[:-1]).any(1))
    inverse = np.empty(len(order), np.int64)
    inverse[order] = begins.cumsum() - 1
    firsts = np.flatnonzero(begins)
    return np.take(x, order[firsts], dim), inverse, np.diff(firsts, append=len(order))


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:
    """The different elements (or slices along `dim`), sorted; with where each element went and how often each came."""
    dim = check_unique(input, dim)
    name = "_unique2" if dim is None else "unique_dim"
    _not_by_member(name, input)
    own = input._numpy()
    x = own.astype(np.float32) if input.is_floating_point() and own.itemsize < 4 else own     # numpy does not order NaN of bfloat16
    # to torch no NaN is equal to another
    if dim is not None and x.size and (x != x).any():
        values, inverse, counts = _different_slices(x, dim)
    else:
        values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = inverse.reshape(input.shape) if dim is None else inverse.reshape(-1)
    return unique_results(name, input, values.astype(own.dtype), inverse if return_inverse else None,
                          counts if return_counts else None)


def unique_results(name: str, input: Tensor, values: np.ndarray, inverse: np.ndarray | None, counts: np.ndarray | None) -> Any:
    """What torch's `name` returns: the values, which no gradient can go through, and what else was asked for."""
    found = from_array(np.array(values))
    if state.tape.grad and input.requires_grad:
        found = record(FOUND[name], (input, found))
    numbers = [from_array(a.astype(np.int64)) for a in (inverse, counts) if a is not None]
    return (found, *numbers) if numbers else found


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer comes."""
    refuse_data_dependent("bincount", input)
    nested = input._inside()
    if nested is not None and nested.batch is not None and not nested.closed and nested.is_marked(input):
        given = (input,) if weights is None else (input, weights)
        return nested.one_by_one(lambda x, w=None: bincount(x, w, minlength), *given)
    w = None if weights is None else weights._numpy()
    if input.is_floating_point() or input.is_complex() or input.dtype.name == "bool":
        raise NotImplementedError(f'"bincount_cpu" not implemented for {dtypes.c_name(input.dtype)!r}')
    require(minlength >= 0, "minlength should be >= 0")
    require(input.dim() == 1 and not (input._numpy() < 0).any(), "bincount only supports 1-d non-negative integral inputs.")
    require(w is None or w.shape == input.shape, "weights should be 1-d and have the same length as input")
    if not input.numel():
        return from_array(np.zeros(minlength, np.int64))        # weights or not
    kind = np.int64 if w is None else w.dtype if w.dtype == np.float32 else np.float64
    return from_array(np.bincount(input._numpy(), w, minlength).astype(kind))


for _fn in (nonzero, masked_select, equal, allclose, unique, bincount):
    setattr(Tensor, _fn.__name__, _fn)
