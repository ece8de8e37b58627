"""Bessel and Airy functions, from integrals that the trapezoid rule sums to the last digit.

In: floating arrays (integers are cast to the default floating dtype).  Out: the same shape, computed in float64.
Sources: NIST Digital Library of Mathematical Functions, 9.5, 10.8, 10.9, 10.32; L. N. Trefethen and J. A. C. Weideman, The
exponentially convergent trapezoidal rule, 2014.
"""
from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from .precision import need_full
from .table import Array, op

__all__ = ["bessel_j"]

FEW = 20            # terms of a power series in x^2 / 4 below 1


def _hankel(x: jax.Array, order: int) -> jax.Array:
    """H1 of order 0 or 1 for x >= 2: the integral of exp(-s^2) s^(2 n) (1 + i s^2 / (2 x))^(n - 1/2) over all s."""
    step = 0.15
    s = np.arange(-6.3, 6.31, step)
    square = s * s
    inner = (1 + 0.5j * square / x[..., None]) ** (order - 0.5)
    total = jnp.sum(np.exp(-square) * square ** order * inner, axis=-1) * step / math.gamma(order + 0.5)
    phase = x - (order / 2 + 0.25) * math.pi
    return jnp.sqrt(2 / (math.pi * x)) * jnp.exp(1j * phase) * total


def bessel_j(x: jax.Array, order: int) -> jax.Array:
    """J0 or J1: near 0 the mean of cos(n s - x sin s) over half a period, which is periodic; beyond, the Hankel function."""
    near = jnp.abs(x) < 8
    s = (np.arange(32) + 0.5) * (math.pi / 32)
    inner = jnp.where(near, x, 0)[..., None] * np.sin(s)
    # for order 1 by the odd part alone, so that 0 gives 0
    close = jnp.mean(np.sin(s) * jnp.sin(inner) if order else jnp.cos(inner), axis=-1)
    far = _hankel(jnp.where(near, 8, jnp.abs(x)), order).real
    far = jnp.where(x < 0, -far, far) if order else far
    return jnp.where(near, close, far)          # NaN at infinity, as in torch


def _y(x: jax.Array, order: int) -> jax.Array:
    """Y0 or Y1: the power series with its logarithm below 2, the Hankel function beyond; NaN below 0."""
    near = x < 2
    small = jnp.where(near & (x > 0), x, 1)
    quarter, log = small * small / 4, jnp.log(small / 2) + np.euler_gamma
    k = np.arange(FEW)
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, FEW + 1))])
    squares = np.array([math.factorial(i) * math.factorial(i + order) for i in k], float)
    signs = (-1.0) ** k / squares
    powers = quarter[..., None] ** k
    if order == 0:
        close = (log * jnp.sum(powers * signs, -1) - jnp.sum(powers * signs * harmonic[:-1], -1)) * 2 / math.pi
    else:
        half = small / 2
        inner = 2 * log * jnp.sum(powers * signs, -1) - jnp.sum(powers * signs * (harmonic[:-1] + harmonic[1:]), -1)
        close = (half * inner - 1 / half) / math.pi
    far = _hankel(jnp.where(near, 2, x), order).imag
    value = jnp.where(near, close, far)
    return jnp.where(x == 0, -jnp.inf, jnp.where(x < 0, jnp.nan, value))


def _scaled_k(x: jax.Array, order: int) -> jax.Array:
    """exp(x) K0(x) or exp(x) K1(x): the integral of exp(-x (cosh t - 1)) cosh(n t); their first terms near 0; NaN below 0."""
    tiny = x < 1e-9
    safe = jnp.where(tiny, 1, x)
    points = np.arange(161)
    last = jnp.arccosh(1 + 700 / safe)          # beyond it nothing is left of the integrand
    t = last[..., None] * (points / 160)
    # 2 sinh(t/2)^2 is cosh(t) - 1 without its cancellation
    kept = jnp.exp(-2 * safe[..., None] * jnp.sinh(t / 2) ** 2) * np.where(points == 0, 0.5, 1.0)
    total = jnp.sum(kept * jnp.cosh(order * t), axis=-1) * last / 160
    start = jnp.where(tiny & (x > 0), x, 1)
    first = 1 / start if order else -jnp.log(start / 2) - np.euler_gamma
    value = jnp.where(jnp.isinf(x), 0, jnp.where(tiny, first, total))
    return jnp.where(x == 0, jnp.inf, jnp.where(x < 0, jnp.nan, value))


def _k(x: jax.Array, order: int) -> jax.Array:
    return _scaled_k(x, order) * jnp.exp(-jnp.maximum(x, 0))


def _airy(x: jax.Array) -> jax.Array:
    """Ai(x): on a shifted contour down to -4, from the Hankel function of order 1/3 below."""
    near = x > -4
    right = jnp.where(near, x, 0)
    c = jnp.sqrt(jnp.maximum(right, 1))
    r = np.arange(-6.3, 6.31, 0.1)
    wave = r ** 3 / (3 * c[..., None] ** 1.5) + ((right - c * c) / jnp.sqrt(c))[..., None] * r
    total = jnp.sum(np.exp(-r * r) * jnp.cos(wave), axis=-1) * 0.1
    close = jnp.exp(c ** 3 / 3 - right * c) * total / (2 * math.pi * jnp.sqrt(c))
    left = jnp.where(near, 4, -x)
    zeta = 2 / 3 * left * jnp.sqrt(left)
    t = np.arange(-45, 4.5, 0.2)
    inner = (1 + 0.5j * np.exp(t) / zeta[..., None]) ** (-1 / 6)
    total = jnp.sum(np.exp(5 / 6 * t - np.exp(t)) * inner, axis=-1) * 0.2 / math.gamma(5 / 6)
    turned = jnp.exp(1j * (zeta - math.pi / 4)) * total         # the phase of order 1/3 and that of the sum cancel
    return jnp.where(near, close, turned.real / (math.sqrt(math.pi) * left ** 0.25))


def _declare(name: str, value: object, doc: str) -> None:
    first = {"function.input": "x"} if name.startswith(("airy", "scaled")) else None     # torch has two names for it

    @op(name=f"special_{name}", promote="float", forms="special out", differentiable=False, names=first,
        samples=lambda t: [((t(3, 4, low=0.1, high=30),), {}), ((t(8, low=-3, high=3),), {})])
    def function(input: Array) -> Array:
        need_full(f"{name}_cpu", input)
        return value(input.astype(jnp.float64)).astype(input.dtype)     # type: ignore[operator]
    function.doc = doc


_declare("bessel_j0", lambda x: bessel_j(x, 0), "The Bessel function of the first kind of order 0.")
_declare("bessel_j1", lambda x: bessel_j(x, 1), "The Bessel function of the first kind of order 1.")
_declare("bessel_y0", lambda x: _y(x, 0), "The Bessel function of the second kind of order 0.")
_declare("bessel_y1", lambda x: _y(x, 1), "The Bessel function of the second kind of order 1.")
_declare("modified_bessel_i0", special.i0, "The modified Bessel function of the first kind of order 0.")
_declare("modified_bessel_i1", special.i1, "The modified Bessel function of the first kind of order 1.")
_declare("modified_bessel_k0", lambda x: _k(x, 0), "The modified Bessel function of the second kind of order 0.")
_declare("modified_bessel_k1", lambda x: _k(x, 1), "The modified Bessel function of the second kind of order 1.")
_declare("scaled_modified_bessel_k0", lambda x: _scaled_k(x, 0), "exp(x) modified_bessel_k0(x).")
_declare("scaled_modified_bessel_k1", lambda x: _scaled_k(x, 1), "exp(x) modified_bessel_k1(x).")
_declare("airy_ai", _airy, "The Airy function Ai.")
