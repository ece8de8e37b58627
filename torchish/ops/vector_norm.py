"""Norms of vectors: norm, linalg.vector_norm, dist.

In: a floating or complex array, an order and dims.  Out: real norms; the gradient at 0 is 0.
"""
from __future__ import annotations

import jax.numpy as jnp

from ..dtypes import c_name, from_numpy, promote_types
from ..dtypes import dtype as DType
from .check import require, wrap_dims
from .matrix_check import lapack
from .pointwise import refuse_bools
from .precision import dtype_name, expect_inexact, inexact, magnitude, wide
from .table import Array, Dims, op


def _root(total: Array, p: float) -> Array:
    """total ** (1 / p); where total is 0, 0 with gradient 0."""
    zero = total == 0
    safe = jnp.where(zero, 1, total)
    return jnp.where(zero, 0, jnp.sqrt(safe) if p == 2 else safe ** (1 / p))


def _norm(x: Array, p: float, axes: tuple[int, ...], keepdims: bool) -> Array:
    if p == 2:
        return _root(jnp.sum((x * jnp.conj(x)).real, axis=axes, keepdims=keepdims), 2)
    size = magnitude(x)
    if p == 0:
        return jnp.sum(size != 0, axis=axes, keepdims=keepdims).astype(size.dtype)
    if p == 1:
        return jnp.sum(size, axis=axes, keepdims=keepdims)
    if p in (float("inf"), -float("inf")):
        return (jnp.max if p > 0 else jnp.min)(size, axis=axes, keepdims=keepdims)
    zero = size == 0
    power = jnp.where(zero, 0 if p > 0 else jnp.inf, jnp.where(zero, 1, size) ** p)
    return _root(jnp.sum(power, axis=axes, keepdims=keepdims), p)


def check_dtype(name: str, own: DType, wanted: DType | None) -> None:
    """RuntimeError unless `own` is floating or complex and `wanted` (None: the same) holds all its values."""
    expect_inexact(name, own)
    if wanted is not None:
        require(wanted.is_floating_point or wanted.is_complex, f"{name}: dtype should be floating point or complex, but got "
                                                               f"{c_name(wanted)}")
        kind = "complex" if own.is_complex else "real"
        require(own.is_complex == wanted.is_complex, f"{name}: dtype should be {kind} for {kind} inputs, but got {c_name(wanted)}")
        require(promote_types(own, wanted) is wanted, f"{name}: the dtype of the input ({c_name(own)}) should be convertible "
                                                      f"without narrowing to the specified dtype ({c_name(wanted)})")


def _need_some(shape: tuple[int, ...], axes: tuple[int, ...], p: float) -> None:
    """Orders below 0 and inf need at least one element for each norm."""
    if 0 <= p < float("inf"):
        return
    for d in axes:
        where = "an empty tensor because the" if len(shape) == 1 else f"the dimension {d}because this dimension is empty and the"
        require(shape[d] != 0, f"linalg.vector_norm cannot compute the {p:g} norm on {where} operation does not have an identity")


def _checked(input: Array, p: float, dim: Dims | None, keepdim: bool, dtype: DType | None) -> Array:
    if not isinstance(p, (int, float)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(p).__name__}")
    check_dtype("linalg.vector_norm", from_numpy(input.dtype), dtype)
    x = input if dtype is None else input.astype(dtype.np)
    axes = wrap_dims(dim, x.ndim)
    _need_some(x.shape, axes, p)
    value = _norm(wide(x), p, axes, keepdim)
    return value.astype(x.dtype) if x.dtype.itemsize == 2 else value


def _samples(t: object) -> list:
    return [((t(3, 4),), {}), ((t(3, 4), 3, 1), {}), ((t(3, 4), 1, (0, 1), True), {}), ((t(3, 4), float("inf"), 0), {})]


def _counts(attributes: dict, aval: object) -> tuple[int, ...]:
    """How many elements are not 0 has no derivative."""
    return (0,) if 0 in (attributes.get("ord"), attributes.get("p")) else ()


@op(autocast="float cuda", forms="linalg private out", rule="LinalgVectorNormBackward0", undefined=_counts, samples=_samples)
def vector_norm(input: Array, ord: float = 2, dim: Dims | None = None, keepdim: bool = False, *,
                dtype: DType | None = None) -> Array:
    """(sum of |x| ** ord) ** (1 / ord) over `dim`; the largest for inf, the smallest for -inf, the nonzero for 0."""
    return _checked(input, ord, dim, keepdim, dtype)


def two(dim: Dims) -> tuple[int, ...]:
    """The dims of the matrices, of which there are two."""
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    require(len(dims) == 2, f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}")
    return dims


@op(autocast="float cuda", rule="LinalgVectorNormBackward0", undefined=_counts, samples=_samples)
def norm(input: Array, p: float | str | None = "fro", dim: Dims | None = None, keepdim: bool = False,
         dtype: DType | None = None) -> Array:
    """The p-norm over `dim`; 'fro' is 2; 'nuc' is the sum of the singular values."""
    if p == "nuc":
        lapack(input, "linalg.matrix_norm")
        two(range(input.ndim) if dim is None else dim)
        axes = wrap_dims(dim, input.ndim)
        values = jnp.linalg.svd(jnp.moveaxis(input, axes, (-2, -1)), compute_uv=False)
        total = jnp.sum(values, axis=-1)
        return jnp.expand_dims(total, sorted(axes)) if keepdim else total
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    if p == "fro" and not isinstance(dim, int) and dim is not None and len(dim) > 2:
        two(range(input.ndim) if dim is None else dim)
    return _checked(input, 2 if p is None or p == "fro" else p, dim, keepdim, dtype)


@op(autocast="float cuda", strides=None, promote="arith", forms="function method", check=refuse_bools, undefined=_counts,
    samples=lambda t: [((t(3, 4), t(4, seed=1)), {}), ((t(3), t(3, seed=1), 3), {})])
def dist(input: Array, other: Array, p: float = 2) -> Array:
    """The p-norm of input - other."""
    if not inexact(input):
        raise RuntimeError("norm(): input dtype should be either floating point or complex. Got " + dtype_name(input) + " instead.")
    return _checked(input - other, p, None, False, None)
