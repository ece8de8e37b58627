"""torch.special: gamma functions, Bessel functions, normal distribution, entropies.

In: floating arrays (integers are cast to the default floating dtype).  Out: the same shape.
Source: https://docs.pytorch.org/docs/stable/special.html
"""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .check import one_tensor, require
from .gamma import hurwitz, incomplete, lgamma
from .gamma import polygamma as derivative
from .into import Into
from .precision import is_float, need_float, need_full, need_real, real_only, wide
from .table import Array, ArrayLike, alias, composite, op, unary

S = "special out"


def _within(low: float, high: float) -> object:
    return lambda t: [((t(3, 4, low=low, high=high),), {})]


def _erfcx(x: jax.Array) -> jax.Array:
    """exp(x^2) erfc(x); from x = 10 on by its asymptotic series, where the product loses everything."""
    far = jnp.where(x > 10, x, 20.0)
    square = 2 * far * far
    term, total = jnp.ones_like(far), jnp.ones_like(far)
    for k in range(1, 13):
        term = -term * (2 * k - 1) / square
        total = total + term
    near = jnp.where(x > 10, 0.0, x)
    return jnp.where(x > 10, total / (far * math.sqrt(math.pi)), jnp.exp(near * near) * special.erfc(near))


@jax.custom_jvp
def erfcx_(x: jax.Array) -> jax.Array:
    """exp(x^2) erfc(x), with its derivative 2 x erfcx(x) - 2 / sqrt(pi)."""
    return _erfcx(x.astype(jnp.float64)).astype(x.dtype)


@erfcx_.defjvp
def _erfcx_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    y = erfcx_(x)
    return y, (2 * x * y - 2 / math.sqrt(math.pi)) * dx


@jax.custom_jvp
def _i0(x: jax.Array) -> jax.Array:
    return special.i0(x)


@jax.custom_jvp
def _i1(x: jax.Array) -> jax.Array:
    return special.i1(x)


@_i0.defjvp
def _i0_jvp(primals: tuple, tangents: tuple) -> tuple:
    """JAX goes through exp(|x|), whose slope at 0 is not that of i0."""
    (x,), (dx,) = primals, tangents
    return _i0(x), _i1(x) * dx


@_i1.defjvp
def _i1_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    zero = x == 0
    return _i1(x), (_i0(x) - jnp.where(zero, 0.5, _i1(x) / jnp.where(zero, 1, x))) * dx


def _log_ndtr(x: jax.Array) -> jax.Array:
    """JAX takes the logarithm of what is nearly 1, which loses all digits at 7."""
    near = jnp.where(x < -1, 0.0, x)
    return jnp.where(x < -1, special.log_ndtr(x), jnp.log1p(-special.erfc(near / math.sqrt(2)) / 2))


@jax.custom_jvp
def _entr(x: jax.Array) -> jax.Array:
    return jnp.where(x == 0, 0, special.entr(x))


@_entr.defjvp
def _entr_jvp(primals: tuple, tangents: tuple) -> tuple:
    """Below 0, where JAX has a constant, the slope is no number."""
    (x,), (dx,) = primals, tangents
    return _entr(x), (-jnp.log(x) - 1) * dx


def _declare(name: str, kernel: str, fn: Callable, doc: str, refuse: Callable = need_real, **options: Any) -> None:
    """A function of one real operand under torch.special."""
    unary(f"special_{name}", real_only(kernel, fn, refuse), inplace=False, forms=S, doc=doc, **options)


unary("i0", real_only("i0_vml_cpu", _i0), inplace=True, forms="function method out special",
      doc="The modified Bessel function of order 0.")
_declare("i0e", "i0e_cpu", special.i0e, "exp(-|x|) i0(x).", rule="SpecialI0EBackward0")
_declare("i1", "i1_cpu", _i1, "The modified Bessel function of order 1.")
_declare("i1e", "i1e_cpu", special.i1e, "exp(-|x|) i1(x).", rule="SpecialI1EBackward0")
_declare("ndtr", "erf_vml_cpu", special.ndtr, "The normal distribution function.", rule="MulBackward1")
_declare("ndtri", "ndtri_cpu", special.ndtri, "The inverse of ndtr.", need_full, samples=_within(0.1, 0.9))
_declare("log_ndtr", "log_ndtr_cpu", _log_ndtr, "log of the normal distribution function.", need_full)
_declare("erfcx", "erfcx_cpu", erfcx_, "exp(x^2) erfc(x).", need_full)
_declare("entr", "entr_cpu", _entr, "-x log x; 0 at 0, -inf below.", samples=_within(0.1, 3.0))


@op(promote="float", inplace=True, forms="function method out special", check=one_tensor("xlogy"),
    samples=lambda t: [((t(3, 4), t(3, 4, low=0.1, high=3, seed=1)), {})])
def xlogy(input: ArrayLike, other: ArrayLike) -> Array:
    """input * log(other); 0 where input is 0 and other is not NaN."""
    need_real("xlogy_cpu", input)
    return times_log(input, other, 0)


@op(name="special_xlog1py", promote="float", forms=S, check=one_tensor("special_xlog1py"), rule="SpecialXlog1PyBackward0",
    samples=lambda t: [((t(3, 4), t(3, 4, low=0.1, high=3, seed=1)), {})])
def xlog1py(input: ArrayLike, other: ArrayLike) -> Array:
    """input * log1p(other); 0 where input is 0 and other is not NaN."""
    need_real("xlog1py_cpu", input)
    return times_log(input, other, 1)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def times_log(x: jax.Array, y: jax.Array, shift: int) -> jax.Array:
    """x log(y + shift), 0 where x is 0 and y is not NaN."""
    nan, zero = jnp.isnan(y), x == 0
    value = x * (jnp.log1p if shift else jnp.log)(jnp.where(zero | nan, 1, y))
    return jnp.where(nan, jnp.nan, jnp.where(zero, 0, value)).astype(x.dtype)


@times_log.defjvp
def _times_log_jvp(shift: int, primals: tuple, tangents: tuple) -> tuple:
    (x, y), (dx, dy) = primals, tangents
    log = jnp.where((x == 0) & (y <= -shift), 0, (jnp.log1p if shift else jnp.log)(y)).astype(x.dtype)
    return times_log(x, y, shift), dx * log + dy * (x / (y + shift))


def _no_bool(kind: str | None) -> None:
    require(kind != "bool", "The input tensor may not be a boolean tensor.")


@op(strides=None, promote="float", inplace=True, check=_no_bool, samples=lambda t: [((t(3, 4, low=3, high=5),), {"p": 2})],
    into=Into("mvlgamma: result type {want} can't be cast to the desired output type {want}", "safe"))
def mvlgamma(input: Array, p: int) -> Array:
    """The logarithm of the multivariate gamma function of dimension `p`."""
    need_real("arange_cpu", input)
    require(p >= 1, "p has to be greater than or equal to 1")
    steps = (1 - jnp.arange(1, p + 1, dtype=input.dtype)) / 2
    return lgamma(input[..., None] + steps).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


alias("mvlgamma", "multigammaln", forms="special")


@op(promote="float", inplace=True, forms="function method out special", samples=lambda t: [((2, t(3, 4, low=0.5, high=3)), {})])
def polygamma(n: int, input: Array) -> Array:
    """The n-th derivative of digamma."""
    require(hasattr(n, "__index__"), f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}", TypeError)
    need_real({0: "digamma", 1: "trigamma"}.get(n, "polygamma"), input)
    require(n >= 0, "polygamma(n, x) does not support negative n.")
    return derivative(n, input)


@op(promote="arith", inplace=True, forms="function method out",
    underived={"input": "igamma: input"}, samples=lambda t: [((t(3, 4, low=0.5, high=3), t(3, 4, low=0.5, high=3, seed=1)), {})])
def igamma(input: Array, other: Array) -> Array:
    """The lower regularised incomplete gamma function P(input, other)."""
    need_float("igamma_cpu", input)
    return incomplete(input, other, upper=False)


@op(promote="arith", inplace=True, forms="function method out",
    underived={"input": "igammac: input"}, samples=lambda t: [((t(3, 4, low=0.5, high=3), t(3, 4, low=0.5, high=3, seed=1)), {})])
def igammac(input: Array, other: Array) -> Array:
    """The upper regularised incomplete gamma function Q(input, other)."""
    need_float("igammac_cpu", input)
    return incomplete(input, other, upper=True)


alias("igamma", "gammainc", forms="special")
alias("igammac", "gammaincc", forms="special")


@op(name="special_zeta", promote="float", forms=S, check=one_tensor("special_zeta"), underived={"input": "zeta"},
    samples=lambda t: [((t(3, 4, low=2, high=4), t(3, 4, low=1, high=3, seed=1)), {})])
def zeta(input: ArrayLike, other: ArrayLike) -> Array:
    """The Hurwitz zeta function: the sum of (k + other) ** -input."""
    need_full("zeta_cpu", input)
    return hurwitz(*jnp.broadcast_arrays(input, other))


def _spherical(x: jax.Array) -> jax.Array:
    near = jnp.abs(x) < 0.5
    square = jnp.where(near, x * x, 0)
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72)))
    away = jnp.where(near, 1, x)
    return jnp.where(jnp.isinf(x), 0, jnp.where(near, series, jnp.sin(away) / away))


@op(name="special_spherical_bessel_j0", promote="float", forms=S, differentiable=False)
def spherical_bessel_j0(x: Array) -> Array:
    """sin(x) / x, 1 at 0."""
    need_full("spherical_bessel_j0_cpu", x)
    return _spherical(x)


@composite(name="special_softmax", forms="special")
def softmax(t: Any, input: Any, dim: int, dtype: Any = None) -> Any:
    """torch.softmax."""
    return t.softmax(input, dim, dtype)


@composite(name="special_log_softmax", forms="special")
def log_softmax(t: Any, input: Any, dim: int, *, dtype: Any = None) -> Any:
    """torch.log_softmax."""
    return t.log_softmax(input, dim, dtype)


@composite(name="special_logsumexp", forms="special")
def logsumexp(t: Any, input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """torch.logsumexp."""
    return t.logsumexp(input, dim, keepdim, out=out)


@jax.custom_jvp
def _next(x: Array, y: Array) -> Array:
    # XLA has NaN beside infinity, and keeps the first of two zeros
    beside = jnp.isinf(x) & ~jnp.isnan(y)
    found = jnp.where(beside, jnp.copysign(jnp.finfo(x.dtype).max, x), jnp.nextafter(x, y))
    return jnp.where(x == y, y, found)


@_next.defjvp
def _next_jvp(primals: tuple, tangents: tuple) -> tuple:
    return _next(*primals), jnp.where(primals[0] == primals[1], 0, tangents[0])


@op(promote="arith", inplace=True, forms="function method out")
def nextafter(input: Array, other: Array) -> Array:
    """The next floating-point number after `input` towards `other`; the gradient is that of `input`, 0 where both are equal."""
    need_float("nextafter_cpu", input)
    return _next(*jnp.broadcast_arrays(input, other))


@op(strides="elementwise", returns=("mantissa", "exponent"), samples=lambda t: [((t(3, 4),), {})],
    into=Into("torch.frexp() expects mantissa to have dtype {want_c} but got {got_c}",
              later=("torch.frexp() expects exponent to have int dtype but got {got_c}",)))
def frexp(input: Array) -> tuple[Array, Array]:
    """Mantissa in [0.5, 1) and int32 exponent: input = mantissa * 2 ** exponent."""
    require(is_float(input), "torch.frexp() only supports floating-point dtypes")
    x = wide(input)      # the least numbers of half types are whole ones there
    mantissa, exponent = jnp.frexp(lax.stop_gradient(x))
    exponent = exponent.astype(jnp.int32)
    mantissa = jnp.where(jnp.isfinite(x) & (x != 0), mantissa, lax.stop_gradient(x))     # what has no mantissa is its own
    scale = jnp.exp2(-exponent.astype(x.dtype))
    scaled = x * jnp.where(jnp.isfinite(scale), scale, 0)       # the mantissa again, this time with its gradient
    mantissa = jnp.where(jnp.isfinite(mantissa) & (mantissa != 0), mantissa + (scaled - lax.stop_gradient(scaled)), mantissa)
    return mantissa.astype(input.dtype), exponent
