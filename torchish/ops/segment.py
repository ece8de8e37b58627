"""segment_reduce: sums, means, maxima of consecutive pieces; hash_tensor and nonzero_static, whose results have known shapes.

In: arrays; the lengths of the pieces are values of the program.  Out: arrays.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nonzero.html for nonzero_static; PyTorch documents no other.
"""
from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .check import require, wrap_dim, wrap_dims
from .into import Into
from .precision import need_float, need_real, unlike
from .scatter import reduce_at
from .table import Array, Dims, Number, alias, cast, op

__all__: list[str] = []
EMPTY = {"sum": 0, "mean": jnp.nan, "prod": 1, "max": -jnp.inf, "min": jnp.inf}


def _check(data: jax.Array, reduce: str, lengths: Any, offsets: Any, indices: object, axis: int) -> None:
    require(reduce in EMPTY, f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    require(indices is None, "segment_reduce(): indices based reduction is not supported yet.")
    require(lengths is not None or offsets is not None, "segment_reduce(): Either lengths or offsets must be defined.")
    need_float("_segment_reduce_cpu", data)
    given = lengths if lengths is not None else offsets
    require(given.ndim - 1 == axis, f"segment_reduce(): Expected axis to be the last dimension of lengths but got {axis}.")
    if given.dtype not in (jnp.int64, jnp.int32):
        raise unlike(f"_segment_reduce_{'offsets' if lengths is None else 'lengths'}_cpu_kernel1", given)


def _look(data: Any, reduce: str, lengths: Any, indices: Any, offsets: Any, axis: int, unsafe: bool, initial: Any) -> None:
    """Refuses known lengths that are negative or are not those of `data`."""
    if isinstance(lengths, np.ndarray) and not unsafe:
        require(not (lengths < 0).any(), "lengths contains negative value!")
        require(bool((lengths.sum(-1) == data.shape[axis]).all()),
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.")


def _pieces(data: jax.Array, ends: jax.Array, reduce: str, initial: Number | None) -> jax.Array:
    """data (n, ...), ends (pieces): each piece reduced."""
    start = EMPTY[reduce] if initial is None else initial
    count = ends.shape[0]
    piece = jnp.searchsorted(ends, jnp.arange(data.shape[0]), side="right")
    sizes = jnp.diff(ends, prepend=0).reshape((-1,) + (1,) * (data.ndim - 1))
    if reduce == "mean":
        total = jax.ops.segment_sum(data, piece, count) + (0 if initial is None else cast(initial, data.dtype))
        empty = cast(start, data.dtype)
        return jnp.where(sizes == 0, empty, total / jnp.where(sizes == 0, 1, sizes).astype(data.dtype))
    if reduce == "prod":        # one more piece takes what is beyond the last
        ones = jnp.full((count + 1, *data.shape[1:]), cast(start, data.dtype))
        places = jnp.broadcast_to(piece.reshape((-1,) + (1,) * (data.ndim - 1)), data.shape)
        held = jnp.isnan(data)
        many = jax.ops.segment_sum(held.astype(jnp.int32), piece, count + 1)
        data = _without_nan(data, many[jnp.minimum(piece, count)] > held)
        key = (places, *[lax.broadcasted_iota(places.dtype, data.shape, d) for d in range(1, data.ndim)])
        return reduce_at(ones, key, data, "prod", True)[:count] + jnp.where(many[:count] > 0, jnp.nan, 0).astype(data.dtype)
    if reduce == "sum":
        return jax.ops.segment_sum(data, piece, count) + cast(start, data.dtype)
    return _extreme(data, piece, count, reduce, start)


@jax.custom_jvp
def _without_nan(data: jax.Array, beside: jax.Array) -> jax.Array:
    """1 for NaN. PyTorch's gradient of a product is that of the others, so only NaN `beside` an element makes its gradient NaN."""
    return jnp.where(jnp.isnan(data), 1, data).astype(data.dtype)


@_without_nan.defjvp
def _without_nan_jvp(primals: tuple, tangents: tuple) -> tuple:
    return _without_nan(*primals), tangents[0] * jnp.where(primals[1], jnp.nan, 1).astype(primals[0].dtype)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _extreme(data: jax.Array, piece: jax.Array, count: int, reduce: str, start: Number) -> jax.Array:
    combine, join = (jax.ops.segment_max, jnp.maximum) if reduce == "max" else (jax.ops.segment_min, jnp.minimum)
    return join(combine(data, piece, count), cast(start, data.dtype))


@_extreme.defjvp
def _extreme_jvp(count: int, reduce: str, start: Number, primals: tuple, tangents: tuple) -> tuple:
    """PyTorch's choice: elements that are the result share it evenly, whatever `initial` is; so do those that are NaN."""
    (data, piece), (tangent, _) = primals, tangents
    found = _extreme(data, piece, count, reduce, start)
    taken = (data == found[piece]) | jnp.isnan(data)
    shared = jax.ops.segment_sum(taken.astype(data.dtype), piece, count)
    part = jax.ops.segment_sum(jnp.where(taken, tangent, 0), piece, count)
    return found, part / jnp.maximum(shared, 1)


@op(forms="function", look=_look, samples=lambda t: [((t(6, 2), "sum"), {"lengths": np.array([2, 0, 4])}),
                                         ((t(2, 5), "mean"), {"lengths": np.array([[2, 3], [4, 1]]), "axis": 1}),
                                         ((t(6), "max"), {"offsets": np.array([0, 4, 6]), "initial": 0.5})])
def segment_reduce(data: Array, reduce: str, *, lengths: Array | None = None, indices: Array | None = None,
                   offsets: Array | None = None, axis: int = 0, unsafe: bool = False, initial: Number | None = None) -> Array:
    """sum, mean, max, min or prod of the pieces of `data` along `axis`."""
    axis = wrap_dim(axis, data.ndim)
    _check(data, reduce, lengths, offsets, indices, axis)
    ends = jnp.cumsum(lengths, axis=-1) if lengths is not None else offsets[..., 1:] - offsets[..., :1]

    def run(x: jax.Array, e: jax.Array) -> jax.Array:
        return _pieces(x, e, reduce, initial)
    for _ in range(axis):
        run = jax.vmap(run)
    return run(data, ends)


alias("segment_reduce", "_segment_reduce", forms="function")


@op(forms="function method out", differentiable=False, names={"method.dim": "*dim"},
    samples=lambda t: [((t(3, 4),), {}), ((t(3, 4, dtype="int64"), 1), {"keepdim": True})],
    into=Into("Expected result to be of dtype {want_c}, but got {got}"))
def hash_tensor(input: Array, dim: Dims = (), *, keepdim: bool = False, mode: int = 0) -> Array:
    """The bits of all elements over `dim`, as float64 or int64, combined by exclusive or; uint64."""
    require(mode == 0, f"Unknown hash_tensor mode: {mode}")
    need_real("xor_sum_cpu", input)
    axes = wrap_dims(dim, input.ndim)
    require(input.size > 0 or dim != (), "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the "
                                         "reduction dim with the 'dim' argument.")
    require(all(input.shape[d] for d in axes), "hash_tensor: Expected reduction dim "
            f"{next((d for d in axes if not input.shape[d]), 0)} to have non-zero size.", IndexError)
    wide = jnp.float64 if jnp.issubdtype(input.dtype, jnp.floating) else jnp.int64
    bits = lax.bitcast_convert_type(input.astype(wide), jnp.uint64)
    found = lax.reduce(bits, jnp.uint64(0), lax.bitwise_xor, axes)
    return jnp.expand_dims(found, axes) if keepdim else found


@op(forms="function method out", differentiable=False, saves=False,
    samples=lambda t: [((t(3, 4, dtype="int64", low=0, high=2),), {"size": 8}),
                       ((t(5, dtype="bool"),), {"size": 1, "fill_value": 7})])
def nonzero_static(input: Array, *, size: int, fill_value: int = -1) -> Array:
    """nonzero with exactly `size` rows: the first places found, then rows of `fill_value`."""
    require(size >= 0, "nonzero_static: 'size' must be an non-negative integer")
    if not input.size or not input.ndim:
        return jnp.full((size, input.ndim), fill_value, jnp.int64)
    return jnp.stack(jnp.nonzero(input, size=size, fill_value=fill_value), axis=-1).astype(jnp.int64)
