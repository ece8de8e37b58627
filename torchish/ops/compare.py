"""Comparisons and tests of single elements: bool results, no gradient.

In: arrays, cast to the common dtype where there are two.  Out: bool arrays.
"""
from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .check import require
from .into import Into
from .precision import dtype_name, inexact, is_float, need_real
from .table import Array, ArrayLike, alias, cast, composite, op, unary


@op(promote="compare", dunder="eq", inplace=True, saves=False)
def eq(input: Array, other: ArrayLike) -> Array:
    """input == other."""
    return input == other


@op(promote="compare", dunder="ne", inplace=True, saves=False)
def ne(input: Array, other: ArrayLike) -> Array:
    """input != other."""
    return input != other


@op(promote="compare", dunder="lt", inplace=True, saves=False)
def lt(input: Array, other: ArrayLike) -> Array:
    """input < other."""
    need_real("lt_cpu", input)
    return input < other


@op(promote="compare", dunder="le", inplace=True, saves=False)
def le(input: Array, other: ArrayLike) -> Array:
    """input <= other."""
    need_real("le_cpu", input)
    return input <= other


@op(promote="compare", dunder="gt", inplace=True, saves=False)
def gt(input: Array, other: ArrayLike) -> Array:
    """input > other."""
    need_real("gt_cpu", input)
    return input > other


@op(promote="compare", dunder="ge", inplace=True, saves=False)
def ge(input: Array, other: ArrayLike) -> Array:
    """input >= other."""
    need_real("ge_cpu", input)
    return input >= other


@op(strides="elementwise", saves=False)
def isclose(input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    """|input - other| <= atol + rtol * |other|, or both equal; NaN is close to NaN only if `equal_nan`."""
    if input.dtype != other.dtype:
        raise RuntimeError(f"{dtype_name(input)} did not match {dtype_name(other)}")
    require(rtol >= 0, f"rtol must be greater than or equal to zero, but got {rtol}")
    require(atol >= 0, f"atol must be greater than or equal to zero, but got {atol}")
    close = input == other
    if equal_nan and inexact(input):
        close |= jnp.isnan(input) & jnp.isnan(other)
    a, b = (input, other) if inexact(input) else (input.astype(jnp.float64), other.astype(jnp.float64))
    gap = jnp.abs(a - b)
    allowed = cast(atol, gap.dtype) + jnp.abs(cast(rtol, gap.dtype) * b)
    return close | (jnp.isfinite(gap) & (gap <= allowed))


@composite()
def allclose(t: Any, input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether every element of input is close to that of other (see isclose)."""
    return bool(t.all(t.isclose(input, other, rtol, atol, equal_nan)))


def _boolean(name: str) -> Into:
    return Into(f"{name} does not support non-boolean outputs")


def _test(name: str, fn: Any, doc: str, into: Into | None = None) -> None:
    """A test that integers answer alike."""
    unary(name, fn, promote=None, inplace=False, saves=False, doc=doc, into=into)


def _infinite(name: str, value: float) -> Any:
    def body(x: Array) -> Array:
        need_real(f"{name} does not support complex inputs.", x, RuntimeError)
        return x == value if is_float(x) else jnp.zeros(x.shape, bool)
    return body


def _signbit(x: Array) -> Array:
    need_real("signbit is not implemented for complex tensors.", x)
    return jnp.signbit(x) if is_float(x) else x < 0


_test("isnan", lambda x: jnp.isnan(x) if inexact(x) else jnp.zeros(x.shape, bool), "Whether input is NaN.")
_test("isinf", lambda x: jnp.isinf(x) if inexact(x) else jnp.zeros(x.shape, bool), "Whether input is an infinity.")
_test("isfinite", lambda x: jnp.isfinite(x) if inexact(x) else jnp.ones(x.shape, bool),
      "Whether input is a finite number.")
_test("isposinf", _infinite("isposinf", jnp.inf), "Whether input is +infinity.", _boolean("isposinf"))
_test("isneginf", _infinite("isneginf", -jnp.inf), "Whether input is -infinity.", _boolean("isneginf"))
_test("isreal", lambda x: jnp.imag(x) == 0, "Whether the imaginary part is 0.")
_test("signbit", _signbit, "Whether the sign bit is set.", _boolean("signbit"))

alias("ne", "not_equal")
alias("lt", "less")
alias("le", "less_equal")
alias("gt", "greater")
alias("ge", "greater_equal")
