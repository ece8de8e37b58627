"""Sorting, selecting by rank, searching in sorted arrays.

In: jax arrays.  Out: values in order and where they stood (int64). NaN counts as the greatest value, as in torch.
"""
from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import from_numpy, promote_types
from .check import listing, refuse_outside, require, type_name, wrap_dim
from .index import IN_BOUNDS
from .into import EXACT, Into
from .precision import need_real, no_bool
from .table import Array, ArrayLike, composite, op

INTO = Into("torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64) depending on whether "
            "out_int32 flag is True, but we got output tensor's dtype {got} and out_int32 flag is False")


def _rank(x: Array) -> Array:
    """Integers of 32 bits (held in int64) in the order of the elements, of a type of at most 32 bits; NaN is last."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(jnp.int64) - (2**31 if x.dtype == jnp.uint32 else 0)
    x = x.astype(jnp.float32)
    # one bit pattern for both zeros and one for all NaN; the bits of negative floats count downwards
    x = jnp.where(x == 0, jnp.float32(0), jnp.where(jnp.isnan(x), jnp.float32(jnp.nan), x))
    bits = lax.bitcast_convert_type(x, jnp.int32)
    return jnp.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(jnp.int64)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _sorted(x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """Values and places in order; equal elements stay in theirs."""
    places = lax.broadcasted_iota(jnp.int64, x.shape, dim)
    if x.dtype.itemsize <= 4:
        # rank and place packed into one integer: XLA sorts single integers on CPU about nine times faster than pairs
        rank = ~_rank(x) if descending else _rank(x)
        places = lax.sort((rank << 32) | places, dimension=dim, is_stable=False) & 0xFFFFFFFF
        return jnp.take_along_axis(x, places, dim, mode=IN_BOUNDS), places
    if not descending:
        return tuple(lax.sort((x, places), dimension=dim, num_keys=1, is_stable=True))
    # reversed before and after: descending, and equal elements still in their order
    values, places = lax.sort((lax.rev(x, (dim,)), lax.rev(places, (dim,))), dimension=dim, num_keys=1, is_stable=True)
    return lax.rev(values, (dim,)), lax.rev(places, (dim,))


@_sorted.defjvp
def _sorted_jvp(dim: int, descending: bool, primals: tuple, tangents: tuple) -> tuple:
    values, places = _sorted(primals[0], dim, descending)
    moved = jnp.take_along_axis(tangents[0], places, dim, mode=IN_BOUNDS)
    return (values, places), (moved, jnp.zeros(places.shape, jax.dtypes.float0))


def _order(input: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    require(not jnp.iscomplexobj(input), " Sort does not support complex dtypes on CPU")
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    return _sorted(input, dim, descending)


def _sort_rule(attributes: dict) -> str:
    return "SortBackward1" if attributes.get("stable") else "SortBackward0"


@op(strides="first", forms="function method out", returns=("values", "indices"), rule=_sort_rule,
    samples=lambda t: [((t(3, 4),), {}), ((t(3, 4), 0, True), {})])
def sort(input: Array, dim: int = -1, descending: bool = False, stable: bool | None = False) -> tuple[Array, Array]:
    """The elements along `dim` in order, and their places; always stable."""
    return _order(input, dim, descending)


@op(strides="first", samples=lambda t: [((t(3, 4),), {})])
def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Array:
    """The places of the elements along `dim` in order; always stable. int64."""
    return _order(input, dim, descending)[1]


@composite(forms="function method out", into=EXACT)
def msort(t, input):
    """The elements along dimension 0 in order."""
    return t.sort(input, 0)[0]


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _top(x: Array, k: int, largest: bool) -> tuple[Array, Array]:
    """The k first of the last dimension in order."""
    if not (x.dtype == jnp.float32 or x.dtype.itemsize <= 2):
        values, places = _sorted(x, x.ndim - 1, largest)
        return values[..., :k], places[..., :k]
    # float32 has a fast way in XLA on CPU, where NaN is first and NaN with a sign last
    key = x.astype(jnp.float32)
    key = jnp.where(jnp.isnan(key), jnp.float32(jnp.nan if largest else -jnp.nan), key if largest else -key)
    places = lax.top_k(key, k)[1].astype(jnp.int64)
    return jnp.take_along_axis(x, places, -1, mode=IN_BOUNDS), places


@_top.defjvp
def _top_jvp(k: int, largest: bool, primals: tuple, tangents: tuple) -> tuple:
    values, places = _top(primals[0], k, largest)
    moved = jnp.take_along_axis(tangents[0], places, -1, mode=IN_BOUNDS)
    return (values, places), (moved, jnp.zeros(places.shape, jax.dtypes.float0))


@op(forms="function method out", returns=("values", "indices"),
    samples=lambda t: [((t(3, 5), 2), {}), ((t(5, 3), 2, 0, False), {})])
def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Array, Array]:
    """The k largest (or smallest) elements along `dim`, in order, and their places."""
    require(input.dtype != jnp.bool_, "topk does not support bool dtypes on CPU")
    require(not jnp.iscomplexobj(input), "topk does not support complex dtypes on CPU")
    dim = wrap_dim(dim, input.ndim)
    require(0 <= k <= (input.shape[dim] if input.ndim else 1), "selected index k out of range")
    if input.ndim == 0:
        values, places = _top(input.reshape(1), k, largest)
        return (values.reshape(()), places.reshape(())) if k else (values, places)
    values, places = _top(jnp.moveaxis(input, dim, -1), k, largest)
    return jnp.moveaxis(values, -1, dim), jnp.moveaxis(places, -1, dim)


@op(apart=0, forms="function method out", returns=("values", "indices"),
    samples=lambda t: [((t(3, 5), 2), {}), ((t(5, 3), 2, 0, True), {})],
    into=Into("output values must be of same type as input", later=("output indices must be of scalar type {want}",)))
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The k-th smallest element along `dim` (counted from 1) and its place."""
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    require(n > 0, f"kthvalue(): Expected reduction dim {dim} to have non-zero size.", IndexError)
    require(0 < k <= n, f"kthvalue(): selected number k out of range for dimension {dim}")
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    need_real("kthvalue_cpu", input)
    no_bool("kthvalue_cpu", input)
    return tuple(lax.index_in_dim(x, k - 1, dim, keepdim) for x in _order(input, dim, False))


def _searched(boundaries: Array, values: Array, right: bool, out_int32: bool) -> Array:
    need_real("searchsorted_out_cpu", boundaries)
    if not values.size:
        return jnp.zeros(values.shape, jnp.int32 if out_int32 else jnp.int64)
    common = promote_types(from_numpy(boundaries.dtype), from_numpy(values.dtype)).np
    boundaries, values = boundaries.astype(common), values.astype(common)
    need_real("searchsorted_out_cpu", boundaries)
    no_bool("searchsorted_out_cpu", boundaries)

    def one(edges: Array, wanted: Array) -> Array:
        found = jnp.searchsorted(edges, wanted, side="right" if right else "left")
        return jnp.where(jnp.isnan(wanted), edges.shape[0], found)      # torch's search goes past what is not greater
    if boundaries.ndim == 1:
        found = one(boundaries, values)
    else:
        rows = jax.vmap(one)(boundaries.reshape(-1, boundaries.shape[-1]), values.reshape(-1, values.shape[-1]))
        found = rows.reshape(values.shape)
    return found.astype(jnp.int32 if out_int32 else jnp.int64)


def _wanted(boundaries: Array, value: ArrayLike) -> Array:
    """The searched values as an array; a number has the boundaries' dtype unless it is of a higher kind."""
    if isinstance(value, jax.Array):
        return value
    higher = isinstance(value, float) and not jnp.issubdtype(boundaries.dtype, jnp.floating)
    return jnp.asarray(value, jnp.float64 if higher else boundaries.dtype)


def _refuse_sorter(sequence: Any, input: Any, out_int32: bool, right: bool, side: str | None, sorter: Any) -> None:
    refuse_outside(sorter, sequence.shape[-1] if sequence.shape else 1,
                   lambda place: RuntimeError("torch.searchsorted(): sorter index out of range"))


@op(forms="function out", look=_refuse_sorter, samples=lambda t: [((t(1), t(3)), {})], into=INTO)
def searchsorted(sorted_sequence: Array, input: ArrayLike, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Array | None = None) -> Array:
    """Where each value would go into the last dimension of `sorted_sequence` to keep it in order. int64."""
    prefix = "torch.searchsorted(): "
    require(side in (None, "left", "right"), f"{prefix}side can only be 'left' or 'right' but got {side}")
    require(not (side == "left" and right),
            f"{prefix}side and right can't be set to opposites, got side of left while right was True")
    value = _wanted(sorted_sequence, input)
    require(sorted_sequence.ndim > 0,
            f"{prefix}boundaries tensor should have positive dimension, but got 0 dimension")
    require(value.ndim > 0 or sorted_sequence.ndim == 1,
            f"{prefix}input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries "
            f"tensor dim({sorted_sequence.ndim}) and input value's dim(0) numel(1)")
    require(sorted_sequence.ndim == 1 or sorted_sequence.shape[:-1] == value.shape[:-1],
            f"{prefix}boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
            f"input value tensor must match, but we got boundaries tensor {listing(sorted_sequence.shape)} and input "
            f"value tensor {listing(value.shape)}")
    if sorter is not None:
        require(sorter.shape == sorted_sequence.shape, f"{prefix}boundary and sorter must have the same size, but got boundary "
                f"tensor {listing(sorted_sequence.shape)}and got sorter tensor {listing(sorter.shape)}")
        require(sorter.dtype == jnp.int64, f"{prefix}sorter must be a tensor of long dtype but got dtype {type_name(sorter)}")
        sorted_sequence = jnp.take_along_axis(sorted_sequence, sorter, -1)
    return _searched(sorted_sequence, value, right or side == "right", out_int32)


@op(forms="function out", samples=lambda t: [((t(3, 4), t(1)), {})], into=INTO)
def bucketize(input: ArrayLike, boundaries: Array, *, out_int32: bool = False, right: bool = False) -> Array:
    """The number of the bucket between `boundaries` into which each value falls. int64."""
    require(boundaries.ndim == 1, f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _searched(boundaries, _wanted(boundaries, input), right, out_int32)
