"""Order statistics: median, nanmedian, mode.

In: an array and a dim.  Out: the value chosen along it and its place (int64); the gradient goes to that place.
"""
from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .extreme import attributed, nonempty_dim, places, take_place
from .into import Into
from .precision import inexact, need_real, no_bool
from .table import Array, composite, op

INTO = Into("Expected tensor for 'values' to have the same type as tensor for argument #2 'self'; but type torch.{got}Tensor does "
            "not equal torch.{want}Tensor (while checking arguments for median)",
            later=("Expected tensor for argument #1 'indices' to have scalar type {want}; but got torch.{got}Tensor instead "
                   "(while checking arguments for median)",))
INTO_MODE = Into("expected scalar type '{want}' but got '{got}' for values output",
                 later=("expected scalar type '{want}' but got '{got}' for indices output",))


def _middle(x: Array, axis: int, skip_nan: bool) -> tuple[Array, Array]:
    """The lower median along `axis` (kept) and its place. A NaN is the median, unless skipped."""
    x = lax.stop_gradient(x)
    values, order = lax.sort((x, places(x, axis)), dimension=axis, num_keys=1)     # NaN goes last
    n = jnp.full((), x.shape[axis], jnp.int64)
    nans = jnp.sum(jnp.isnan(values), axis=axis, keepdims=True, dtype=jnp.int64) if inexact(x) else 0 * n
    k = (n - (nans if skip_nan else 0) - 1) // 2
    k = jnp.maximum(k, 0) if skip_nan else jnp.where(nans > 0, n - nans, k)
    k = jnp.broadcast_to(k, tuple(1 if a == axis else s for a, s in enumerate(x.shape)))
    return jnp.take_along_axis(values, k, axis), jnp.take_along_axis(order, k, axis)


def _median_dim(input: Array, dim: int, keepdim: bool, skip_nan: bool) -> tuple[Array, Array]:
    axis = nonempty_dim("median", dim, input)
    no_bool("median_out", input)
    need_real("median_out", input)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    value, place = _middle(input, axis, skip_nan)
    return take_place(value if keepdim else jnp.squeeze(value, axis), input, place, axis, keepdim)


def _median_all(input: Array, skip_nan: bool) -> Array:
    no_bool("median_cpu", input)
    if input.size == 0:
        return jnp.full((), jnp.nan if inexact(input) else jnp.iinfo(input.dtype).min, input.dtype)
    need_real("median_cpu", input)
    x = input.reshape(-1)
    value, _ = _middle(x, 0, skip_nan)
    same = lax.stop_gradient(x) == value
    if inexact(x):
        same |= jnp.isnan(x) & jnp.isnan(value)
    share = x / jnp.maximum(jnp.sum(same), 1).astype(x.dtype) if inexact(x) else x
    return attributed(value.reshape(()), share, same, (0,), False)


def _dim_samples(t: object) -> list:
    return [((t(3, 4), 1), {}), ((t(2, 3, 5), 1, True), {})]


@op(name="_median_dim", forms="", returns=("values", "indices"), rule="MedianBackward1", samples=_dim_samples, into=INTO)
def median_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The lower median along `dim` and its place."""
    return _median_dim(input, dim, keepdim, False)


@op(name="_median_all", forms="", rule="MedianBackward0", samples=lambda t: [((t(3, 4),), {})])
def median_all(input: Array) -> Array:
    """The lower median of all elements."""
    return _median_all(input, False)


@op(name="_nanmedian_dim", forms="", returns=("values", "indices"), rule="NanmedianBackward1",
    samples=_dim_samples, into=INTO)
def nanmedian_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The lower median along `dim` of what is not NaN, and its place."""
    return _median_dim(input, dim, keepdim, True)


@op(name="_nanmedian_all", forms="", rule="NanmedianBackward0", samples=lambda t: [((t(3, 4),), {})])
def nanmedian_all(input: Array) -> Array:
    """The lower median of all elements that are not NaN."""
    return _median_all(input, True)


@composite(forms="function method out")
def median(t: Any, input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median of all elements, or (values, indices) along `dim`."""
    return t._median_all(input) if dim is None else t._median_dim(input, dim, keepdim)


@composite(forms="function method out")
def nanmedian(t: Any, input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median, NaN left out, of all elements, or (values, indices) along `dim`."""
    return t._nanmedian_all(input) if dim is None else t._nanmedian_dim(input, dim, keepdim)


@op(returns=("values", "indices"), samples=lambda t: [((t(3, 6, dtype="int64", low=0, high=3), 1), {})], into=INTO_MODE)
def mode(input: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The most frequent value along `dim` (the smallest of several) and its last place."""
    axis = nonempty_dim("mode", dim, input)
    need_real("mode_cpu", input)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    x = lax.stop_gradient(input)
    values, at = jnp.sort(x, axis=axis), places(x, axis)
    # the length of a run so far: the distance from where it began
    begins = values != jnp.roll(values, 1, axis)
    run = at - lax.cummax(jnp.where(begins, at, 0), axis=axis)
    longest = jnp.argmax(run, axis=axis, keepdims=True)
    value = jnp.take_along_axis(values, longest, axis)
    place = jnp.max(jnp.where(x == value, at, 0), axis=axis, keepdims=True)
    return take_place(value if keepdim else jnp.squeeze(value, axis), input, place, axis, keepdim)
