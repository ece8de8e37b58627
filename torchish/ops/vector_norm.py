"""Norms of vectors: norm, linalg.vector_norm, dist.

In: a floating or complex array, an order and dims.  Out: real norms; the gradient at 0 is 0.
"""
from __future__ import annotations

import jax.numpy as jnp

from ..dtypes import dtype as DType
from .check import wrap_dims
from .pointwise import refuse_bools
from .precision import dtype_name, inexact, magnitude, wide
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
        if 0 in (x.shape[a] for a in axes):
            if p < 0 or x.size == 0 and not any(n == 0 for a, n in enumerate(x.shape) if a not in axes):
                raise RuntimeError(f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the "
                                   "operation does not have an identity")
            return jnp.zeros(jnp.sum(size, axis=axes, keepdims=keepdims).shape, size.dtype)
        return (jnp.max if p > 0 else jnp.min)(size, axis=axes, keepdims=keepdims)
    zero = size == 0
    power = jnp.where(zero, 0 if p > 0 else jnp.inf, jnp.where(zero, 1, size) ** p)
    return _root(jnp.sum(power, axis=axes, keepdims=keepdims), p)


def _checked(input: Array, p: float, dim: Dims | None, keepdim: bool, dtype: DType | None) -> Array:
    x = input if dtype is None else input.astype(dtype.np)
    if not inexact(x):
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as input. "
                           f"Got {dtype_name(x)}")
    value = _norm(wide(x), p, wrap_dims(dim, x.ndim), keepdim)
    return value.astype(x.dtype) if x.dtype.itemsize == 2 else value


def _samples(t: object) -> list:
    return [((t(3, 4),), {}), ((t(3, 4), 3, 1), {}), ((t(3, 4), 1, (0, 1), True), {}), ((t(3, 4), float("inf"), 0), {})]


@op(autocast="float cuda", forms="linalg private out", rule="LinalgVectorNormBackward0", samples=_samples)
def vector_norm(input: Array, ord: float = 2, dim: Dims | None = None, keepdim: bool = False, *,
                dtype: DType | None = None) -> Array:
    """(sum of |x| ** ord) ** (1 / ord) over `dim`; the largest for inf, the smallest for -inf, the nonzero for 0."""
    return _checked(input, ord, dim, keepdim, dtype)


@op(autocast="float cuda", rule="LinalgVectorNormBackward0", samples=_samples)
def norm(input: Array, p: float | str | None = "fro", dim: Dims | None = None, keepdim: bool = False,
         dtype: DType | None = None) -> Array:
    """The p-norm over `dim`; 'fro' is 2; 'nuc' is the sum of the singular values."""
    if p == "nuc":
        if not inexact(input):
            raise RuntimeError("linalg.matrix_norm: Expected a floating point or complex tensor as input. Got " + dtype_name(input))
        if input.dtype.itemsize == 2:
            raise RuntimeError("linalg.matrix_norm: Low precision dtypes not supported. Got " + dtype_name(input))
        axes = wrap_dims(dim, input.ndim)
        values = jnp.linalg.svd(jnp.moveaxis(input, axes, (-2, -1)), compute_uv=False)
        total = jnp.sum(values, axis=-1)
        return jnp.expand_dims(total, sorted(axes)) if keepdim else total
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    return _checked(input, 2 if p is None or p == "fro" else p, dim, keepdim, dtype)


@op(autocast="float cuda", strides=None, promote="arith", forms="function method",
    samples=lambda t: [((t(3, 4), t(4, seed=1)), {}), ((t(3), t(3, seed=1), 3), {})])
def dist(input: Array, other: Array, p: float = 2) -> Array:
    """The p-norm of input - other."""
    refuse_bools(*[dtype_name(x).lower() for x in (input, other)])
    if not inexact(input):
        raise RuntimeError("norm(): input dtype should be either floating point or complex. Got " + dtype_name(input) + " instead.")
    return _checked(input - other, p, None, False, None)
