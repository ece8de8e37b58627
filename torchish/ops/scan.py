"""Running sums, products and extremes; differences and trapezoids.

In: an array and a dim.  Out: the same shape (shorter for `diff`); half types are accumulated in float32.
"""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from ..dtypes import dtype as DType
from .check import common, require, wrap_dim
from .extreme import places
from .into import Into
from .pointwise import logaddexp_of_complex
from .precision import floating, inexact, is_float, need_inexact, need_real, no_bool, recast, widened
from .table import Array, Number, alias, cast, op

INTO = Into("expected scalar_type {want} but found {got}")


def _samples(t: object) -> list:
    return [((t(3, 4), 1), {}), ((t(2, 3, 4), 0), {})]


def _running(fn: Callable, input: Array, dim: int, dtype: DType | None) -> Array:
    axis = wrap_dim(dim, input.ndim)
    x = input if dtype is None else recast(input, dtype)
    if dtype is None and not inexact(x):
        x = x.astype(jnp.int64)
    no_bool(f"{fn.__name__}_out_cpu", x)
    return widened(fn, x, axis=axis) if x.ndim else x


@op(autocast="float cuda", inplace=True, saves=False, samples=_samples)
def cumsum(input: Array, dim: int, *, dtype: DType | None = None) -> Array:
    """The sums up to and with each element along `dim`; int64 for integers and bool."""
    return _running(jnp.cumsum, input, dim, dtype)


@op(autocast="float cuda", inplace=True, samples=_samples)
def cumprod(input: Array, dim: int, *, dtype: DType | None = None) -> Array:
    """The products up to and with each element along `dim`; int64 for integers and bool."""
    return _running(jnp.cumprod, input, dim, dtype)


@op(samples=_samples, into=INTO)
def logcumsumexp(input: Array, dim: int) -> Array:
    """log(cumsum(exp(input))) along `dim`, without overflow."""
    need_inexact("logcumsumexp_out_cpu", input)
    axis = wrap_dim(dim, input.ndim)
    if input.ndim and jnp.iscomplexobj(input):
        return lax.associative_scan(logaddexp_of_complex, input, axis=axis)
    return widened(lax.cumlogsumexp, input, axis=axis) if input.ndim else input


def _running_extreme(name: str, better: Callable, input: Array, dim: int) -> tuple[Array, Array]:
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0 or input.size == 0:
        return input, jnp.zeros(input.shape, jnp.int64)
    need_real(f"{name}_cpu", input)

    def later(a: tuple, b: tuple) -> tuple:
        # the later of two equal elements is taken; from a NaN on, NaN stays
        take = better(b[0], a[0])
        if is_float(input):
            take = jnp.isnan(b[0]) | (take & ~jnp.isnan(a[0]))
        return jnp.where(take, b[0], a[0]), jnp.where(take, b[1], a[1])

    _, place = lax.associative_scan(later, (lax.stop_gradient(input), places(input, axis)), axis=axis)
    return jnp.take_along_axis(input, place, axis), place


@op(returns=("values", "indices"), samples=_samples, into=INTO)
def cummax(input: Array, dim: int) -> tuple[Array, Array]:
    """The largest value so far along `dim`, and its place; the gradient goes to that place."""
    return _running_extreme("cummax", jnp.greater_equal, input, dim)


@op(returns=("values", "indices"), samples=_samples, into=INTO)
def cummin(input: Array, dim: int) -> tuple[Array, Array]:
    """The smallest value so far along `dim`, and its place; the gradient goes to that place."""
    return _running_extreme("cummin", jnp.less_equal, input, dim)


def _along(x: Array, input: Array, axis: int) -> None:
    """What is put before or behind `input` along `axis` has its shape elsewhere."""
    if x.ndim != input.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for d, (own, n) in enumerate(zip(input.shape, x.shape, strict=True)):
        if d != axis and own != n:
            raise RuntimeError("diff expects the shape of tensor to prepend or append to match that of input except along the "
                               f"differencing dimension; input.size({d}) = {own}, but got tensor.size({d}) = {n}")


@op(strides="elementwise", rule="SubBackward0", saves=False, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), 2, 0), {})],
    into=INTO, turns=lambda outs, attributes: [(1, 0, 2)])      # prepend comes first
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None) -> Array:
    """The differences of neighbours along `dim`, taken `n` times; for bool, whether neighbours differ."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input.ndim)
    for x in (prepend, append):
        if x is not None:
            _along(x, input, axis)
    if n == 0:
        return input
    parts = [x for x in (prepend, input, append) if x is not None]
    x = jnp.concatenate(parts, axis=axis) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[axis])):
        after, before = lax.slice_in_dim(x, 1, None, axis=axis), lax.slice_in_dim(x, 0, -1, axis=axis)
        x = after ^ before if x.dtype == bool else after - before
    return x


def _trapezoids(name: str, y: Array, x: Array | None, dx: Number | None, dim: int) -> tuple[Array, int]:
    require(not (y.dtype == bool or x is not None and x.dtype == bool),
            f"{name}: received a bool input for {'`y`' if x is None else '`x` or `y`'}, but bool is not supported")
    if x is not None and dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments - got (Tensor, Tensor, dx={type(dx).__name__}), "
                        "but expected one of:\n * (Tensor y, Tensor x, *, int dim = -1)\n"
                        " * (Tensor y, *, Number dx = 1, int dim = -1)\n")
    axis = wrap_dim(dim, y.ndim)
    rest = max(y.shape[axis] - 1, 0)        # none of no points
    pairs = lax.slice_in_dim(y, y.shape[axis] - rest, None, axis=axis) + lax.slice_in_dim(y, 0, rest, axis=axis)
    if x is not None:
        require(x.ndim != 1 or x.shape[0] == y.shape[axis], f"{name}: There must be one `x` value for each sample point")
        width = jnp.diff(x, axis=0 if x.ndim == 1 else axis)
        pairs, width = common([pairs, width.reshape((-1,) + (1,) * (y.ndim - axis - 1)) if x.ndim == 1 else width])
        pairs = pairs * width       # integers wrap around here, in their own type
    areas = floating(pairs) / 2
    return areas if dx is None else areas * cast(dx, areas.dtype), axis


def _trapezoid_rule(avals: list, attributes: dict) -> str:
    return "MulBackward1" if avals[1] is None else "DivBackward1"


def _cumulative_rule(avals: list, attributes: dict) -> str:
    return "CumsumBackward0" if avals[1] is None else "DivBackward1"


@op(forms="function", rule=_trapezoid_rule, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), t(5, seed=1)), {})])
def trapezoid(y: Array, x: Array | None = None, *, dx: Number | None = None, dim: int = -1) -> Array:
    """The integral of `y` along `dim` by the trapezoid rule, at points `x` or at a distance `dx` (1)."""
    areas, axis = _trapezoids("trapezoid", y, x, dx, dim)
    return jnp.sum(areas, axis=axis)


@op(forms="function", rule=_cumulative_rule, samples=lambda t: [((t(3, 5),), {}), ((t(3, 5), t(5, seed=1)), {})])
def cumulative_trapezoid(y: Array, x: Array | None = None, *, dx: Number | None = None, dim: int = -1) -> Array:
    """The integrals of `y` from its first point to each later one along `dim`."""
    areas, axis = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return jnp.cumsum(areas, axis=axis)


alias("trapezoid", "trapz")
