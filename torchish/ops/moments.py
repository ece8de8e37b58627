"""Variance and standard deviation.

In: a floating or complex array, dims and a correction.  Out: real moments; half types are accumulated in float32.
"""
from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from ..warned import warn
from .check import wrap_dims
from .precision import inexact, wide
from .table import Array, Dims, composite, op


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _variance(x: Array, axes: tuple[int, ...], freedom: float) -> Array:
    gap = x - jnp.mean(x, axis=axes, keepdims=True)
    return jnp.sum((gap * jnp.conj(gap)).real, axis=axes, keepdims=True) / freedom


@_variance.defjvp
def _variance_jvp(axes: tuple[int, ...], freedom: float, primals: tuple, tangents: tuple) -> tuple:
    # the mean's own derivative drops out, for the gaps sum to 0
    (x,), (dx,) = primals, tangents
    gap = x - jnp.mean(x, axis=axes, keepdims=True)
    return _variance(x, axes, freedom), jnp.sum((jnp.conj(gap) * dx).real, axis=axes, keepdims=True) * (2 / freedom)


def _spread(input: Array, dim: Dims | None, correction: float, root: bool,
            name: str = "std and var") -> tuple[Array, tuple[int, ...], Array]:
    """The variance or deviation with its dims kept, the dims, and the input as it was computed with."""
    if not inexact(input):
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    x, axes = wide(input), wrap_dims(dim, input.ndim)
    freedom = max(prod(x.shape[a] for a in axes) - correction, 0)
    if not freedom:
        freedom = jnp.zeros((), x.real.dtype)
    value = _variance(x, axes, freedom)
    if root:
        flat = value == 0           # the deviation of equal numbers: 0, with gradient 0
        value = jnp.where(flat, 0, jnp.sqrt(jnp.where(flat, 1, value)))
    return value, axes, x


def _finish(value: Array, axes: tuple[int, ...], keepdim: bool, input: Array) -> Array:
    value = value if keepdim else jnp.squeeze(value, axes)
    return value.astype(input.dtype) if input.dtype.itemsize == 2 else value


def _samples(t: object) -> list:
    return [((t(3, 4), None, 1, False), {}), ((t(2, 3, 4), (0, 2), 0, True), {})]


@op(name="_var", forms="", rule="VarBackward0", samples=_samples)
def var_op(input: Array, dim: Dims | None, correction: float, keepdim: bool) -> Array:
    """The sum of squared distances from the mean over `dim`, divided by their number less `correction`."""
    value, axes, _ = _spread(input, dim, correction, False)
    return _finish(value, axes, keepdim, input)


@op(name="_std", forms="", rule="StdBackward0", samples=_samples)
def std_op(input: Array, dim: Dims | None, correction: float, keepdim: bool) -> Array:
    """The square root of the variance; its gradient is 0 where it is 0."""
    value, axes, _ = _spread(input, dim, correction, True)
    return _finish(value, axes, keepdim, input)


def _with_mean(input: Array, dim: Dims | None, correction: float, keepdim: bool, root: bool) -> tuple[Array, Array]:
    value, axes, x = _spread(input, dim, correction, root, "std_mean" if root else "var_mean")
    middle = jnp.mean(x, axis=axes, keepdims=keepdim)
    return _finish(value, axes, keepdim, input), middle.astype(input.dtype)


@op(name="_var_mean", forms="", rule="VarMeanBackward0", samples=_samples)
def var_mean_op(input: Array, dim: Dims | None, correction: float, keepdim: bool) -> tuple[Array, Array]:
    """The variance and the mean over `dim`."""
    return _with_mean(input, dim, correction, keepdim, False)


@op(name="_std_mean", forms="", rule="StdMeanBackward0", samples=_samples)
def std_mean_op(input: Array, dim: Dims | None, correction: float, keepdim: bool) -> tuple[Array, Array]:
    """The standard deviation and the mean over `dim`."""
    return _with_mean(input, dim, correction, keepdim, True)


def _called(t: Any, name: str, input: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None) -> Any:
    """The op of `name` in the three ways to call it: (unbiased), (dim, unbiased), (dim, correction=); torch's warning where so few
    elements have no variance."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    found = getattr(t, f"_{name}")(input, dim, correction, keepdim)
    shape = input.shape
    averaged = [shape[d] for d in (dim if isinstance(dim, (tuple, list)) else (dim,))] if shape and dim is not None else ()
    if 0 in shape or prod(averaged or shape) <= correction:
        warn(f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel "
             "divided by output numel).")
    return found


@composite(forms="function method out")
def var(t: Any, input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: float | None = None) -> Any:
    """The variance over `dim`; `correction` (1) is taken from the number of elements."""
    return _called(t, "var", input, dim, unbiased, keepdim, correction)


@composite(forms="function method out")
def std(t: Any, input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: float | None = None) -> Any:
    """The standard deviation over `dim`; `correction` (1) is taken from the number of elements."""
    return _called(t, "std", input, dim, unbiased, keepdim, correction)


@composite(forms="function")
def var_mean(t: Any, input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> Any:
    """The variance and the mean over `dim`."""
    return _called(t, "var_mean", input, dim, unbiased, keepdim, correction)


@composite(forms="function")
def std_mean(t: Any, input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> Any:
    """The standard deviation and the mean over `dim`."""
    return _called(t, "std_mean", input, dim, unbiased, keepdim, correction)
