"""Bits and truth values.

In: integer or boolean arrays (any type for the logical ops).  Out: integers, or bool from the logical ops.
"""
from __future__ import annotations

import jax.numpy as jnp

from .check import one_tensor
from .into import AS_INPUT, CASTS
from .precision import inexact, no_bool, unlike
from .table import Array, ArrayLike, op


def _bits(t: object) -> list:
    return [((t(3, 4, dtype="int64", low=0, high=9), t(4, dtype="int64", low=0, high=9)), {}),
            ((t(3, dtype="bool"), True), {})]


def _shifts(t: object) -> list:
    return [((t(3, 4, dtype="int64", low=-9, high=9), t(4, dtype="int64", low=0, high=5)), {})]


def _whole(kernel: str, x: Array) -> None:
    if inexact(x):
        raise unlike(kernel, x)


@op(promote="arith", dunder="and", inplace=True, check=one_tensor("bitwise_and"), saves=False, samples=_bits)
def bitwise_and(input: ArrayLike, other: ArrayLike) -> Array:
    """The bits set in both."""
    _whole("bitwise_and_cpu", input)
    return input & other


@op(promote="arith", dunder="or", inplace=True, check=one_tensor("bitwise_or"), saves=False, samples=_bits)
def bitwise_or(input: ArrayLike, other: ArrayLike) -> Array:
    """The bits set in either."""
    _whole("bitwise_or_cpu", input)
    return input | other


@op(promote="arith", dunder="xor", inplace=True, check=one_tensor("bitwise_xor"), saves=False, samples=_bits)
def bitwise_xor(input: ArrayLike, other: ArrayLike) -> Array:
    """The bits set in one of both."""
    _whole("bitwise_xor_cpu", input)
    return input ^ other


@op(strides="elementwise", inplace=True, saves=False, samples=lambda t: [((t(3, dtype="bool"),), {})], into=AS_INPUT)
def bitwise_not(input: Array) -> Array:
    """Every bit turned; for bool the negation."""
    if inexact(input):
        raise unlike("bitwise_not_cpu", input)
    return ~input


@op(promote="arith", dunder="lshift", inplace=True, check=one_tensor("bitwise_left_shift"), saves=False, samples=_shifts)
def bitwise_left_shift(input: ArrayLike, other: ArrayLike) -> Array:
    """input * 2 ** other, by bits."""
    _whole("lshift_cpu", input)
    no_bool("lshift_cpu", input)
    return jnp.left_shift(input, other)


@op(promote="arith", dunder="rshift", inplace=True, check=one_tensor("bitwise_right_shift"), saves=False, samples=_shifts)
def bitwise_right_shift(input: ArrayLike, other: ArrayLike) -> Array:
    """floor(input / 2 ** other), by bits; the sign is kept."""
    _whole("rshift_cpu", input)
    no_bool("rshift_cpu", input)
    return jnp.right_shift(input, other)


@op(promote="compare", inplace=True, saves=False)
def logical_and(input: Array, other: Array) -> Array:
    """Whether both are nonzero."""
    return jnp.logical_and(input, other)


@op(promote="compare", inplace=True, saves=False)
def logical_or(input: Array, other: Array) -> Array:
    """Whether either is nonzero."""
    return jnp.logical_or(input, other)


@op(promote="compare", inplace=True, saves=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Whether one of both is nonzero."""
    return jnp.logical_xor(input, other)


@op(strides="elementwise", inplace=True, saves=False, into=CASTS)
def logical_not(input: Array) -> Array:
    """Whether input is zero."""
    return jnp.logical_not(input)
