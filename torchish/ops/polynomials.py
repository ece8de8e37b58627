"""Orthogonal polynomials: Chebyshev of four kinds and shifted, Hermite of two, Laguerre, Legendre.

In: the argument and the degree, broadcast (a degree is cut to an integer; below 0 the result is 0).  Out: a floating array,
computed in float64 by the recurrence of three terms.
Source: NIST Digital Library of Mathematical Functions, 18.9
"""
from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from .check import one_tensor
from .precision import need_full
from .table import Array, ArrayLike, op

# name -> (degree 1, the next degree from x, k, the one of degree k and the one before)
Recurrence = tuple[Callable, Callable]


def _chebyshev(first: Callable) -> Recurrence:
    return first, lambda x, k, p, q: 2 * x * p - q


POLYNOMIALS: dict[str, Recurrence] = {
    "chebyshev_polynomial_t": _chebyshev(lambda x: x),
    "chebyshev_polynomial_u": _chebyshev(lambda x: 2 * x),
    "chebyshev_polynomial_v": _chebyshev(lambda x: 2 * x - 1),
    "chebyshev_polynomial_w": _chebyshev(lambda x: 2 * x + 1),
    "hermite_polynomial_h": (lambda x: 2 * x, lambda x, k, p, q: 2 * x * p - 2 * k * q),
    "hermite_polynomial_he": (lambda x: x, lambda x, k, p, q: x * p - k * q),
    "laguerre_polynomial_l": (lambda x: 1 - x, lambda x, k, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
    "legendre_polynomial_p": (lambda x: x, lambda x, k, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}
POLYNOMIALS |= {f"shifted_{name}": (lambda x, first=first: first(2 * x - 1),
                                    lambda x, k, p, q, after=after: after(2 * x - 1, k, p, q))
                for name, (first, after) in POLYNOMIALS.items() if name.startswith("chebyshev")}


def evaluate(recurrence: Recurrence, x: jax.Array, n: jax.Array) -> jax.Array:
    """The polynomial of degree n at x: the recurrence runs to the largest degree, each place keeps its own."""
    first, after = recurrence
    x, n = jnp.broadcast_arrays(x.astype(jnp.float64), jnp.trunc(n.astype(jnp.float64)))
    one = jnp.ones_like(x)

    def step(state: tuple) -> tuple:
        k, p, q, kept = state
        p, q = after(x, k, p, q), p
        return k + 1, p, q, jnp.where(n == k + 1, p, kept)
    start = (jnp.float64(1), first(x), one, jnp.where(n < 0, 0, jnp.where(n == 0, one, first(x))))
    last = jnp.max(n, initial=0)
    return lax.while_loop(lambda state: state[0] < last, step, start)[3]


def _declare(name: str, recurrence: Recurrence) -> None:
    limit = {"float32": 128, "float64": 512} if name.startswith("hermite") else {}

    @op(name=f"special_{name}", promote="float", forms="special out", differentiable=False, check=one_tensor(f"special_{name}"),
        samples=lambda t: [((t(3, 4), t(4, dtype="int64", low=-1, high=9)), {}), ((t(3), 5), {})])
    def polynomial(x: ArrayLike, n: ArrayLike) -> Array:
        argument, degree = jnp.asarray(x), jnp.asarray(n)
        need_full(f"{name}_cpu", argument)
        value = evaluate(recurrence, argument, degree)
        if name.startswith("hermite"):      # torch gives up beyond these degrees
            value = jnp.where(jnp.trunc(degree) > limit.get(argument.dtype.name, 128), jnp.nan, value)
        return value.astype(argument.dtype)
    polynomial.doc = f"The polynomial of degree n of the family {name.replace('_', ' ')}."


for _name, _recurrence in POLYNOMIALS.items():
    _declare(_name, _recurrence)
