"""Slices of one dimension chosen, added to, copied to or filled by a vector of places.

In: jax arrays and a 1-dim integer array.  Out: the chosen slices, or the array with them changed.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import lax

from .check import listing, out_of_bounds, refuse_outside, require, type_name, wrap_dim
from .index import COLON, IN_BOUNDS, READ, add_at, put, refuse_no_rows
from .into import InPlace, Into
from .precision import need_real, no_bool, unlike
from .scatter import reduce_at
from .table import Array, ArrayLike, Number, cast, op


def _looks(refuse: Callable[[int, int], Callable], wrap: bool = False) -> Callable:
    """Refuses known places outside the dimension, in the words of `refuse(dim, size)`."""
    def look(input: Any, dim: int, index: Any, *others: Any) -> None:
        shape = tuple(input.shape) or (1,)
        if -len(shape) <= dim < len(shape):
            n = shape[dim]
            refuse_outside(index, n, refuse(dim % len(shape), n), wrap)
    return look


def _in_self(dim: int, n: int) -> Callable[[int], Exception]:
    return lambda place: IndexError("index out of range in self")


_into_slices = _looks(out_of_bounds)
_into_self = _looks(_in_self)


def _look_of_add(input: Any, dim: int, index: Any, *others: Any) -> None:
    # torch has a kernel of its own for vectors, which words this otherwise
    (_into_slices if len(input.shape) > 1 else _into_self)(input, dim, index)


def _key(index: Array, dim: int) -> tuple:
    return (*(COLON,) * dim, index.reshape(-1))


@op(apart=0, forms="function method out", look=_into_self,
    samples=lambda t: [((t(3, 4), 1, t(5, dtype="int64", low=0, high=4)), {})],
    into=Into("index_select(): self and result must have the same scalar type"))
def index_select(input: Array, dim: int, index: Array) -> Array:
    """The slices of dimension `dim` at the places `index`, in that order."""
    require(index.ndim <= 1, "index_select(): Index is supposed to be a vector", IndexError)
    require(index.dtype in (jnp.int64, jnp.int32), "index_select(): Expected dtype int32 or int64 for index")
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        require(index.size == 1, f"index_select(): Index to scalar can have only 1 value, got {index.size} value(s)")
        return input
    refuse_no_rows(input.shape[dim], index)
    return input.at[_key(index, dim)].get(mode=READ, wrap_negative_indices=False)


def _check_source(name: str, input: Array, dim: int, index: Array, source: Array) -> int:
    require(index.ndim <= 1, f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
                             f"{type_name(index)} and size: {listing(index.shape)}", IndexError)
    require(index.dtype in (jnp.int64, jnp.int32),
            f"{name}(): Expected dtype int32/int64 for index but got: {type_name(index)}")
    require(source.dtype == input.dtype,
            f"{name}(): self ({type_name(input)}) and source ({type_name(source)}) must have the same scalar type")
    dim = wrap_dim(dim, input.ndim)
    n = source.shape[dim] if source.ndim else 1
    require(index.size == n, f"{name}(): Number of indices ({index.size}) should be equal to source.size(dim): ({n}), "
                             f"for dim: {dim}")
    same = input.shape[:dim] + input.shape[dim + 1:] == source.shape[:dim] + source.shape[dim + 1:]
    require(same and (input.ndim or not source.ndim),
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{listing(input.shape)} source.shape = {listing(source.shape)}")
    return dim


def _shaped(input: Array, source: Array) -> tuple[Array, Array]:
    """Both with at least one dimension."""
    return input.reshape(input.shape or (1,)), source.reshape(source.shape or (1,))


@op(apart=1, forms="function method out", inplace=True, saves=False, look=_look_of_add,
    samples=lambda t: [((t(3, 4), 0, t(5, dtype="int64", low=0, high=3), t(5, 4)), {"alpha": 2})])
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Number = 1) -> Array:
    """`input` with alpha * source's slices added at the places `index` of `dim`; places may repeat."""
    dim = _check_source("index_add_", input, dim, index, source)
    base, source = _shaped(input, source)
    return add_at(base, _key(index, dim), source * cast(alpha, source.dtype)).reshape(input.shape)


@op(apart=1, forms="function method out", inplace=True, look=_into_self,
    samples=lambda t: [((t(3, 4), 0, t(5, dtype="int64", low=0, high=3), t(5, 4), "mean"), {})])
def index_reduce(input: Array, dim: int, index: Array, source: Array, reduce: str, *,
                 include_self: bool = True) -> Array:
    """index_add with another way of combining: reduce is prod, mean, amax or amin."""
    require(reduce in ("prod", "mean", "amax", "amin"),
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    dim = _check_source("index_reduce_", input, dim, index, source)
    _reducible(input, reduce, include_self)
    base, source = _shaped(input, source)
    places = jnp.expand_dims(index.reshape(-1), [d for d in range(base.ndim) if d != dim])
    places = jnp.broadcast_to(places, source.shape)
    key = tuple(places if d == dim else lax.broadcasted_iota(index.dtype, source.shape, d) for d in range(base.ndim))
    return reduce_at(base, key, source, reduce, include_self).reshape(input.shape)


def _reducible(x: Array, reduce: str, include_self: bool) -> None:
    """torch's errors for what its kernels do not reduce."""
    if x.dtype == bool or jnp.iscomplexobj(x):
        if x.ndim < 2 or not include_self:
            raise unlike("index_func_" if include_self else "index_reduce_func_exclude_input_init", x)
        if reduce == "mean":
            no_bool("div_floor_cpu", x)
        elif reduce != "prod":
            need_real("maximum_cpu" if reduce == "amax" else "minimum_cpu", x)


@op(apart=1, autocast="promote", forms="function method out", inplace=True,
    look=_looks(partial(out_of_bounds, error=IndexError, name="index_copy_(): ")),
    samples=lambda t: [((t(3, 4), 0, t(1, dtype="int64", low=0, high=3), t(1, 4)), {})])
def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    """`input` with source's slices written at the places `index` of `dim`."""
    dim = wrap_dim(dim, input.ndim)
    require(index.ndim <= 1, f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})", IndexError)
    require(index.dtype == jnp.int64, f"index_copy_(): Expected a long tensor for index, but got {type_name(index)}")
    require(input.dtype == source.dtype, "index_copy_(): self and source expected to have the same dtype, but got "
                                         f"(self) {type_name(input)} and (source) {type_name(source)}")
    require(not input.ndim or not source.ndim or input.ndim == source.ndim, "index_copy_(): When source and destination are "
            f"not scalars, their dimensionality must match. Source dimensionality ({source.ndim}), destination dimensionality "
            f"({input.ndim})", IndexError)
    n = source.shape[dim] if source.ndim else 1
    require(index.size == n,
            f"index_copy_(): Number of indices ({index.size}) should be equal to source.size(dim) ({n})", IndexError)
    base, source = _shaped(input, source)
    there, given = base.shape[:dim] + base.shape[dim + 1:], source.shape[:dim] + source.shape[dim + 1:]
    require(there == given, "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
                            f"shape: {' '.join(map(str, there))} at dimension {dim} and source slice shape: "
                            f"{' '.join(map(str, given))} at dimension {dim}.")
    return put((":",) * dim + ("t",), base, source, index.reshape(-1)).reshape(input.shape)


@op(apart=1, strides="first", forms="function method out", inplace=InPlace(indexed="index_fill_"),
    look=_looks(partial(out_of_bounds, error=IndexError), wrap=True),
    samples=lambda t: [((t(3, 4), 0, t(1, dtype="int64", low=0, high=3), 1.5), {})])
def index_fill(input: Array, dim: int, index: Array, value: ArrayLike) -> Array:
    """`input` with a number, or a 0-dim tensor, at the places `index` of `dim`."""
    require(index.dtype == jnp.int64, "index_fill_(): Expected dtype int64 for index.", IndexError)
    require(index.ndim <= 1, "Index has to be a vector/scalar")
    require(jnp.ndim(value) == 0, "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                                  f"{jnp.ndim(value)} dimension(s).")
    require(jnp.iscomplexobj(input) or not jnp.iscomplexobj(value),
            "index_fill_(): Converting complex Scalar to non-complex type is not supported")
    dim = wrap_dim(dim, input.ndim)
    base = input.reshape(input.shape or (1,))
    hit = jnp.zeros(base.shape[dim], bool).at[index.reshape(-1)].set(True, mode=IN_BOUNDS)
    hit = hit.reshape((-1,) + (1,) * (base.ndim - dim - 1))
    return jnp.where(hit, cast(value, base.dtype), base).reshape(input.shape)
