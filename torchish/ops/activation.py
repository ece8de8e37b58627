"""Activation functions.

In: floating arrays.  Out: the same shape.  Where two pieces meet, the gradient is the one torch takes.
"""
from __future__ import annotations

from math import pi, sqrt

import jax.numpy as jnp
from jax import lax

from .check import require, wrap_dim
from .error_function import erf
from .into import AS_INPUT, CASTS, InPlace, Into
from .pointwise import BOOL_SUBTRACTION
from .precision import dtype_name, floating, in_wide, magnitude, need_float, need_inexact, need_real, no_bool, unlike, wide
from .table import Array, Number, cast, op

NO_COMPLEX = "clamp is not supported for complex types"
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805      # Klambauer et al. 2017, arXiv:1706.02515


@op(strides="elementwise", forms="function method F", inplace=True)
def relu(input: Array) -> Array:
    """max(input, 0); gradient 0 at 0."""
    if input.dtype == bool:
        raise RuntimeError("Boolean inputs not supported for relu")
    need_real(NO_COMPLEX, input)
    return jnp.where(input <= 0, jnp.zeros((), input.dtype), input)


@op(strides="elementwise", forms="F", rule="HardtanhBackward0", inplace=True)
def relu6(input: Array) -> Array:
    """input limited to [0, 6]; gradient 0 at both ends."""
    return hardtanh(input, 0, 6)


@op(strides="elementwise", forms="F", inplace=True)
def hardtanh(input: Array, min_val: Number = -1.0, max_val: Number = 1.0) -> Array:
    """input limited to [min_val, max_val]; gradient 0 at both ends."""
    need_real(NO_COMPLEX, input)
    if input.dtype == bool:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if jnp.issubdtype(input.dtype, jnp.unsignedinteger) and isinstance(min_val, (int, float)) and min_val < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    low, high = cast(min_val, input.dtype), cast(max_val, input.dtype)
    return jnp.where(input <= low, low, jnp.where(input >= high, high, input))


@op(strides="elementwise", forms="F", inplace=True)
def leaky_relu(input: Array, negative_slope: Number = 0.01) -> Array:
    """input where positive, else negative_slope * input."""
    need_float("leaky_relu_cpu", input)
    x = wide(input)
    return jnp.where(input > 0, input, (x * cast(negative_slope, x.dtype)).astype(input.dtype))


def _elu(x: Array, scale: Array | float, alpha: Array | float, slope: Array | float) -> Array:
    # exp sees only what is not positive, so that neither it nor its gradient overflows
    y = wide(x)
    return jnp.where(y > 0, scale * y, scale * alpha * jnp.expm1(jnp.where(y > 0, 0, y) * slope)).astype(x.dtype)


@op(strides="elementwise", forms="F", inplace=True)
def elu(input: Array, alpha: Number = 1.0) -> Array:
    """input where positive, else alpha * (exp(input) - 1)."""
    need_float("elu_cpu", input)
    return _elu(input, 1, cast(alpha, wide(input).dtype), 1)


@op(strides="elementwise", forms="function F", rule="EluBackward0", inplace=True)
def selu(input: Array) -> Array:
    """The self-normalizing elu (arXiv:1706.02515)."""
    need_float("elu_cpu", input)
    return _elu(input, _SELU_SCALE, _SELU_ALPHA, 1)


@op(strides="elementwise", forms="function F", inplace=True)
def celu(input: Array, alpha: Number = 1.0) -> Array:
    """input where positive, else alpha * (exp(input / alpha) - 1)."""
    require(not isinstance(alpha, (int, float)) or alpha != 0, "ZeroDivisionError: alpha cannot be 0 for CELU")
    need_float("elu_cpu", input)
    a = cast(alpha, wide(input).dtype)
    return _elu(input, 1, a, 1 / a)


@op(strides="elementwise", forms="F out", into=AS_INPUT)
def gelu(input: Array, *, approximate: str = "none") -> Array:
    """input * Phi(input), Phi the normal distribution function; by tanh if `approximate` is 'tanh'."""
    need_float("GeluKernelImpl", input)
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    x = wide(input)
    bell = erf(x * sqrt(0.5)) if approximate == "none" else jnp.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))
    return (0.5 * x * (1 + bell)).astype(input.dtype)


@op(strides="elementwise", forms="F", inplace=True)
def silu(input: Array) -> Array:
    """input * sigmoid(input)."""
    need_inexact("silu_cpu", input)
    return in_wide(lambda x: x * lax.logistic(x))(input)


def _softplus(x: Array) -> Array:
    return jnp.logaddexp(x, jnp.zeros((), x.dtype))


@op(strides="elementwise", forms="F", inplace=True)
def mish(input: Array) -> Array:
    """input * tanh(softplus(input))."""
    need_float("mish_cpu", input)
    return in_wide(lambda x: x * jnp.tanh(_softplus(x)))(input)


@op(autocast="float cuda", strides="elementwise", forms="F out", into=AS_INPUT)
def softplus(input: Array, beta: Number = 1.0, threshold: Number = 20.0) -> Array:
    """log(1 + exp(beta * input)) / beta; input itself where beta * input > threshold."""
    need_float("softplus_cpu", input)
    x = wide(input)
    b = cast(beta, x.dtype)
    large = x * b > cast(threshold, x.dtype)
    return jnp.where(large, x, jnp.log1p(jnp.exp(jnp.where(large, 0, x * b))) / b).astype(input.dtype)


@op(forms="F out", rule="LogSigmoidBackward0", into=Into("expected scalar type {want} but found {got}"))
def logsigmoid(input: Array) -> Array:
    """log(sigmoid(input)), without underflow."""
    need_float("log_sigmoid_cpu", input)
    return in_wide(lambda x: -_softplus(-x))(input)


@op(strides="elementwise", forms="F", inplace=True)
def hardsigmoid(input: Array) -> Array:
    """input / 6 + 1/2 limited to [0, 1]; gradient 0 at both ends."""
    need_float("hardsigmoid_cpu", input)
    x = wide(input)
    inside = (x > -3) & (x < 3)
    return jnp.where(inside, x / 6 + 0.5, lax.stop_gradient(jnp.clip(x / 6 + 0.5, 0, 1))).astype(input.dtype)


@op(strides="elementwise", forms="F", inplace=True)
def hardswish(input: Array) -> Array:
    """input * (input + 3) / 6 between -3 and 3, 0 below, input above."""
    need_float("hardswish_cpu", input)
    inside = (input > -3) & (input < 3)
    x = wide(jnp.where(inside, input, 0))
    return jnp.where(inside, (x * (x + 3) / 6).astype(input.dtype), jnp.where(input <= -3, 0, input))


@op(strides="elementwise", forms="F", rule="DivBackward0")
def softsign(input: Array) -> Array:
    """input / (1 + |input|)."""
    no_bool("abs_cpu", input)
    x = floating(input)
    return x / (1 + magnitude(x))


@op(strides="elementwise", forms="F", rule="SubBackward0")
def tanhshrink(input: Array) -> Array:
    """input - tanh(input)."""
    if input.dtype == bool:
        raise RuntimeError(BOOL_SUBTRACTION)
    x = floating(input)
    return x - jnp.tanh(x)


@op(strides="elementwise", forms="F out", into=AS_INPUT)
def softshrink(input: Array, lambd: Number = 0.5) -> Array:
    """input drawn toward 0 by lambd, 0 within it."""
    need_float("softshrink_check", input)
    if isinstance(lambd, (int, float)) and not 0 <= lambd <= float(jnp.finfo(input.dtype).max):
        raise RuntimeError(f"lambda must be in range [0, {float(jnp.finfo(input.dtype).max):g}] for input dtype "
                           f"{dtype_name(input)}, but found {lambd:g}")
    y = wide(input)
    width = cast(lambd, y.dtype)
    x = jnp.where(y > width, y - width, jnp.where(y < -width, y + width, 0))
    return jnp.where(jnp.isnan(input), input, x.astype(input.dtype))


@op(strides="elementwise", forms="function method F out", into=AS_INPUT)
def hardshrink(input: Array, lambd: Number = 0.5) -> Array:
    """input where |input| > lambd, else 0."""
    need_float("hardshrink_cpu", input)
    width = cast(lambd, input.dtype)
    return jnp.where((input >= -width) & (input <= width), jnp.zeros((), input.dtype), input)


@op(strides="elementwise", forms="function F out", inplace=InPlace(repeats=True), into=CASTS,
    samples=lambda t: [((t(3, 4), 0.11, 20.0), {})])
def threshold(input: Array, threshold: Number, value: Number) -> Array:
    """input where it exceeds `threshold`, else `value`."""
    if input.dtype == bool or jnp.iscomplexobj(input):
        raise unlike("threshold_cpu", input)
    x = wide(input)       # 0.1 in bfloat16 is more than 0.1
    return jnp.where(x <= cast(threshold, x.dtype), cast(value, input.dtype), input)


@op(strides="elementwise", forms="F", samples=lambda t: [((t(3, 4),), {}), ((t(4, 3), 0), {})])
def glu(input: Array, dim: int = -1) -> Array:
    """a * sigmoid(b), where a and b are the halves of input along `dim`."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = wrap_dim(dim, input.ndim)
    if input.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {input.shape[axis]}")
    need_float("glu_cpu", input)
    a, b = jnp.split(input, 2, axis)
    return in_wide(lambda x, y: x * lax.logistic(y))(a, b)


@op(autocast="low", strides="elementwise", forms="function method F", rule="PreluKernelBackward0",
    samples=lambda t: [((t(2, 3, 4), t(3)), {}), ((t(3, 4), t(1)), {})])
def prelu(input: Array, weight: Array) -> Array:
    """input where positive, else weight * input; one weight, or one for each channel (dim 1)."""
    if input.dtype != weight.dtype:
        raise RuntimeError("prelu: Type promoting not supported. Got "
                           f"{input.dtype} and {weight.dtype}")
    need_float("prelu_cpu", input)
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.size != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.size != channels:
            raise RuntimeError("Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{weight.size} and channel size = {channels}.")
        weight = weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    else:
        weight = weight.reshape((1,) * input.ndim)
    return jnp.where(input > 0, input, weight * input)
