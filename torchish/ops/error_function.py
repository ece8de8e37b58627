"""The error function, as a pure function with its gradient.

In: real arrays.  Out: erf, which never leaves [-1, 1]: XLA's float32 one does, and a probability made of it is then refused.
"""
from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy import special

__all__ = ["erf"]

_ONE_FROM = 3.92        # what erf is from here on rounds to 1 in float32


@jax.custom_jvp
def erf(x: jax.Array) -> jax.Array:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `x`."""
    value = special.erf(x)
    if value.dtype == jnp.float64:
        return value
    return jnp.where(jnp.abs(x) >= _ONE_FROM, jnp.sign(x), jnp.clip(value, -1, 1)).astype(value.dtype)


@erf.defjvp
def _erf_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return erf(x), (2 / math.sqrt(math.pi)) * jnp.exp(-x * x) * dx
