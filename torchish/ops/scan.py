"""Running sums, products and extremes; differences and trapezoids.

In: an array and a dim.  Out: the same shape (shorter for `diff`); half types are accumulated in float32.
"""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from ..dtypes import dtype as DType
from .check import wrap_dim
from .extreme import places
from .precision import inexact, is_float, need_inexact, widened
from .table import Array, Number, alias, cast, op


def _samples(t: object) -> list:
    return [((t(3, 4), 1), {}), ((t(2, 3, 4), 0), {})]


def _running(fn: Callable, input: Array, dim: int, dtype: DType | None) -> Array:
    axis = wrap_dim(dim, input.ndim)
    x = input if dtype is None else input.astype(dtype.np)
    if dtype is None and not inexact(x):
        x = x.astype(jnp.int64)
    return widened(fn, x, axis=axis) if x.ndim else x


@op(inplace=True, saves=False, samples=_samples)
def cumsum(input: Array, dim: int, *, dtype: DType | None = None) -> Array:
    """The sums up to and with each element along `dim`; int64 for integers and bool."""
    return _running(jnp.cumsum, input, dim, dtype)


@op(inplace=True, samples=_samples)
def cumprod(input: Array, dim: int, *, dtype: DType | None = None) -> Array:
    """The products up to and with each element along `dim`; int64 for integers and bool."""
    return _running(jnp.cumprod, input, dim, dtype)


@op(samples=_samples)
def logcumsumexp(input: Array, dim: int) -> Array:
    """log(cumsum(exp(input))) along `dim`, without overflow."""
    need_inexact("logcumsumexp_out_cpu", input)
    axis = wrap_dim(dim, input.ndim)
    return widened(lax.cumlogsumexp, input, axis=axis) if input.ndim else input


def _running_extreme(better: Callable, input: Array, dim: int) -> tuple[Array, Array]:
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0 or input.size == 0:
        return input, jnp.zeros(input.shape, jnp.int64)

    def later(a: tuple, b: tuple) -> tuple:
        # the later of two equal elements is taken; from a NaN on, NaN stays
        take = better(b[0], a[0])
        if is_float(input):
            take = jnp.isnan(b[0]) | (take & ~jnp.isnan(a[0]))
        return jnp.where(take, b[0], a[0]), jnp.where(take, b[1], a[1])

    _, place = lax.associative_scan(later, (lax.stop_gradient(input), places(input, axis)), axis=axis)
    return jnp.take_along_axis(input, place, axis), place


@op(returns=("values", "indices"), samples=_samples)
def cummax(input: Array, dim: int) -> tuple[Array, Array]:
    """The largest value so far along `dim`, and its place; the gradient goes to that place."""
    return _running_extreme(jnp.greater_equal, input, dim)


@op(returns=("values", "indices"), samples=_samples)
def cummin(input: Array, dim: int) -> tuple[Array, Array]:
    """The smallest value so far along `dim`, and its place; the gradient goes to that place."""
    return _running_extreme(jnp.less_equal, input, dim)


@op(rule="SubBackward0", saves=False, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), 2, 0), {})])
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None) -> Array:
    """The differences of neighbours along `dim`, taken `n` times; for bool, whether neighbours differ."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input.ndim)
    parts = [x for x in (prepend, input, append) if x is not None]
    x = jnp.concatenate(parts, axis=axis) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[axis])):
        after, before = lax.slice_in_dim(x, 1, None, axis=axis), lax.slice_in_dim(x, 0, -1, axis=axis)
        x = after ^ before if x.dtype == bool else after - before
    return x


def _trapezoids(y: Array, x: Array | None, dx: Number | None, dim: int) -> tuple[Array, int]:
    axis = wrap_dim(dim, y.ndim)
    after, before = lax.slice_in_dim(y, 1, None, axis=axis), lax.slice_in_dim(y, 0, -1, axis=axis)
    pairs = (after + before) / 2 if inexact(y) else (after + before).astype(jnp.float32) / 2
    if x is None:
        return pairs if dx is None else pairs * cast(dx, pairs.dtype), axis
    width = jnp.diff(x, axis=0 if x.ndim == 1 else axis)
    if x.ndim == 1:
        width = width.reshape((-1,) + (1,) * (y.ndim - axis - 1))
    return pairs * width.astype(pairs.dtype), axis


def _trapezoid_rule(avals: list, attributes: dict) -> str:
    return "MulBackward1" if avals[1] is None else "DivBackward1"


def _cumulative_rule(avals: list, attributes: dict) -> str:
    if avals[1] is not None:
        return "DivBackward1"
    return "CumsumBackward0" if attributes["dx"] is None else "MulBackward1"


@op(forms="function", rule=_trapezoid_rule, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), t(5, seed=1)), {})])
def trapezoid(y: Array, x: Array | None = None, *, dx: Number | None = None, dim: int = -1) -> Array:
    """The integral of `y` along `dim` by the trapezoid rule, at points `x` or at a distance `dx` (1)."""
    areas, axis = _trapezoids(y, x, dx, dim)
    return jnp.sum(areas, axis=axis)


@op(forms="function", rule=_cumulative_rule, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), t(5, seed=1)), {})])
def cumulative_trapezoid(y: Array, x: Array | None = None, *, dx: Number | None = None, dim: int = -1) -> Array:
    """The integrals of `y` from its first point to each later one along `dim`."""
    areas, axis = _trapezoids(y, x, dx, dim)
    return jnp.cumsum(areas, axis=axis)


alias("trapezoid", "trapz")
