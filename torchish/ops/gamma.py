"""The gamma function's logarithm, its derivatives and the incomplete gamma function, as pure functions with their gradients.

In: real arrays.  Out: log |gamma|, digamma, the Hurwitz zeta function (which all higher derivatives are), P and Q.
JAX's own derivatives of digamma are wrong for negative numbers.
"""
from __future__ import annotations

from math import factorial

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .precision import in_wide

__all__ = ["digamma", "hurwitz", "incomplete", "lgamma", "polygamma", "trigamma"]


# (2 j)! / B(2 j) of the Bernoulli numbers: divisors of the corrections in Euler and Maclaurin's formula
_DIVISORS = [factorial(2 * j) * q / p for j, (p, q) in enumerate(
    ((1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330),
     (854513, 138), (-236364091, 2730)), 1)]


@jax.custom_jvp
def hurwitz(s: jax.Array, q: jax.Array) -> jax.Array:
    """The sum of (k + q) ** -s: terms until k + q is above 9, the rest by Euler and Maclaurin's formula.

    inf at s = 1 and where q is a whole number below 1; NaN for s < 1 and where a negative number has a broken power.
    """
    x, start = s.astype(jnp.float64), q.astype(jnp.float64)
    pole = (start <= 0) & (start == jnp.floor(start))
    fine = ~pole & (x > 1) & ((start > 0) | (x == jnp.floor(x))) & (start > -1e4)
    a, x_ = jnp.where(fine, start, 1.0), jnp.where(fine, x, 2.0)

    def more(state: tuple) -> jax.Array:
        return jnp.any((state[0] < 9) | (state[1] <= 9))

    def step(state: tuple) -> tuple:
        i, a, total = state
        go = (i < 9) | (a <= 9)
        return i + 1, jnp.where(go, a + 1, a), total + jnp.where(go, a ** -x_, 0)

    _, a, total = lax.while_loop(more, step, (0, a, jnp.zeros_like(a)))
    power = a ** -x_
    total = total + power * a / (x_ - 1) + power / 2
    factor, power = x_, power / a
    for j, divisor in enumerate(_DIVISORS):
        total = total + factor * power / divisor
        factor = factor * (x_ + 2 * j + 1) * (x_ + 2 * j + 2)
        power = power / (a * a)
    limit = jnp.where(x == 1, jnp.inf, jnp.where(~(x >= 1), jnp.nan, jnp.where(pole, jnp.inf, jnp.nan)))
    return jnp.where(fine, total, limit).astype(s.dtype)


@hurwitz.defjvp
def _hurwitz_jvp(primals: tuple, tangents: tuple) -> tuple:
    (s, q), (_, dq) = primals, tangents         # torch has no derivative by s
    return hurwitz(s, q), -s * hurwitz(s + 1, q) * dq


@jax.custom_jvp
def digamma(x: jax.Array) -> jax.Array:
    """The derivative of log gamma; at 0 the infinity of the other sign."""
    return jnp.where(x == 0, -jnp.copysign(jnp.inf, x), special.digamma(x))


@digamma.defjvp
def _digamma_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return digamma(x), trigamma(x) * dx


@jax.custom_jvp
def lgamma(x: jax.Array) -> jax.Array:
    """log |gamma(x)|; exactly 0 at 1 and 2, where the approximation is some units off."""
    return jnp.where((x == 1) | (x == 2), 0, special.gammaln(x))


@lgamma.defjvp
def _lgamma_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return lgamma(x), digamma(x) * dx


@jax.custom_jvp
def trigamma(x: jax.Array) -> jax.Array:
    """The derivative of digamma; below 1/2 by reflection in the type of `x`, so that its poles are as high as torch's."""
    low = x < 0.5
    sine = jnp.sin(jnp.asarray(jnp.pi, x.dtype) * x)
    mirrored = hurwitz(jnp.full_like(x, 2), jnp.where(low, 1 - x, x))
    return jnp.where(low, jnp.asarray(jnp.pi ** 2, x.dtype) / (sine * sine) - mirrored, mirrored)


@trigamma.defjvp
def _trigamma_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return trigamma(x), -2 * hurwitz(jnp.full_like(x, 3), x) * dx


def polygamma(n: int, x: jax.Array) -> jax.Array:
    """The n-th derivative of digamma."""
    if n < 2:
        return in_wide(trigamma)(x) if n else digamma(x)
    return (-1) ** (n + 1) * factorial(n) * hurwitz(jnp.full_like(x, n + 1), x)


HUGE = 1e6      # from here on the two leading terms of the expansion are as exact as a double; JAX's sums take sqrt(a) turns


def incomplete(a: jax.Array, x: jax.Array, upper: bool) -> jax.Array:
    """The regularised incomplete gamma function, P(a, x) or Q(a, x) where `upper`; of infinite `a` its limit.

    Computed in float64: a * log(x) - x - lgamma(a) cancels, and of large float32 leaves few digits.
    """
    dtype, a, x = a.dtype, a.astype(jnp.float64), x.astype(jnp.float64)
    endless, huge = jnp.isinf(a) & (a > 0), a > HUGE
    function = special.gammaincc if upper else special.gammainc
    usual = function(jnp.where(huge, 1, a), jnp.where(huge, 1, x))
    far = _uniform(jnp.where(huge & ~endless, a, HUGE), jnp.where(endless, HUGE, x), upper)
    limit = jnp.where((x == jnp.inf) | (x < 0), jnp.nan, float(upper))
    return jnp.where(endless, limit, jnp.where(huge, jnp.where(x < 0, jnp.nan, far), usual)).astype(dtype)


def _uniform(a: jax.Array, x: jax.Array, upper: bool) -> jax.Array:
    """P or Q of large `a` by Temme's uniform expansion (https://dlmf.nist.gov/8.12), its terms c0 and c1."""
    mu = jnp.clip((x - a) / a, -0.5, 1.0)       # beyond, all is 0 or 1
    near = jnp.abs(mu) < 0.05
    small, wide = jnp.where(near, mu, 0), jnp.where(near, 0.5, mu)
    ratio = jnp.where(near, jnp.polyval(jnp.array([(-1) ** k * 2 / (k + 2) for k in range(11, -1, -1)]), small),
                      2 * (wide - jnp.log1p(wide)) / wide ** 2)       # (eta / mu) ** 2
    eta = mu * jnp.sqrt(ratio)
    c0 = jnp.polyval(jnp.array([1 / 2835, 1 / 864, -2 / 135, 1 / 12, -1 / 3]), eta)
    rest = jnp.exp(-a * eta * eta / 2) / jnp.sqrt(2 * jnp.pi * a) * (c0 - 1 / (540 * a))
    sign = 1 if upper else -1
    return special.erfc(sign * eta * jnp.sqrt(a / 2)) / 2 + sign * rest
