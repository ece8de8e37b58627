"""Choosing between values, element by element: maximum, clamp, where, nan_to_num.

In: arrays cast to torch's common dtype.  Out: for each element one of them; the gradient goes to the chosen one.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ..scalar import converted
from .into import BESIDE_NUMBERS, Into
from .precision import dtype_name, inexact, is_float, known, need_real, no_bool
from .rules import by_operand
from .table import Array, ArrayLike, Mask, Number, alias, cast, op


def _real(name: str) -> Callable:
    """Refuses complex numbers as torch's elementwise extremes do."""
    def check(*kinds: str) -> None:
        if any(k.startswith("complex") for k in kinds):
            raise RuntimeError(f"{name} not implemented for complex tensors.")
    return check


def _clampable(*kinds: str | None) -> None:
    if any(k is not None and k.startswith("complex") for k in kinds):
        raise NotImplementedError("clamp is not supported for complex types")


def _clampable_by_numbers(input: str, bound: str) -> None:
    # between tensors torch takes the maximum or minimum, which words this otherwise
    if bound in ("int", "float", "bool"):
        _clampable(input)


def _of_two(largest: bool, x: Array, y: Array) -> Array:
    return jnp.maximum(x, y) if largest else jnp.minimum(x, y)


_extreme = jax.custom_jvp(_of_two, nondiff_argnums=(0,))


def _extreme_jvp(largest: bool, primals: tuple, tangents: tuple) -> tuple:
    # jnp gives nothing to either where one is NaN
    (x, y), (dx, dy), value = primals, tangents, _extreme(largest, *primals)
    change, share = jnp.zeros_like(value), jnp.where(x == y, 0.5, 1).astype(value.dtype)
    if not isinstance(dx, SymbolicZero):
        change += jnp.where(x < y if largest else y < x, 0, share * dx)
    if not isinstance(dy, SymbolicZero):
        change += jnp.where(y < x if largest else x < y, 0, share * dy)
    return value, change


_extreme.defjvp(_extreme_jvp, symbolic_zeros=True)


@op(promote="arith", check=_real("maximum"))
def maximum(input: Array, other: Array) -> Array:
    """The larger of both; NaN if either is; a tie shares the gradient equally, and where one is NaN both get it."""
    return _extreme(True, *jnp.broadcast_arrays(input, other)) if is_float(input) else _of_two(True, input, other)


@op(promote="arith", check=_real("minimum"))
def minimum(input: Array, other: Array) -> Array:
    """The smaller of both; NaN if either is; a tie shares the gradient equally, and where one is NaN both get it."""
    return _extreme(False, *jnp.broadcast_arrays(input, other)) if is_float(input) else _of_two(False, input, other)


@op(promote="arith", check=_real("fmax"))
def fmax(input: Array, other: Array) -> Array:
    """The larger of both; NaN only if both are; a tie gives the gradient to `input`."""
    return jnp.where((input >= other) | _isnan(other), input, other)


@op(promote="arith", check=_real("fmin"))
def fmin(input: Array, other: Array) -> Array:
    """The smaller of both; NaN only if both are; a tie gives the gradient to `input`."""
    return jnp.where((input <= other) | _isnan(other), input, other)


def _isnan(x: Array) -> Array:
    return jnp.isnan(x) if inexact(x) else jnp.zeros(x.shape, bool)


def _still(x: Array) -> Array:
    """`x`, to which no gradient goes where it is NaN."""
    return jnp.where(jnp.isnan(x), lax.stop_gradient(x), x)


def _at_least(x: Array, bound: Array) -> Array:
    # the condition is turned so that x itself (gradient 1) comes out at the bound, and a NaN on either side stays
    if not is_float(x):
        return jnp.where(x < bound, bound, x)
    return jnp.where((x < bound) | jnp.isnan(bound), _still(bound), _still(x))


def _at_most(x: Array, bound: Array) -> Array:
    if not is_float(x):
        return jnp.where(x > bound, bound, x)
    return jnp.where((x > bound) | jnp.isnan(bound), _still(bound), _still(x))


def _look_at_bounds(input: Any, min: Any, max: Any) -> None:
    """Numbers that the integers of `input` cannot hold."""
    if all(bound is None or isinstance(bound, int) for bound in (min, max)):
        for bound in (min, max):
            if bound is not None:
                converted(bound, getattr(input.dtype, "np", input.dtype))


def _clamp_rule(avals: list, attributes: dict) -> str:
    return f"ClampBackward{0 if any(hasattr(a, 'shape') for a in avals[1:]) else 1}"


@op(promote="arith", inplace=True, check=_clampable, rule=_clamp_rule, look=_look_at_bounds, looks="whole",
    samples=lambda t: [((t(3, 4), -0.51, 0.52), {}), ((t(3, 4),), {"max": 0.3}),
                       ((t(3, 4), t(4, low=-3, high=-1), None), {})], into=BESIDE_NUMBERS)
def clamp(input: Array, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
    """input limited to [min, max]; `max` wins where min > max; the gradient at a bound is 1."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if min is not None and max is not None:
        no_bool("clamp_cpu" if known(min) is None or known(max) is None else "clamp_scalar_cpu", input)
    elif known(min if max is None else max) is not None:
        no_bool(f"clamp_{'min' if max is None else 'max'}_scalar_cpu", input)
    x = input if min is None else _at_least(input, min)
    return x if max is None else _at_most(x, max)


@op(promote="arith", inplace=True, check=_clampable_by_numbers, rule=by_operand("ClampMin", 1, 0), into=BESIDE_NUMBERS)
def clamp_min(input: Array, min: ArrayLike) -> Array:
    """input, where it is larger than `min`; else `min`."""
    need_real("maximum_cpu", input)
    if known(min) is not None:
        no_bool("clamp_min_scalar_cpu", input)
    return _at_least(input, min)


@op(promote="arith", inplace=True, check=_clampable_by_numbers, rule=by_operand("ClampMax", 1, 0), into=BESIDE_NUMBERS)
def clamp_max(input: Array, max: ArrayLike) -> Array:
    """input, where it is smaller than `max`; else `max`."""
    need_real("minimum_cpu", input)
    if known(max) is not None:
        no_bool("clamp_max_scalar_cpu", input)
    return _at_most(input, max)


@op(name="where", forms="function method", promote="arith",
    samples=lambda t: [((t(3, 4, dtype="bool"), t(3, 4), t(4)), {})],
    into=Into("Expected out type to be {want} but got {got}"))
def where_(condition: Mask, input: ArrayLike, other: ArrayLike) -> Array:
    """input where `condition` holds, else other; all three broadcast."""
    if condition.dtype == jnp.uint8:
        condition = condition != 0
    if condition.dtype != bool:
        raise RuntimeError("where expected condition to be a boolean tensor, but got a tensor with dtype "
                           f"{dtype_name(condition)}")
    return jnp.where(condition, input, other)


@op(strides="elementwise", inplace=True, samples=lambda t: [((t(3, 4),), {})],
    into=Into("nan_to_num: dtype of out: {got} should be same as input: {want}"))
def nan_to_num(input: Array, nan: Number | None = None, posinf: Number | None = None,
               neginf: Number | None = None) -> Array:
    """NaN replaced by `nan` (0), infinities by the largest and smallest finite numbers or the values given."""
    if not inexact(input):
        return input
    if not is_float(input):
        return jnp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)
    info = jnp.finfo(input.dtype)
    x = jnp.where(jnp.isnan(input), cast(0 if nan is None else nan, input.dtype), input)
    x = jnp.where(input == jnp.inf, cast(info.max if posinf is None else posinf, input.dtype), x)
    return jnp.where(input == -jnp.inf, cast(info.min if neginf is None else neginf, input.dtype), x)


alias("clamp", "clip")
