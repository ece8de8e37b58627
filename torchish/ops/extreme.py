"""Largest and smallest: amax, max, argmax and their opposites.

In: an array and dims.  Out: the extreme values and where they are (int64).  Values are found by a plain reduction; what
the gradient needs (the place, or the ties) is only computed where there is a gradient.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .check import is_int, wrap_dim, wrap_dims
from .into import Into
from .precision import inexact, need_real
from .table import Array, Dims, composite, op

__all__ = ["argfirst", "attributed", "places", "take_place"]

INTO = Into("Expected the dtype for input and out to match, but got {want} for input's dtype and {got} for out's dtype.")


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def attributed(value: Array, x: Array, mask: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """`value`, whose derivative is the sum over `axes` of that of `x` where `mask` holds."""
    return value


@attributed.defjvp
def _attributed_jvp(axes: tuple[int, ...], keepdims: bool, primals: tuple, tangents: tuple) -> tuple:
    # called again, not `value` itself: that one has no derivative of its own, which the next order would see
    value = attributed(*primals, axes, keepdims)
    tangent = jnp.where(primals[2], tangents[1], 0)
    return value, jnp.sum(tangent, axis=axes, keepdims=keepdims).astype(value.dtype)


def places(x: Array, axis: int) -> Array:
    """The index along `axis` of every element."""
    return lax.broadcasted_iota(jnp.int64, x.shape, axis)


def argfirst(fn: Callable, x: Array, axis: int) -> Array:
    """The first place along `axis`, kept, of what `fn` (jnp.max or jnp.min) finds; a NaN comes before all.

    Two plain reductions: on CPU three times as fast as XLA's reduction of pairs.
    """
    x = lax.stop_gradient(x)
    found = x == fn(x, axis=axis, keepdims=True)
    if inexact(x):
        found |= x != x
    return jnp.min(jnp.where(found, places(x, axis), x.shape[axis]), axis=axis, keepdims=True)


def take_place(value: Array, x: Array, place: Array, axis: int, keepdims: bool) -> tuple[Array, Array]:
    """`value` with the gradient going to `place` (kept along `axis`), and the place."""
    value = attributed(value, x, places(x, axis) == place, (axis,), keepdims)
    return value, place if keepdims else jnp.squeeze(place, axis)


def nonempty_dim(name: str, dim: int, x: Array) -> int:
    """`dim` wrapped. IndexError if it is empty."""
    axis = wrap_dim(dim, x.ndim)
    if x.ndim and x.shape[axis] == 0:
        raise IndexError(f"{name}{'' if name == 'aminmax' else '()'}: Expected reduction dim {axis} to have non-zero size.")
    return axis


def _nonempty(name: str, x: Array, error: type[Exception] = RuntimeError) -> None:
    if x.size == 0:
        raise error(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
                    "dim with the 'dim' argument.")


def _over_dims(name: str, fn: Callable, input: Array, dim: Dims | None, keepdim: bool) -> Array:
    axes = wrap_dims(dim, input.ndim)
    if input.size == 0:
        if dim is None or len(axes) == input.ndim and isinstance(dim, tuple) and not dim:
            _nonempty(name, input)
        for axis in axes:
            nonempty_dim(name, axis, input)
    need_real(f"{name[1:]}_values_cpu", input)
    return fn(input, axis=axes, keepdims=keepdim)


def _samples(t: object) -> list:
    return [((t(3, 4),), {}), ((t(2, 3, 4), 1), {}), ((t(2, 3, 4), (0, -1), True), {})]


@op(samples=_samples, into=INTO)
def amax(input: Array, dim: Dims | None = (), keepdim: bool = False) -> Array:
    """The largest values over `dim`; ties share the gradient equally."""
    return _over_dims("amax", jnp.max, input, dim, keepdim)


@op(samples=_samples, into=INTO)
def amin(input: Array, dim: Dims | None = (), keepdim: bool = False) -> Array:
    """The smallest values over `dim`; ties share the gradient equally."""
    return _over_dims("amin", jnp.min, input, dim, keepdim)


@op(returns=("min", "max"), samples=lambda t: [((t(3, 4),), {}), ((t(3, 4),), {"dim": 1})])
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest values over `dim`."""
    if dim is None and input.size == 0:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                           "identity.")
    need_real("aminmax_cpu", input)
    axes = wrap_dims(dim, input.ndim)
    for axis in axes:
        nonempty_dim("aminmax", axis, input)
    return jnp.min(input, axis=axes, keepdims=keepdim), jnp.max(input, axis=axes, keepdims=keepdim)


def _arg(name: str, fn: Callable, input: Array, dim: int | None, keepdim: bool) -> Array:
    if input.dtype == bool:
        raise RuntimeError(f"{name}(): does not support bool input")
    need_real(f"{name}(): does not support complex input", input, RuntimeError)
    if dim is None:
        _nonempty(name, input, IndexError)
        place = argfirst(fn, input.reshape(-1), 0)
        return place.reshape((1,) * input.ndim if keepdim else ())
    axis = nonempty_dim(name, dim, input)
    if input.ndim == 0:
        return jnp.zeros((), jnp.int64)
    place = argfirst(fn, input, axis)
    return place if keepdim else jnp.squeeze(place, axis)


def _arg_samples(t: object) -> list:
    return [((t(3, 4),), {}), ((t(2, 3, 4), 1), {}), ((t(2, 3, 4), -1, True), {})]


@op(saves=False, samples=_arg_samples)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The first place of the largest value along `dim`, or in the flattened input; int64."""
    return _arg("argmax", jnp.max, input, dim, keepdim)


@op(saves=False, samples=_arg_samples)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The first place of the smallest value along `dim`, or in the flattened input; int64."""
    return _arg("argmin", jnp.min, input, dim, keepdim)


def _along(name: str, fn: Callable, input: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    need_real(f"{name}(): does not support complex input", input, RuntimeError)
    axis = nonempty_dim(name, dim, input)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    value = fn(lax.stop_gradient(input), axis=axis, keepdims=keepdim)
    return take_place(value, input, argfirst(fn, input, axis), axis, keepdim)


def _dim_samples(t: object) -> list:
    return [((t(3, 4), 1), {}), ((t(2, 3, 4), 0, True), {})]


@op(name="_max_dim", forms="", returns=("values", "indices"), rule="MaxBackward0", samples=_dim_samples)
def max_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The largest values along `dim` and their first places; the gradient goes to that place."""
    return _along("max", jnp.max, input, dim, keepdim)


@op(name="_min_dim", forms="", returns=("values", "indices"), rule="MinBackward0", samples=_dim_samples)
def min_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest values along `dim` and their first places; the gradient goes to that place."""
    return _along("min", jnp.min, input, dim, keepdim)


def _over_all(fn: Callable, input: Array) -> Array:
    """The extreme of all elements; those that have it share the gradient equally, which those that are NaN are, too, for torch."""
    x = lax.stop_gradient(input)
    value = fn(x)
    if not inexact(x):
        return value
    mask = (x == value) | (x != x)
    return attributed(value, input / jnp.sum(mask).astype(x.dtype), mask, tuple(range(x.ndim)), False)


@op(name="_max_all", forms="", rule="MaxBackward1", samples=lambda t: [((t(3, 4),), {})])
def max_all(input: Array) -> Array:
    """The largest value; ties share the gradient equally."""
    _nonempty("max", input)
    need_real("max_all", input)
    return _over_all(jnp.max, input)


@op(name="_min_all", forms="", rule="MinBackward1", samples=lambda t: [((t(3, 4),), {})])
def min_all(input: Array) -> Array:
    """The smallest value; ties share the gradient equally."""
    _nonempty("min", input)
    need_real("min_all", input)
    return _over_all(jnp.min, input)


FORMS = ("\n * (Tensor input, *, Tensor out = None)\n * (Tensor input, Tensor other, *, Tensor out = None)\n"
         " * (Tensor input, int dim, bool keepdim = False, *, tuple of Tensors out = None)\n")


def _either(t: Any, name: str, input: Any, dim: Any, keepdim: Any, other: Any) -> Any:
    """The one of the three functions under this name that fits the arguments."""
    if isinstance(dim, t.Tensor) and other is None:
        dim, other = None, dim
    fits = keepdim is False if dim is None else other is None and is_int(dim)
    if not fits or not isinstance(keepdim, bool) or not isinstance(other, (t.Tensor, type(None))):
        given = [type(v).__name__ for v in (input, dim) if v is not None]
        given += [f"{k}={type(v).__name__}" for k, v in (("keepdim", keepdim or None), ("other", other))
                  if v is not None]
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({', '.join(given)}), but expected one of:"
                        f"{FORMS}")
    if dim is not None:
        return getattr(t, f"_{name}_dim")(input, dim, keepdim)
    return getattr(t, f"_{name}_all")(input) if other is None else getattr(t, f"{name}imum")(input, other)


@composite(forms="function method out")
def max_(t: Any, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest value; or (values, indices) along `dim`; or, given another tensor, the elementwise maximum."""
    return _either(t, "max", input, dim, keepdim, other)


@composite(forms="function method out")
def min_(t: Any, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest value; or (values, indices) along `dim`; or, given another tensor, the elementwise minimum."""
    return _either(t, "min", input, dim, keepdim, other)
