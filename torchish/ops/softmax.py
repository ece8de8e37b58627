"""softmax and its relatives.

In: floating arrays and a dim.  Out: the same shape, normalised along the dim.  Half types are computed in float32.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import dtype as DType
from .check import wrap_dim, wrap_dims
from .into import Into
from .precision import floating, inexact, unlike, widened
from .table import Array, Dims, op


def _samples(t: object) -> list:
    return [((t(3, 4), 1), {}), ((t(2, 3, 4), 0), {})]


def _along(fn: object, input: Array, dim: int, dtype: DType | None, kernel: str) -> Array:
    x = input if dtype is None else input.astype(dtype.np)
    axis = wrap_dim(dim, x.ndim)
    if not inexact(x) or jnp.iscomplexobj(x) and x.size:
        raise unlike(kernel if axis >= x.ndim - 1 else kernel.replace("_lastdim", ""), x)
    return widened(fn, x.reshape(1), axis=0).reshape(()) if x.ndim == 0 else widened(fn, x, axis=axis)


@op(autocast="float cuda", forms="function method out special", samples=_samples)
def softmax(input: Array, dim: int, dtype: DType | None = None) -> Array:
    """exp(input) / sum of exp(input) along `dim`."""
    return _along(jax.nn.softmax, input, dim, dtype, "softmax_lastdim_kernel_impl")


@op(autocast="float cuda", forms="function method out special", samples=_samples)
def log_softmax(input: Array, dim: int, dtype: DType | None = None) -> Array:
    """log(softmax(input)) along `dim`, without underflow."""
    return _along(jax.nn.log_softmax, input, dim, dtype, "log_softmax_lastdim_kernel_impl")


@op(autocast="float cuda", forms="function F", rule="SoftmaxBackward0", samples=_samples)
def softmin(input: Array, dim: int, dtype: DType | None = None) -> Array:
    """softmax(-input) along `dim`."""
    return _along(jax.nn.softmax, -input, dim, dtype, "softmax_lastdim_kernel_impl")


def _logsumexp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    top = lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True, initial=-jnp.inf).real)
    top = jnp.where(jnp.isfinite(top), top, 0)
    total = jnp.log(jnp.sum(jnp.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else jnp.squeeze(total, axis)


@op(forms="function method out special", samples=lambda t: [((t(3, 4), 1), {}), ((t(2, 3, 4), (0, 2), True), {})],
    into=Into("logsumexp(): Expected floating point type for result tensor, but got: {got}", "safe"))
def logsumexp(input: Array, dim: Dims, keepdim: bool = False) -> Array:
    """log of the sum of exp(input) along `dim`, without overflow."""
    return widened(_logsumexp, floating(input), axis=wrap_dims(dim, input.ndim), keepdims=keepdim)
