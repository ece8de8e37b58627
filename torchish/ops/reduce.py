"""Sums, means, products and counts over dims.

In: an array and the dims to reduce (none: all).  Out: fewer elements; half types are accumulated in float32.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..dtypes import dtype as DType
from .check import require, wrap_dim, wrap_dims
from .into import CASTS, Into
from .precision import dtype_name, inexact, need_real, recast, widened
from .rules import by_dim
from .table import Array, Dims, op

INTO_NANSUM = Into("\"nansum_cpu\" not implemented for '{got}'", "safe", error=NotImplementedError)


def _samples(t: object) -> list:
    return [((t(3, 4),), {}), ((t(2, 3, 4), 1), {}), ((t(2, 3, 4), (0, -1)), {"keepdim": True})]


def _summand(input: Array, dtype: DType | None) -> Array:
    """input in the type of its sum: the one asked for, or int64 for integers and bool."""
    if dtype is not None:
        return recast(input, dtype)
    return input if inexact(input) else input.astype(jnp.int64)


def _by_parts(fn: Callable[..., Array], x: Array, **options: Any) -> Array:
    """`fn`, a sum or mean, of real and imaginary parts: XLA on the CPU adds complex numbers one after the other, and reals in rows.

    Half a million of them were up to 0.2% off.
    """
    if jnp.iscomplexobj(x):
        return lax.complex(fn(x.real, **options), fn(x.imag, **options))
    return widened(fn, x, **options)


@op(name="sum", autocast="float cuda", saves=False, rule=by_dim("Sum"), samples=_samples)
def sum_(input: Array, dim: Dims | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Array:
    """The sum over `dim`; int64 for integers and bool."""
    x = _summand(input, dtype)
    return _by_parts(jnp.sum, x, axis=wrap_dims(dim, x.ndim), keepdims=keepdim)


@op(samples=_samples, into=INTO_NANSUM)
def nansum(input: Array, dim: Dims | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Array:
    """The sum over `dim`, NaN counted as 0."""
    require(not jnp.iscomplexobj(input), "nansum on CPU does not support complex inputs")
    x = _summand(input, dtype)
    if inexact(input):
        need_real("nansum_cpu", x)
    x = jnp.where(jnp.isnan(x), 0, x).astype(x.dtype) if inexact(x) else x
    return widened(jnp.sum, x, axis=wrap_dims(dim, x.ndim), keepdims=keepdim)


@op(saves=False, rule=by_dim("Mean"), samples=_samples, into=CASTS)
def mean(input: Array, dim: Dims | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Array:
    """The mean over `dim`. RuntimeError for integers, unless `dtype` is given."""
    x = input if dtype is None else input.astype(dtype.np)
    if not inexact(x):
        given = "Input" if dtype is None else "Optional"
        raise RuntimeError(f"mean(): could not infer output dtype. {given} dtype must be either a floating point or "
                           f"complex dtype. Got: {dtype_name(x)}")
    return _by_parts(jnp.mean, x, axis=wrap_dims(dim, x.ndim), keepdims=keepdim)


@op(rule="DivBackward0", samples=_samples, into=INTO_NANSUM)
def nanmean(input: Array, dim: Dims | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Array:
    """The mean over `dim` of what is not NaN."""
    if not inexact(input):
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got "
                           f"{dtype_name(input)}")
    x = input if dtype is None else input.astype(dtype.np)
    require(inexact(x), "nanmean(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. "
                        f"Got: {dtype_name(x)}")
    require(not jnp.iscomplexobj(input), "nansum on CPU does not support complex inputs")
    need_real("nansum_cpu", x)
    axes = wrap_dims(dim, x.ndim)
    count = jnp.sum(~jnp.isnan(x), axis=axes, keepdims=keepdim)
    total = widened(jnp.sum, jnp.where(jnp.isnan(x), 0, x).astype(x.dtype), axis=axes, keepdims=keepdim)
    return total / count.astype(x.dtype)


@op(autocast="float", rule=by_dim("Prod"),
    samples=lambda t: [((t(3, 4),), {}), ((t(2, 3, 4), 1), {}), ((t(2, 3, 4), -1), {"keepdim": True})])
def prod(input: Array, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Array:
    """The product over `dim`; int64 for integers and bool."""
    x = _summand(input, dtype)
    axes = wrap_dims(None if dim is None else wrap_dim(dim, x.ndim), x.ndim)
    return widened(jnp.prod, x, axis=axes, keepdims=keepdim)


def _truth(input: Array, found: Array) -> Array:
    # `input != 0` above: jnp.any and jnp.all look at the real part of complex numbers only
    # torch keeps uint8, its first truth type
    return found.astype(jnp.uint8) if input.dtype == jnp.uint8 else found


@op(name="all", saves=False, samples=lambda t: [((t(3, 4, dtype="bool"), 1), {}), ((t(3, 4),), {})],
    into=Into("all only supports bool tensor for result, got: {got}", "truth"))
def all_(input: Array, dim: Dims | None = None, keepdim: bool = False) -> Array:
    """Whether everything over `dim` is nonzero."""
    return _truth(input, jnp.all(input != 0, axis=wrap_dims(dim, input.ndim, every=False), keepdims=keepdim))


@op(name="any", saves=False, samples=lambda t: [((t(3, 4, dtype="bool"), 1), {}), ((t(3, 4),), {})],
    into=Into("any only supports bool tensor for result, got: {got}", "truth"))
def any_(input: Array, dim: Dims | None = None, keepdim: bool = False) -> Array:
    """Whether anything over `dim` is nonzero."""
    return _truth(input, jnp.any(input != 0, axis=wrap_dims(dim, input.ndim, every=False), keepdims=keepdim))


@op(forms="function method", saves=False, names={"method.dim": "*dim"},
    samples=lambda t: [((t(3, 4, dtype="int64", low=0, high=2), 1), {})])
def count_nonzero(input: Array, dim: Dims | None = None) -> Array:
    """How many elements over `dim` are not 0; int64."""
    return jnp.sum(input != 0, axis=wrap_dims(dim, input.ndim), dtype=jnp.int64)
