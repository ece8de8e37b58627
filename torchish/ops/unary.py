"""Elementary functions of one array.

In: floating arrays (integers are cast to the default floating dtype, except where rounding).  Out: the same shape.
"""
from __future__ import annotations

from collections.abc import Callable
from math import log

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .error_function import erf
from .gamma import digamma, lgamma
from .into import AS_INPUT
from .precision import in_wide, inexact, is_float, need_inexact, need_real, no_bool, real_only, unlike, wide
from .rules import by_attribute
from .table import Array, Number, alias, cast, op, unary


def _within(low: float, high: float) -> object:
    return lambda t: [((t(3, 4, low=low, high=high),), {})]


_positive, _ratio, _special = _within(0.1, 3.0), _within(-0.9, 0.9), "function method out special"

def _no_complex(name: str, factor: float) -> Callable:
    """Multiplication by a number; complex input is refused."""
    def body(x: Array) -> Array:
        need_real(f"{name} is not supported for complex tensors.", x, RuntimeError)
        return in_wide(lambda y: y * factor)(x)
    return body


def _real(name: str, fn: Callable) -> Callable:
    """A function that has no complex form."""
    def body(x: Array) -> Array:
        need_real(f"{name}_vml_cpu", x)
        return fn(x)
    return body


def _mirrored(fn: Callable, odd: bool = False) -> Callable:
    """`fn`, of complex numbers on the side of its cut that the sign of a zero tells, which XLA does not look at: f(conj(z)) is
    conj(f(z)), and f(-z) is -f(z) where it is `odd` and the cut lies on the imaginary axis."""
    def body(x: Array) -> Array:
        if not jnp.iscomplexobj(x):
            return fn(x)
        below, turn = (jnp.signbit(x.real), jnp.negative) if odd else (jnp.signbit(x.imag), jnp.conj)
        value = fn(jnp.where(below, turn(x), x))
        return jnp.where(below, turn(value), value)
    return body


def _exp2(x: Array) -> Array:
    # jnp multiplies by a complex logarithm, which is not a number at infinity
    return jnp.exp(lax.complex(x.real * log(2), x.imag * log(2))) if jnp.iscomplexobj(x) else in_wide(jnp.exp2)(x)


def _erfinv(x: Array) -> Array:
    """In float64: of float32 XLA is off by up to 12 units in the last place, and weights begin from it (`trunc_normal_`)."""
    return special.erfinv(x.astype(jnp.float64)).astype(x.dtype)


unary("exp", jnp.exp, doc="e ** input.", autocast="float cuda")
unary("exp2", _exp2, forms=_special, doc="2 ** input.")
unary("expm1", in_wide(jnp.expm1), forms=_special, doc="e ** input - 1, precise near 0.", autocast="float cuda")
unary("log", jnp.log, samples=_positive, doc="The natural logarithm.", autocast="float cuda")
unary("log2", in_wide(jnp.log2), samples=_positive, doc="The logarithm to base 2.", autocast="float cuda")
unary("log10", in_wide(jnp.log10), samples=_positive, doc="The logarithm to base 10.", autocast="float cuda")
unary("log1p", in_wide(jnp.log1p), forms=_special, samples=_positive, rule="Log1PBackward0",
      doc="log(1 + input), precise near 0.", autocast="float cuda")
unary("sqrt", _mirrored(jnp.sqrt), samples=_positive, doc="The square root; NaN for negative numbers.")
unary("sin", jnp.sin, doc="The sine.")
unary("cos", jnp.cos, doc="The cosine.")
unary("tan", in_wide(jnp.tan), samples=_ratio, doc="The tangent.", autocast="float cuda")
unary("asin", _mirrored(jnp.arcsin), samples=_ratio, doc="The inverse sine, in [-pi/2, pi/2].", autocast="float cuda")
unary("acos", _mirrored(jnp.arccos), samples=_ratio, doc="The inverse cosine, in [0, pi].", autocast="float cuda")
unary("atan", _mirrored(jnp.arctan, odd=True), doc="The inverse tangent, in [-pi/2, pi/2].")
unary("sinh", jnp.sinh, doc="The hyperbolic sine.", autocast="float cuda")
unary("cosh", jnp.cosh, doc="The hyperbolic cosine.", autocast="float cuda")
unary("tanh", jnp.tanh, doc="The hyperbolic tangent.")
unary("asinh", in_wide(_mirrored(jnp.arcsinh, odd=True)), doc="The inverse hyperbolic sine.")
unary("acosh", _mirrored(jnp.arccosh), samples=_within(1.1, 3.0), doc="The inverse hyperbolic cosine.")
unary("atanh", _mirrored(jnp.arctanh), samples=_ratio, doc="The inverse hyperbolic tangent.")
unary("sigmoid", in_wide(lax.logistic), doc="1 / (1 + exp(-input)).")
unary("erf", _real("erf", erf), forms=_special, doc="The error function.")
unary("erfc", _real("erfc", special.erfc), forms=_special, doc="1 - erf(input).")
unary("erfinv", _real("erfinv", _erfinv), forms=_special, samples=_ratio, doc="The inverse of erf.", autocast="float cuda")
unary("lgamma", _real("lgamma", lgamma), samples=_positive, doc="log |gamma(input)|.")
unary("sinc", in_wide(jnp.sinc), forms=_special, doc="sin(pi x) / (pi x), 1 at 0.")
unary("deg2rad", _no_complex("deg2rad", jnp.pi / 180), saves=False, rule="Deg2RadBackward0", doc="Degrees as radians.")
unary("rad2deg", _no_complex("rad2deg", 180 / jnp.pi), saves=False, rule="Rad2DegBackward0", doc="Radians as degrees.")
unary("digamma", real_only("digamma", digamma), forms=_special,
      samples=_positive, doc="The derivative of log gamma.")


def _rounded(name: str, fn: object, doc: str) -> None:
    """An op that rounds; integers stay as they are."""
    def body(x: Array) -> Array:
        no_bool(f"{name}_vml_cpu", x)
        need_real(f"{name} is not supported for complex inputs", x)
        return fn(x) if inexact(x) else x
    unary(name, body, promote=None, saves=False, into=AS_INPUT, doc=doc)


_rounded("ceil", jnp.ceil, "The smallest whole number not below input.")
_rounded("floor", jnp.floor, "The largest whole number not above input.")
_rounded("trunc", jnp.trunc, "The whole part, toward 0.")


@op(name="round", strides="elementwise", forms=_special, inplace=True, saves=False, rule=by_attribute("Round", "decimals", 1, 0),
    into=AS_INPUT)
def round_(input: Array, *, decimals: int = 0) -> Array:
    """The nearest number of `decimals` digits; halves go to the even one."""
    kernel = "round_cpu" if decimals else "round_vml_cpu"
    no_bool(kernel, input)
    need_real(kernel, input)
    if not is_float(input):
        if decimals:
            raise unlike("round_cpu", input)
        return input
    if decimals == 0:
        return jnp.round(input)
    scale = 10.0 ** abs(decimals)
    return jnp.round(input * scale) / scale if decimals > 0 else jnp.round(input / scale) * scale


@op(strides="elementwise", inplace=True, saves=False, into=AS_INPUT)
def frac(input: Array) -> Array:
    """input - trunc(input)."""
    need_inexact("frac_cpu", input)
    need_real("frac_cpu", input)
    return input - jnp.trunc(input)


@jax.custom_jvp
def _logit(x: jax.Array) -> jax.Array:
    return jnp.log(x / (1 - x))


@_logit.defjvp
def _logit_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    outside = (x < 0) | (x > 1)         # where there is no value torch gives no gradient either
    return _logit(x), dx * jnp.where(outside, jnp.nan, 1 / (x * (1 - x))).astype(x.dtype)


@op(promote="float", forms=_special, inplace=True, samples=_within(0.1, 0.9))
def logit(input: Array, eps: Number | None = None) -> Array:
    """log(x / (1 - x)); with `eps`, x is limited to [eps, 1 - eps] first and has gradient 0 outside."""
    need_real("logit_cpu", input)
    if eps is None:
        return in_wide(_logit)(input)
    y = wide(input)
    low = cast(eps, y.dtype)
    high = 1 - low
    x = jnp.where(y < low, low, jnp.where(y > high, high, y))
    return jnp.log(x / (1 - x)).astype(input.dtype)


alias("asin", "arcsin")
alias("acos", "arccos")
alias("atan", "arctan")
alias("asinh", "arcsinh")
alias("acosh", "arccosh")
alias("atanh", "arctanh")
alias("trunc", "fix")
alias("sigmoid", "expit", forms="special")
alias("lgamma", "gammaln", forms="special")
alias("digamma", "psi", forms="special")
