"""Ops that read or write at places given by an index tensor or a mask.

In: jax arrays and integer or bool arrays of places.  Out: the elements there, or the array with them replaced.
Places are checked against the size where their values are known; elsewhere reads give nan, writes are dropped.
"""
from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import c_name, c_type, from_numpy, int64
from .check import broadcast_shapes, listing, out_of_bounds, refuse_outside, require, type_name, wrap_dim
from .index import IN_BOUNDS, READ, add_at, put, refuse_complex
from .into import EXACT, InPlace, Into
from .precision import need_real, no_bool, recast
from .rules import by_operand
from .table import Array, ArrayLike, cast, composite, op


def _places(index: Array, dim: int) -> tuple[Array, ...]:
    """For each dimension the places that `index` along `dim` means: itself there, and counting elsewhere."""
    return tuple(index if d == dim else lax.broadcasted_iota(index.dtype, index.shape, d) for d in range(index.ndim))


def _all(ndim: int) -> tuple[str, ...]:
    return ("t",) * ndim


def _raised(x: Array) -> Array:
    return x if x.ndim else x.reshape((1,))


def _check_index(name: str, index: Array) -> None:
    require(index.dtype in (jnp.int64, jnp.int32), f"{name}(): Expected dtype int32/int64 for index")


def _look(input: Any, dim: int, index: Any, *others: Any) -> None:
    """Refuses known places outside the dimension."""
    shape = input.shape or (1,)
    if -len(shape) <= dim < len(shape):
        refuse_outside(index, shape[dim], out_of_bounds(dim % len(shape), shape[dim]))


def look_flat(input: Any, index: Any, *others: Any) -> None:
    """Refuses known places outside the flattened tensor."""
    n = prod(input.shape)
    refuse_outside(index, n, lambda place: IndexError(f"out of range: tried to access index {place} on a tensor of {n} elements."),
                   wrap=True)


@op(apart=0, forms="function method out", look=_look, samples=lambda t: [((t(3, 4), 1, t(3, 2, dtype="int64", low=0, high=4)), {})])
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False) -> Array:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; the shape of `index`."""
    dim = wrap_dim(dim, input.ndim)
    if index.size == 0:
        return jnp.zeros(index.shape, input.dtype)
    _check_index("gather", index)
    shape, input, places = index.shape, _raised(input), _raised(index)
    require(input.ndim == places.ndim, "Index tensor must have the same number of dimensions as input tensor")
    for d, n in enumerate(places.shape):
        require(d == dim or n <= input.shape[d],
                f"Size does not match at dimension {d} expected index {listing(index.shape)} to be no larger than self "
                f"{listing(input.shape)} apart from dimension {dim}")
    limits = [input.shape[d] if d == dim else n for d, n in enumerate(places.shape)]
    if tuple(limits) != input.shape:
        input = lax.slice(input, [0] * input.ndim, limits)
    return jnp.take_along_axis(input, places, dim, mode=READ).reshape(shape)


def _scatter_operands(input: Array, dim: int, index: Array, src: Array | None) -> tuple:
    """input, dim, index, and src cut to index's shape, with at least one dimension; errors where they don't fit."""
    _check_index("scatter", index)
    dim = wrap_dim(dim, input.ndim)
    if src is not None and src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    input, index = _raised(input), _raised(index)
    src = None if src is None else _raised(src)
    require(index.ndim == input.ndim, "Index tensor must have the same number of dimensions as self tensor")
    require(src is None or index.ndim == src.ndim, "Index tensor must have the same number of dimensions as src tensor")
    limit = "" if src is None else f" and to be no larger size than src {listing(src.shape)}"
    for d, n in enumerate(index.shape):
        large = (d != dim and n > input.shape[d]) or (src is not None and n > src.shape[d])
        require(not large, f"Expected index {listing(index.shape)} to be no larger than self {listing(input.shape)} "
                           f"apart from dimension {dim}{limit}")
    if src is not None and src.shape != index.shape:
        src = lax.slice(src, [0] * src.ndim, index.shape)
    return input, dim, index, src


def _scatter_rule(avals: list, attributes: dict) -> str:
    return f"ScatterBackward{0 if hasattr(avals[2], 'shape') else 1}"


@op(apart=1, forms="function method out", inplace=True, saves=False, rule=_scatter_rule, look=_look,
    samples=lambda t: [((t(3, 4), 1, t(3, 1, dtype="int64", low=0, high=4), t(3, 1)), {})])
def scatter(input: Array, dim: int, index: Array, src: ArrayLike | None = None, value: ArrayLike | None = None, *,
            reduce: str | None = None) -> Array:
    """`input` with out[index[i][j]][j] = src[i][j] for dim 0 (or one number); reduce: "add" or "multiply"."""
    require(reduce in (None, "add", "multiply"), "reduce argument must be either add or multiply.")
    values = value if src is None else src
    require(values is not None, "scatter() needs src or value", TypeError)
    shape, number = input.shape, jnp.ndim(values) == 0
    if index.size == 0:
        return input
    base, dim, index, src = _scatter_operands(input, dim, index, None if number else values)
    if number:
        src = jnp.broadcast_to(cast(values, input.dtype), index.shape)
    key = _places(index, dim)
    if reduce == "add":
        return add_at(base, key, src).reshape(shape)
    if reduce == "multiply":
        return _multiplied(base, src, key).reshape(shape)
    return put(_all(base.ndim), base, src, *key).reshape(shape)


@op(apart=1, autocast="promote cuda", forms="function method out", inplace=True, saves=False, look=_look,
    samples=lambda t: [((t(3, 4), 1, t(3, 6, dtype="int64", low=0, high=4), t(3, 6)), {})])
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """`input` with src[i][j] added at [index[i][j]][j] for dim 0, and so on; places may repeat."""
    if index.size == 0:
        return input
    base, dim, index, src = _scatter_operands(input, dim, index, src)
    return add_at(base, _places(index, dim), src).reshape(input.shape)


@jax.custom_jvp
def _multiplied(base: Array, src: Array, key: tuple) -> Array:
    at = base.at[key]
    return at.min(src, mode=IN_BOUNDS) if base.dtype == jnp.bool_ else at.multiply(src, mode=IN_BOUNDS)


@_multiplied.defjvp
def _multiplied_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """The derivative by one factor is the product of the others, written so that it can be differentiated again."""
    (base, src, key), (d_base, d_src, _) = primals, tangents
    zeros = (base == 0).astype(jnp.int32).at[key].add((src == 0).astype(jnp.int32), mode=IN_BOUNDS)
    zero = jnp.where(base == 0, base, 0).at[key].add(jnp.where(src == 0, src, 0), mode=IN_BOUNDS)       # the only one, if it is
    rest = _multiplied(jnp.where(base == 0, 1, base), jnp.where(src == 0, 1, src), key)     # itself differentiable

    def others(factor: Array, zeros: Array, zero: Array, rest: Array) -> Array:
        own = factor == 0
        left, rest = zeros - own.astype(jnp.int32), rest / jnp.where(own, 1, factor)
        product = jnp.where(left == 0, rest, jnp.where(left == 1, rest * (zero - jnp.where(own, factor, 0)), 0))
        return product.astype(factor.dtype)
    at_src = others(src, zeros[key], zero[key], rest[key])
    tangent = (d_base * others(base, zeros, zero, rest)).at[key].add(d_src * at_src, mode=IN_BOUNDS)
    return _multiplied(base, src, key), tangent


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _extreme(largest: bool, base: Array, src: Array, key: tuple) -> Array:
    at = base.at[key]
    return at.max(src, mode=IN_BOUNDS) if largest else at.min(src, mode=IN_BOUNDS)


@_extreme.defjvp
def _extreme_jvp(largest: bool, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """Those that are equal to the extreme value share its gradient, as in torch."""
    (base, src, key), (d_base, d_src, _) = primals, tangents
    result = _extreme(largest, base, src, key)
    from_base, from_src = (base == result).astype(base.dtype), (src == result[key]).astype(base.dtype)
    shares = jnp.maximum(from_base.at[key].add(from_src, mode=IN_BOUNDS), 1)
    return result, (d_base * from_base).at[key].add(d_src * from_src, mode=IN_BOUNDS) / shares


def _least(dtype: object, largest: bool) -> object:
    """The neutral element of max (or min)."""
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf if largest else jnp.inf
    if dtype == jnp.bool_:
        return not largest
    return jnp.iinfo(dtype).min if largest else jnp.iinfo(dtype).max


def reduce_at(base: Array, key: tuple, src: Array, reduce: str, include_self: bool) -> Array:
    """base[key] combined with src by sum, prod, mean, amax or amin; without `include_self` src alone counts there."""
    reduce = {"max": "amax", "min": "amin"}.get(reduce, reduce)
    require(reduce in ("sum", "prod", "mean", "amax", "amin"),
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    start = base
    if not include_self:
        neutral = {"sum": 0, "mean": 0, "prod": 1}.get(reduce)
        neutral = _least(base.dtype, reduce == "amax") if neutral is None else neutral
        start = base.at[key].set(jnp.asarray(neutral, base.dtype), mode=IN_BOUNDS)
    if reduce == "prod":
        return _multiplied(start, src, key)
    if reduce in ("amax", "amin"):
        return _extreme(reduce == "amax", start, src, key)
    total = add_at(start, key, src)
    if reduce == "sum":
        return total
    count = jnp.full(base.shape, 1 if include_self else 0, base.dtype)
    count = jnp.maximum(count.at[key].add(jnp.ones((), base.dtype), mode=IN_BOUNDS), 1)
    return total // count if jnp.issubdtype(base.dtype, jnp.integer) else total / count


@op(apart=1, forms="function method out", inplace=True, look=_look,
    samples=lambda t: [((t(3, 4), 1, t(3, 6, dtype="int64", low=0, high=4), t(3, 6), "mean"), {}),
                       ((t(3, 4), 1, t(3, 6, dtype="int64", low=0, high=4), t(3, 6), "amax"), {"include_self": False})])
def scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str, *,
                   include_self: bool = True) -> Array:
    """scatter_add with another way of combining: reduce is sum, prod, mean, amax or amin."""
    if index.size == 0:
        return input
    base, dim, index, src = _scatter_operands(input, dim, index, src)
    if reduce in ("amax", "amin"):
        need_real(f"scatter_gather_tensor_cpu_reduce_{reduce}", input)
    elif reduce == "mean":
        no_bool("scatter_gather_tensor_cpu_reduce_mean", input)
    return reduce_at(base, _places(index, dim), src, reduce, include_self).reshape(input.shape)


@op(apart=0, forms="function method out", look=look_flat,
    samples=lambda t: [((t(3, 4), t(2, 1, dtype="int64", low=0, high=12)), {})],
    into=Into("take(): self and out expected to have the same dtype, but got self.dtype = {want} and out.dtype = {got}"))
def take(input: Array, index: Array) -> Array:
    """The elements of the flattened `input` at `index`."""
    require(index.dtype == jnp.int64, f"take(): Expected a long tensor for index, but got {type_name(index)}")
    require(input.size or not index.size, "take(): tried to take from an empty tensor", IndexError)
    return input.reshape(-1).at[index].get(mode=READ)


@op(name="_take_along_dim", forms="function", rule="GatherBackward0",
    samples=lambda t: [((t(3, 4), t(3, 1, dtype="int64", low=0, high=4), 1), {})])
def take_along(input: Array, indices: Array, dim: int) -> Array:
    """gather with `indices` and `input` broadcast against each other except along `dim`."""
    name = "torch.take_along_dim(): "
    require(input.ndim == indices.ndim,
            f"{name}input and indices should have the same number of dimensions, but got {input.ndim} dimensions for "
            f"input, and {indices.ndim} dimensions for indices")
    require(indices.dtype == jnp.int64, f"{name}dtype of indices should be Long but got {type_name(indices)}")
    dim = wrap_dim(dim, input.ndim)
    shape = broadcast_shapes(*([1 if d == dim else n for d, n in enumerate(x.shape)] for x in (input, indices)))
    source, places = ([x.shape[dim] if d == dim else n for d, n in enumerate(shape)] for x in (input, indices))
    indices = indices % max(input.shape[dim], 1)        # wrapped however far outside, unlike gather's
    return gather(jnp.broadcast_to(input, source), dim, jnp.broadcast_to(indices, places))


@composite(forms="function method out", into=EXACT)
def take_along_dim(t, input, indices, dim=None):
    """gather with broadcasting; without `dim` from the flattened `input`."""
    if dim is None:
        require(indices.dtype is int64, f"torch.take_along_dim(): dtype of indices should be Long but got "
                                               f"{c_name(indices.dtype)}")
        return t.gather(input.reshape(-1), 0, indices if indices.ndim == 1 else indices.reshape(-1))
    return t._take_along_dim(input, indices, dim)


@op(forms="function method out", inplace=InPlace(indexed="masked_fill_"), rule=by_operand("MaskedFill", 1, 0, at=2),
    samples=lambda t: [((t(3, 4), t(3, 4, dtype="bool"), 1.5), {})])
def masked_fill(input: Array, mask: Array, value: ArrayLike) -> Array:
    """`input` with `value`, a number or a 0-dim tensor, where `mask` is true."""
    broadcast_shapes(mask.shape, input.shape)
    require(mask.dtype == jnp.bool_, "masked_fill_ only supports boolean masks, but got mask with dtype "
                                     f"{c_type(from_numpy(mask.dtype))}")
    require(jnp.ndim(value) == 0, "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                                  f"{jnp.ndim(value)} dimension(s).")
    refuse_complex(input, value)
    return jnp.where(mask, recast(jnp.asarray(value), from_numpy(input.dtype)) if jnp.iscomplexobj(value) else
                     cast(value, input.dtype), input)


def _look_classes(input: Any, num_classes: int) -> None:
    refuse_outside(input, num_classes, lambda place: RuntimeError(
        "Class values must be non-negative." if place < 0 else "Class values must be smaller than num_classes."))


@op(name="_one_hot", forms="function", look=_look_classes, samples=lambda t: [((t(3, dtype="int64", low=0, high=4), 4), {})])
def one_hot_(input: Array, num_classes: int) -> Array:
    """1 at the place that each element names, 0 elsewhere; int64."""
    require(input.dtype == jnp.int64, "one_hot is only applicable to index tensor of type LongTensor.")
    return (input[..., None] == lax.iota(jnp.int64, num_classes)).astype(jnp.int64)


@composite(forms="F")
def one_hot(t, input, num_classes=-1):
    """1 at the place that each element names, 0 elsewhere, in a new last dimension; -1: as many classes as needed."""
    if t.is_tensor(num_classes):
        num_classes = num_classes.item()
    if num_classes == -1:
        require(input.numel() > 0, "Can not infer total number of classes from empty tensor.")
        num_classes = int(input.max()) + 1
        require(num_classes > 0, "Class values must be non-negative.")
    require(num_classes > 0, "Class values must be smaller than num_classes.")
    return t._one_hot(input, num_classes)
