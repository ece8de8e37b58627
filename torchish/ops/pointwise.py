"""Arithmetic, element by element.

In: arrays already cast to torch's common dtype.  Out: their sum, product, quotient, power, ..., broadcast.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ..dtypes import c_type, from_numpy
from ..scalar import converted
from .check import broadcast_shapes, one_tensor, require
from .into import AS_INPUT, CASTS, InPlace, Into
from .precision import (
    in_wide,
    inexact,
    known,
    magnitude,
    need_float,
    need_inexact,
    need_real,
    no_bool,
    rounded_once,
    sgn,
    unlike,
    wide,
)
from .rules import by_attribute, by_operand
from .table import Array, ArrayLike, Number, alias, cast, op, unary

INTO_LDEXP = Into("ldexp can't be cast to the desired output type {got}", "safe")


def _scaled(alpha: Number, x: Array) -> Array:
    """alpha * x in the wide type of `x`; alpha is rounded to that of `x`, as torch has it."""
    if isinstance(alpha, bool) and x.dtype != bool:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and not inexact(x):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, complex) and not jnp.iscomplexobj(x):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number." if inexact(x) else
                           "For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, int) and alpha == 1:       # a Python number is a constant of the program
        return x
    return wide(cast(alpha, x.dtype)) * wide(x)


def _known_zero(x: ArrayLike) -> bool:
    """Whether an operand is a constant of the program, no integer and zero."""
    return isinstance(x, np.ndarray) and x.ndim == 0 and inexact(x) and not x


def _sum(x: Array, alpha: Number, y: Array, sign: int = 1) -> Array:
    """x + sign * alpha * y, rounded once."""
    if isinstance(alpha, int) and alpha == 1 and not isinstance(alpha, bool):
        if sign > 0 and (_known_zero(x) or _known_zero(y)):
            return x - (-y) if _known_zero(x) else y - (-x)     # XLA leaves `+ 0` out, which makes 0 of -0
        return x + y if sign > 0 else x - y
    scaled = _scaled(alpha, y)
    return (wide(x) + scaled if sign > 0 else wide(x) - scaled).astype(x.dtype)


@op(promote="arith", dunder="add", inplace=True, saves=False)
def add(input: ArrayLike, other: ArrayLike, *, alpha: Number = 1) -> Array:
    """input + alpha * other, broadcast."""
    return _sum(input, alpha, other)


BOOL_SUBTRACTION = ("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
                    "the `~` or `logical_not()` operator instead.")


TWO_BOOLS = ("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
             "instead.")


def refuse_bools(one: str, other: str) -> None:
    """torch's check of a subtraction."""
    if one == other == "bool":
        raise RuntimeError(TWO_BOOLS)
    if "bool" in (one, other):
        raise RuntimeError(BOOL_SUBTRACTION)


@op(promote="arith", dunder="sub", inplace=True, saves=False, check=refuse_bools)
def sub(input: ArrayLike, other: ArrayLike, *, alpha: Number = 1) -> Array:
    """input - alpha * other, broadcast."""
    return _sum(input, alpha, other, -1)


@op(promote="arith", saves=False, check=refuse_bools, rule=by_operand("Rsub", 0, 1))
def rsub(input: Array, other: ArrayLike, alpha: Number = 1) -> Array:
    """other - alpha * input, broadcast."""
    return _sum(other, alpha, input, -1)


@op(promote="arith", dunder="mul", inplace=True, wide_numbers=0)
def mul(input: ArrayLike, other: ArrayLike) -> Array:
    """input * other, broadcast."""
    return rounded_once(jnp.multiply, input, other)


def refuse_zero(input: Any, other: Any, *attributes: Any) -> None:
    """torch's refusal of integers divided by a zero that is known."""
    if other.__class__ in (int, bool):
        zero = not other
    else:
        zero = isinstance(other, np.ndarray) and other.size and not other.all()
    if zero and 0 not in getattr(input, "shape", ()):
        raise RuntimeError("ZeroDivisionError")


def _divisor(x: Array, y: Array) -> Array:
    """`y` as a divisor of `x`: XLA would multiply by the reciprocal of what is broadcast, which rounds twice."""
    shape = jnp.broadcast_shapes(jnp.shape(x), jnp.shape(y))
    if jnp.shape(y) == shape or not jnp.issubdtype(jnp.result_type(y), jnp.floating):
        return y
    return jnp.where(x == x, y, x)      # the quotient of what is not a number is none, either way


def _floored(x: Array, y: Array) -> Array:
    """floor(x / y) as torch has it: exact where x / y is rounded up to an integer, and with the sign of the quotient if zero."""
    if not inexact(x):
        return jnp.floor_divide(x, y)
    dtype, x, y = x.dtype, lax.stop_gradient(wide(x)), lax.stop_gradient(wide(y))
    x, y = jnp.broadcast_arrays(x, _divisor(x, y))
    rest = lax.rem(x, y)
    whole = (x - rest) / y
    whole = jnp.where((rest != 0) & ((y < 0) != (rest < 0)), whole - 1, whole)
    below = jnp.floor(whole)
    below = jnp.where(whole - below > 0.5, below + 1, below)
    plain = x / y
    return jnp.where(y == 0, plain, jnp.where(whole == 0, jnp.copysign(0, plain), below)).astype(dtype)


def _kept(quotient: Array) -> Array:
    """`quotient` as it is. Of (x / y) / z XLA makes x / (y * z), and of x / (y / z) (x * z) / y, if nothing stands between: these
    products overflow, and vanish, where the quotients do not."""
    if not jnp.issubdtype(quotient.dtype, jnp.floating):
        return quotient
    info = jnp.finfo(quotient.dtype)
    return lax.reduce_precision(quotient, info.nexp, info.nmant)        # costs nothing, and is linear


@jax.custom_jvp
def _quotient(x: Array, y: Array) -> Array:
    return _kept(x / _divisor(x, y))


@jax.custom_jvp
def _over(x: Array, y: Array) -> Array:
    """x / y, linear in `x`."""
    return _kept(x / y)


def _quotient_jvp(divide: Callable, primals: tuple, tangents: tuple) -> tuple:
    # y ** -2, as jnp has it, overflows where the quotient does not
    (_, y), (dx, dy), value = primals, tangents, divide(*primals)
    change = jnp.zeros_like(value)
    if not isinstance(dx, SymbolicZero):
        change += _over(dx, y)
    if not isinstance(dy, SymbolicZero):
        change -= dy * _over(value, y)
    return value, change


_quotient.defjvp(partial(_quotient_jvp, _quotient), symbolic_zeros=True)
_over.defjvp(partial(_quotient_jvp, _over), symbolic_zeros=True)


@op(promote="quotient", dunder="truediv", inplace=True, wide_numbers=1, look=refuse_zero, looks="whole",
    rule=by_attribute("Div", "rounding_mode", 2))
def div(input: ArrayLike, other: ArrayLike, *, rounding_mode: str | None = None) -> Array:
    """input / other; integers give the default floating dtype unless `rounding_mode` is 'trunc' or 'floor'."""
    if input.dtype != other.dtype and rounding_mode == "trunc":       # which torch rounds, as it does what stands first
        other = other.astype(input.dtype)
    elif input.dtype != other.dtype:
        return rounded_once(lambda x, y: div.fn(x, y, rounding_mode=rounding_mode), input, other)
    if rounding_mode is None:
        if jnp.ndim(other) == 0 and jnp.ndim(input):        # of a scalar's gradient, too
            other = lax.optimization_barrier(jnp.broadcast_to(other, input.shape))
        return _quotient(input, other)
    if rounding_mode in ("floor", "trunc"):
        need_real(f"div_{rounding_mode}_cpu", input)
        no_bool(f"div_{rounding_mode}_cpu", input)
    if rounding_mode == "floor":
        return _floored(input, other)
    if rounding_mode == "trunc":
        if not inexact(input):
            return lax.div(*jnp.broadcast_arrays(input, other))
        x = wide(input)
        quotient = x / _divisor(x, wide(other))
        if x.dtype != input.dtype and jnp.size(other) > 1:      # by one number torch divides in the wide type, not by others
            info = jnp.finfo(input.dtype)
            quotient = lax.reduce_precision(quotient, info.nexp, info.nmant)
        return jnp.trunc(quotient).astype(input.dtype)
    raise RuntimeError("div expected rounding_mode to be one of None, 'trunc', or 'floor' "
                       f"but found '{rounding_mode}'")


@op(promote="arith", dunder="floordiv", inplace=True, saves=False, wide_numbers=1, look=refuse_zero, looks="whole",
    rule="NotImplemented",
    underived=dict.fromkeys(("input", "other"), "aten::floor_divide"))
def floor_divide(input: ArrayLike, other: ArrayLike) -> Array:
    """floor(input / other), in the common dtype."""
    need_real("div_floor_cpu", input)
    no_bool("div_floor_cpu", input)
    return rounded_once(_floored, input, other)


@op(promote="arith", dunder="mod", inplace=True, check=one_tensor("remainder"), look=refuse_zero, looks="whole",
    rule=by_operand("Remainder", 1, 0),
    samples=lambda t: [((t(3, 4), t(3, 4, low=0.7, high=0.9)), {})])
def remainder(input: ArrayLike, other: ArrayLike) -> Array:
    """input - floor(input / other) * other: the sign is that of `other`."""
    need_real("remainder_cpu", input)
    no_bool("remainder_cpu", input)
    return jnp.remainder(input, other)


@op(promote="arith", inplace=True, look=refuse_zero, looks="whole", rule=by_operand("Fmod", 1, 0),
    samples=lambda t: [((t(3, 4), t(3, 4, low=0.7, high=0.9)), {})])
def fmod(input: Array, other: ArrayLike) -> Array:
    """input - trunc(input / other) * other: the sign is that of `input`."""
    need_real("fmod_cpu", input)
    no_bool("fmod_cpu", input)
    return jnp.fmod(input, other)


@jax.custom_jvp
def _power(x: Array, y: Array) -> Array:
    return jnp.power(x, y)


@partial(_power.defjvp, symbolic_zeros=True)
def _power_jvp(primals: tuple, tangents: tuple) -> tuple:
    # torch: 0 ** y changes with y < 0 as the limit does, by -inf (jnp has NaN), and not at all with others
    (x, y), (dx, dy), value = primals, tangents, _power(*primals)
    change = jnp.zeros_like(value)
    if not isinstance(dx, SymbolicZero):
        change += dx * (y * _power(x, jnp.where(y == 0, 1, y - 1)))
    if not isinstance(dy, SymbolicZero):
        still = (x == 0) & (y >= 0)
        change += dy * jnp.where(still, 0, value * jnp.log(jnp.where(still, 1, x)))
    return value, change


NEGATIVE_POWER = "Integers to negative integer powers are not allowed."


def _pow_rule(avals: list, attributes: dict) -> str:
    base, exponent = (hasattr(a, "shape") for a in avals)
    return f"PowBackward{(1 if base else 2) if exponent else 0}"


def _look_at_exponent(input: Any, exponent: Any) -> None:
    """Refuses numbers that integers are not raised to, or that their dtype does not hold."""
    if exponent.__class__ is int and hasattr(input, "shape"):
        require(exponent >= 0, NEGATIVE_POWER)
        converted(exponent, getattr(input.dtype, "np", input.dtype))


@op(autocast="float cuda", promote="arith", dunder="pow", inplace=True, check=one_tensor("pow"), rule=_pow_rule,
    look=_look_at_exponent, looks="whole",
    samples=lambda t: [((t(3, 4, low=0.2), t(4, seed=1)), {}), ((t(3), 2), {}), ((t(3), 3.0), {}), ((2, t(3)), {})])
def pow_(input: ArrayLike, exponent: ArrayLike) -> Array:
    """input ** exponent; the gradient for exponent 0 is 0 everywhere."""
    value = known(exponent)
    if input.dtype == bool and value is not None:       # a bool that is no tensor
        return input | ~exponent
    no_bool("pow", input)
    if not inexact(input):
        return _integer_pow(input, exponent, value)
    if isinstance(value, (int, float)) and abs(value) <= 8 and value == int(value):
        return lax.integer_pow(jnp.broadcast_to(input, jnp.broadcast_shapes(input.shape, exponent.shape)), int(value))
    if jnp.iscomplexobj(input):     # jnp has NaN for every 0 ** z; 0 ** 0 is 1 with gradient 0
        input = jnp.where((input == 0) & (exponent == 0), 1, input)
        power = jnp.power(jnp.where(input == 0, 1, input), exponent)
        nothing = jnp.where(jnp.real(exponent) > 0, 0, jnp.asarray(complex(jnp.nan, jnp.nan), power.dtype))
        return jnp.where((input == 0) & (exponent != 0), nothing, power)
    return jnp.sqrt(input) if value == 0.5 else _power(*jnp.broadcast_arrays(input, exponent))


def _integer_pow(base: Array, exponent: Array, value: int | None) -> Array:
    require(value is None or value >= 0, NEGATIVE_POWER)
    if value is not None and value < 64:
        return lax.integer_pow(jnp.broadcast_to(base, jnp.broadcast_shapes(base.shape, exponent.shape)), int(value))
    if not jnp.issubdtype(base.dtype, jnp.signedinteger):
        return _power_by_squares(base, exponent)
    odd = jnp.where(exponent % 2 == 0, 1, -1).astype(base.dtype)
    inverse = jnp.where(base == 1, 1, jnp.where(base == -1, odd, 0)).astype(base.dtype)
    return jnp.where(exponent < 0, inverse, _power_by_squares(base, jnp.maximum(exponent, 0)))


def _power_by_squares(base: Array, exponent: Array) -> Array:
    """base ** exponent of integers, modulo what they hold; jnp.power looks at six bits of the exponent."""
    def step(state: tuple) -> tuple:
        power, square, left = state
        return jnp.where(left & 1 == 1, power * square, power), square * square, left >> 1
    base, exponent = jnp.broadcast_arrays(base, exponent)
    return lax.while_loop(lambda state: jnp.any(state[2] > 0), step, (jnp.ones_like(base), base, exponent))[0]


@op(promote="double", check=one_tensor("float_power"), rule=_pow_rule,
    inplace=InPlace(Into("the base given to float_power_ has dtype {got} but the operation's result requires dtype {want}")),
    into=Into("the output given to float_power has dtype {got} but the operation's result requires dtype {want}"),
    samples=lambda t: [((t(3, 4, low=0.2), 1.5), {})])
def float_power(input: ArrayLike, exponent: ArrayLike) -> Array:
    """input ** exponent in double precision."""
    return (jnp.power if jnp.iscomplexobj(input) else _power)(*jnp.broadcast_arrays(input, exponent))


@op(strides="elementwise", dunder="neg", inplace=True, saves=False, into=AS_INPUT)
def neg(input: Array) -> Array:
    """-input."""
    if input.dtype == bool:
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                           "a mask, use the `~` or `logical_not()` operator instead.")
    return -input


@op(name="abs", strides="elementwise", dunder="abs", into=AS_INPUT,
    inplace=InPlace(Into("In-place abs is not supported for complex tensors.")))
def abs_(input: Array) -> Array:
    """|input|; real for complex input; the gradient at 0 is 0."""
    no_bool("abs_cpu", input)
    return magnitude(input)


def _sign(x: Array) -> Array:
    need_real("Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.", x)
    return sgn(x)


unary("sign", _sign, promote=None, into=AS_INPUT, saves=False, doc="-1, 0 or 1 as the sign of input; dtype kept.")
unary("sgn", sgn, promote=None, into=AS_INPUT, doc="input / |input|, 0 at 0.")
unary("square", lambda x: x * x if x.dtype != bool else x.astype(jnp.int64), promote=None, rule="PowBackward0", into=CASTS,
      doc="input * input.")
unary("reciprocal", lambda x: 1 / x, samples=lambda t: [((t(3, 4, low=0.3),), {})], doc="1 / input.", autocast="float cuda")
unary("rsqrt", lax.rsqrt, samples=lambda t: [((t(3, 4, low=0.3),), {})], doc="1 / sqrt(input).", autocast="float cuda")


@op(strides="elementwise", inplace=True, saves=False, rule=by_operand("Lerp", 1, 0, at=2), into=CASTS)
def lerp(input: Array, end: Array, weight: ArrayLike) -> Array:
    """input + weight * (end - input), exact at both ends; tensors of one dtype."""
    for label, x in (("end", end), ("weight", weight)):
        if isinstance(x, jax.Array) and x.ndim + (label == "end") and x.dtype != input.dtype:
            raise RuntimeError(f"expected dtype {c_type(from_numpy(input.dtype))} for `{label}` "
                               f"but got dtype {c_type(from_numpy(x.dtype))}")
    broadcast_shapes(input.shape, end.shape, jnp.shape(weight))
    need_inexact(f"lerp_kernel_{'scalar' if known(weight) is not None else 'tensor'}", input)
    start, end = wide(input), wide(end)
    weight = cast(weight, start.dtype)
    step = end - start
    return jnp.where(jnp.abs(weight) < 0.5, start + weight * step, end - step * (1 - weight)).astype(input.dtype)


@op(promote="arith", inplace=True)
def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: Number = 1) -> Array:
    """input + value * tensor1 * tensor2, broadcast."""
    no_bool("addcmul_cpu_out", input)
    x = wide(tensor1)
    return (wide(input) + cast(value, x.dtype) * x * wide(tensor2)).astype(input.dtype)


INTEGER_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
    "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value "
    "* torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
    "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + "
    "value * tensor1 / tensor2), for all dtypes.")


def refuse_integers(input: str, tensor1: str, tensor2: str) -> None:
    """torch's check of addcdiv."""
    if not any(k.startswith(("float", "bfloat", "complex")) for k in (tensor1, tensor2)):
        raise RuntimeError(INTEGER_ADDCDIV)


@op(promote="arith", inplace=True, check=refuse_integers,
    samples=lambda t: [((t(3, 4), t(3, 4, seed=1), t(4, low=0.5, seed=2)), {"value": 0.3})])
def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: Number = 1) -> Array:
    """input + value * tensor1 / tensor2, broadcast."""
    x = cast(value, wide(tensor1).dtype) * wide(tensor1)
    return (wide(input) + x / _divisor(x, wide(tensor2))).astype(input.dtype)


@jax.custom_jvp
def _atan2(y: Array, x: Array) -> Array:
    return jnp.arctan2(y, x)


@_atan2.defjvp
def _atan2_jvp(primals: tuple, tangents: tuple) -> tuple:
    (y, x), (dy, dx) = primals, tangents
    square = y * y + x * x
    inverse = jnp.where(square == 0, 0, 1 / jnp.where(square == 0, 1, square))      # torch: 0 at the origin
    return _atan2(y, x), (x * dy - y * dx) * inverse


@op(promote="float", inplace=True)
def atan2(input: Array, other: Array) -> Array:
    """The angle of the point (other, input), in [-pi, pi]."""
    need_real("atan2_cpu", input)
    return _atan2(*jnp.broadcast_arrays(input, other))


@jax.custom_jvp
def _hypot(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.hypot(x, y)


@_hypot.defjvp
def _hypot_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x, y), (dx, dy) = primals, tangents
    length = _hypot(x, y)
    return length, x / length * dx + y / length * dy        # not a number at the origin, as in torch


@op(promote="arith", inplace=True)
def hypot(input: Array, other: Array) -> Array:
    """sqrt(input ** 2 + other ** 2) without overflow."""
    need_inexact("hypot_cpu", input)
    need_real("hypot_cpu", input)
    return in_wide(_hypot)(*jnp.broadcast_arrays(input, other))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_of_sum(fn: Callable, x: Array, y: Array) -> Array:
    return fn(x, y)


@_log_of_sum.defjvp
def _log_of_sum_jvp(fn: Callable, primals: tuple, tangents: tuple) -> tuple:
    (x, y), (dx, dy) = primals, tangents
    # from the difference: the result, by which jnp divides, is rounded, and infinite where one operand is
    share = jax.nn.sigmoid((wide(x) - wide(y)) * (1 if fn is jnp.logaddexp else float(np.log(2)))).astype(x.dtype)
    return _log_of_sum(fn, x, y), dx * share + dy * (1 - share)


@op(promote="arith")
def logaddexp(input: Array, other: Array) -> Array:
    """log(exp(input) + exp(other))."""
    need_inexact("logaddexp_cpu", input)
    return logaddexp_of_complex(input, other) if jnp.iscomplexobj(input) else _log_of_sum(jnp.logaddexp, input, other)


def logaddexp_of_complex(x: Array, y: Array) -> Array:
    """log(exp(x) + exp(y)) whose angle is that of the larger one plus a small angle, not brought into [-pi, pi]."""
    first = (x.real >= y.real) | jnp.isnan(x.real)
    large, small = jnp.where(first, x, y), jnp.where(first, y, x)
    both_infinite = ~jnp.isfinite(small.real) & (small.real == large.real)
    gap = jnp.where(both_infinite, 0, small - large)
    value = jnp.log1p(jnp.exp(gap)) + large
    a, b = (jnp.where(both_infinite, v, 0) for v in (small, large))     # exp of what is not chosen would overflow
    return jnp.where(both_infinite, jnp.where(small.real < 0, large, jnp.log(jnp.exp(a) + jnp.exp(b))), value)


@op(promote="arith")
def logaddexp2(input: Array, other: Array) -> Array:
    """log2(2 ** input + 2 ** other)."""
    need_float("logaddexp2_cpu", input)
    return _log_of_sum(in_wide(jnp.logaddexp2), input, other)


@op(promote="float", inplace=True, rule=by_operand("Copysign", 0, 1))
def copysign(input: Array, other: ArrayLike) -> Array:
    """|input| with the sign of `other`."""
    need_real("copysign_cpu", input)
    return jnp.where(jnp.signbit(other), -magnitude(input), magnitude(input))


def _one_real_dtype(*kinds: str) -> None:
    if any("complex" in kind for kind in kinds):
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if kinds[0] != kinds[1]:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


@op(promote="arith", inplace=True, saves=False, check=_one_real_dtype, rule="NotImplemented",
    underived=dict.fromkeys(("input", "values"), "aten::heaviside"))
def heaviside(input: Array, values: Array) -> Array:
    """0 where input < 0, 1 where input > 0, `values` where it is 0."""
    return jnp.where(input == 0, values, (input > 0).astype(input.dtype))


@op(promote="float", inplace=InPlace(INTO_LDEXP), into=INTO_LDEXP)
def ldexp(input: Array, other: Array) -> Array:
    """input * 2 ** other."""
    return input * in_wide(jnp.exp2)(other)


def _naturals(t: Callable) -> list:
    return [((t(4, dtype="int64", low=0, high=9), t(4, dtype="int64", low=1, high=9)), {})]


def _integers(kernel: str, fn: Callable, a: Array, b: Array) -> Array:
    if inexact(a) or a.dtype == bool:
        raise unlike(kernel, a)
    return fn(a, b)


def _gcd(a: Array, b: Array) -> Array:
    """Of absolute values without a sign: that of the least integer is its own negative, with which jnp.gcd comes to no end."""
    if not jnp.issubdtype(a.dtype, jnp.signedinteger):
        return jnp.gcd(a, b)
    unsigned = jnp.dtype(f"uint{8 * a.dtype.itemsize}")
    return jnp.gcd(jnp.abs(a).astype(unsigned), jnp.abs(b).astype(unsigned)).astype(a.dtype)


def _lcm(a: Array, b: Array) -> Array:
    divisor = _gcd(a, b)
    share = lax.div(*jnp.broadcast_arrays(a, jnp.where(divisor == 0, 1, divisor)))
    if not jnp.issubdtype(a.dtype, jnp.signedinteger):
        return jnp.where(divisor == 0, 0, share * b)
    # C takes the absolute value of an int, of which 8 and 16 bits are kept
    product = share * b if a.dtype.itemsize >= 4 else share.astype(jnp.int32) * b.astype(jnp.int32)
    return jnp.where(divisor == 0, 0, jnp.abs(product)).astype(a.dtype)


@op(promote="arith", inplace=True, samples=_naturals)
def gcd(input: Array, other: Array) -> Array:
    """The greatest common divisor of integers."""
    return _integers("gcd_cpu", _gcd, input, other)


@op(promote="arith", inplace=True, samples=_naturals)
def lcm(input: Array, other: Array) -> Array:
    """The least common multiple of integers."""
    return _integers("lcm_cpu", _lcm, input, other)


alias("sub", "subtract")
alias("mul", "multiply")
alias("div", "divide", "true_divide")
alias("neg", "negative")
alias("abs", "absolute")
alias("atan2", "arctan2")
