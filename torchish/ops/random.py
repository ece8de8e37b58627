"""Random ops of compiled programs: the generator's state goes in as operands and comes out as results.

In: `key: uint32[624]`, `pos: int32[]`, parameters.  Out: (output, key, pos) with the bits of torchish.rng's fills.
None has a public name: the facade threads its generator through them.  Only dropout has a gradient.
"""
from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import c_name, dtype, from_numpy
from ..rng.exact import fma32, polar
from .mersenne import draws, halves, u24, u53
from .table import Array, Number, Shape, cast, op

__all__: list[str] = []

RETURNS = ("output", "key", "pos")
NARROW = (jnp.float16, jnp.bfloat16)
SELU = 1.7580993408473766   # scale times alpha of SELU
WIDE = 1 << 28              # from this range on, an integer takes two draws
Triple = tuple[Array, Array, Array]


def _known(value: Any, wanted: float) -> bool:
    """The number is part of the program and equal to `wanted`: saves arithmetic that would change nothing."""
    return not isinstance(value, jax.Array) and value == wanted


def _wide(kind: Any) -> Any:
    """A dtype in which one operation on `kind` is exact or rounds without harm."""
    return jnp.float32 if kind in NARROW else jnp.float64


def _to(value: Array, kind: Any) -> Array:
    """Rounds a wide value to `kind` so that no compiler undoes it: it would fuse a product with the sum after it."""
    if value.dtype != kind:
        info = jnp.finfo(kind)
        value = lax.reduce_precision(value, info.nexp, info.nmant)
    return value.astype(kind)


def _product(a: Array, b: Array, kind: Any) -> Array:
    return _to(a.astype(_wide(kind)) * b.astype(_wide(kind)), kind)


def _sum(a: Array, b: Array, kind: Any) -> Array:
    return _to(a.astype(_wide(kind)) + b.astype(_wide(kind)), kind)


def drawn_by(name: str, n: int, kind: Any) -> int:
    """How many draws a random op of this file makes for n numbers of numpy dtype `kind`."""
    if name == "_normal":
        groups, rest = divmod(n, 16)
        return (n if kind == jnp.float32 else 16 * groups) + (16 if rest else 0)
    if name in ("_uniform", "_bernoulli"):
        return 2 * n if kind == jnp.float64 else n
    return 2 * n            # _bernoulli_p, dropout, _exponential; _randint is not drawn in steps


# -- bernoulli and dropout

def _hits(key: Array, pos: Array, n: int, p: Array) -> Triple:
    """n times "u53 < p", as 32-bit integer comparisons with p * 2^53 (p: float64 in [0, 1])."""
    words, key, pos = draws(key, pos, 2 * n)
    first, second = halves(words)
    bound = jnp.ceil(p * 2.0 ** 53).astype(jnp.uint64)
    high, low = (bound >> 32).astype(jnp.uint32), bound.astype(jnp.uint32)
    first = first & jnp.uint32(0x1fffff)
    return (first < high) | ((first == high) & (second < low)), key, pos


@op(forms="", returns=RETURNS, name="_bernoulli_p")
def bernoulli_p(key: Array, pos: Array, *, shape: Shape, dtype: dtype, p: Number = 0.5) -> Triple:
    """bernoulli_(p): 1 with probability p, two draws for each element."""
    hit, key, pos = _hits(key, pos, math.prod(shape), cast(p, jnp.float64))
    return hit.astype(dtype.np).reshape(shape), key, pos


@op(forms="", returns=RETURNS, name="_bernoulli")
def bernoulli(p: Array, key: Array, pos: Array, *, dtype: dtype | None = None) -> Triple:
    """torch.bernoulli(p): 1 with probability p[i]; one draw for each element, two where p is float64."""
    n, limit = p.size, lax.stop_gradient(p).reshape(-1)
    if p.dtype == jnp.float64:
        words, key, pos = draws(key, pos, 2 * n)
        hit = u53(words) < limit
    else:
        words, key, pos = draws(key, pos, n)
        hit = u24(words) < limit.astype(jnp.float32)
    return hit.astype(p.dtype if dtype is None else dtype.np).reshape(p.shape), key, pos


@op(forms="", name="_drawn_for", rule=lambda avals, attributes: attributes["node"], saves=False)
def drawn_for(input: Array, value: Array, node: str) -> Array:
    """`value`, random numbers drawn for `input` or written over it, whose gradient is 0; node: the name of the backward node."""
    return value


def _check_dropout(input: Array) -> None:
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        name = c_name(from_numpy(input.dtype))
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    if jnp.issubdtype(input.dtype, jnp.complexfloating):
        raise NotImplementedError(f"\"bernoulli_scalar_cpu_\" not implemented for '{c_name(from_numpy(input.dtype))}'")


def _kept(key: Array, pos: Array, shape: tuple, axes: tuple | None, p: Any) -> Triple:
    """The mask bernoulli(1 - p) of `shape`, drawn in the order of `axes` (slowest first) if given."""
    hit, key, pos = _hits(key, pos, math.prod(shape), 1.0 - cast(p, jnp.float64))
    if axes is not None:
        hit = hit.reshape([shape[i] for i in axes]).transpose([axes.index(i) for i in range(len(axes))])
    return hit.reshape(shape), key, pos


@op(strides="first", forms="", returns=RETURNS, name="_dropout", rule="MulBackward0")
def dropout(input: Array, key: Array, pos: Array, *, p: Number = 0.5,
            mask_shape: tuple | None = None, axes: tuple | None = None) -> Triple:
    """input * bernoulli(1 - p) / (1 - p), 0 < p < 1. mask_shape (broadcast against input) for feature dropout.

    axes: the mask's dimensions from the slowest to the fastest in torch's memory, where they are not in order.
    """
    _check_dropout(input)
    hit, key, pos = _kept(key, pos, input.shape if mask_shape is None else mask_shape, axes, p)
    kind = input.dtype
    wide = jnp.float32 if kind in NARROW else kind
    scale = (jnp.ones((), wide) / (1.0 - cast(p, jnp.float64)).astype(wide)).astype(kind)
    return input * jnp.where(hit, scale, jnp.zeros((), kind)), key, pos


@op(strides="first", forms="", returns=RETURNS, name="_alpha_dropout", rule="AddBackward0")
def alpha_dropout(input: Array, key: Array, pos: Array, *, p: Number = 0.5,
                  mask_shape: tuple | None = None, axes: tuple | None = None) -> Triple:
    """input * (m a) + ((m - 1) s a + s a p), m = bernoulli(1 - p), a = ((s^2 p + 1)(1 - p))^-1/2, 0 < p < 1.

    Source: Klambauer et al., Self-normalizing neural networks (2017).
    """
    _check_dropout(input)
    hit, key, pos = _kept(key, pos, input.shape if mask_shape is None else mask_shape, axes, p)
    kind = input.dtype
    root = jnp.sqrt if isinstance(p, jax.Array) else math.sqrt
    a = 1 / root((SELU * SELU * p + 1) * (1 - p))
    zero = jnp.zeros((), kind)
    shift = [_sum(_product(cast(m - 1, kind), cast(SELU * a, _wide(kind)), kind), cast(SELU * a * p, _wide(kind)), kind)
             for m in (0, 1)]
    noise = jnp.where(hit, _to(cast(a, _wide(kind)), kind), zero)
    return _sum(_product(input, noise, kind), jnp.where(hit, shift[1], shift[0]), kind), key, pos


# -- uniform, normal, integers

@op(forms="", returns=RETURNS, name="_uniform")
def uniform(key: Array, pos: Array, *, shape: Shape, dtype: dtype, low: Number = 0.0, high: Number = 1.0) -> Triple:
    """uniform_(low, high) of float32, float16, bfloat16; float64 with low = 0 or high - low = 1."""
    n, kind = math.prod(shape), dtype.np
    if kind == jnp.float64:
        words, key, pos = draws(key, pos, 2 * n)
        bottom, top = cast(low, jnp.float64), cast(high, jnp.float64)
        values = u53(words) * (top - bottom) + bottom
        return jnp.where(values == top, bottom, values).reshape(shape), key, pos
    words, key, pos = draws(key, pos, n)
    values = u24(words)
    if not (_known(low, 0) and _known(high, 1)):
        bottom, top = cast(low, jnp.float32), cast(high, jnp.float32)
        product = values.astype(jnp.float64) * (top - bottom).astype(jnp.float64)
        values = fma32(jnp, product, bottom.astype(jnp.float64))
    else:
        bottom, top = jnp.float32(0), jnp.float32(1)
    values, bottom, top = values.astype(kind), bottom.astype(kind), top.astype(kind)
    return jnp.where(values == top, bottom, values).reshape(shape), key, pos


@op(forms="", returns=RETURNS, name="_normal")
def normal(key: Array, pos: Array, *, shape: Shape, dtype: dtype, mean: Number = 0.0, std: Number = 1.0) -> Triple:
    """normal_(mean, std) of float32, float16, bfloat16 for at least 16 elements: Box-Muller by groups of sixteen."""
    n, kind = math.prod(shape), dtype.np
    groups, rest = divmod(n, 16)
    drawn = n if kind == jnp.float32 else 16 * groups
    words, key, pos = draws(key, pos, drawn + 16 if rest else drawn)
    if rest:                # the last sixteen are made anew from sixteen fresh draws
        words = jnp.concatenate([words[:16 * groups], words[drawn:]])
    u = u24(words).reshape(-1, 2, 8)
    # Without the barrier, the polynomials would be computed again for either half of the output.
    radius, *waves = lax.optimization_barrier(tuple(x.astype(jnp.float32) for x in polar(jnp, u[:, 0], u[:, 1])))
    values = jnp.stack([radius * wave for wave in waves], axis=1).reshape(-1)
    if _known(mean, 0) and _known(std, 1):
        values = values + jnp.float32(0)        # -0 becomes 0
    else:
        product = values.astype(jnp.float64) * cast(std, jnp.float32).astype(jnp.float64)
        values = fma32(jnp, product, cast(mean, jnp.float32).astype(jnp.float64))
    if rest:
        values = jnp.concatenate([values[:n - 16], values[16 * groups:]])
    return values.astype(kind).reshape(shape), key, pos


@op(forms="", name="_scaled", saves=False, rule=lambda attributes: f"NormalBackward{attributes['given']}")
def scaled(noise: Array, std: Array, mean: Array, given: int = 3) -> Array:
    """noise * std + mean as torch.normal makes it of tensors: two roundings, which no compiler may fuse to one.

    The gradients are zero.  given: which of the two came as tensors, 1 the mean, 2 the spread, 3 both.
    """
    std, mean = lax.stop_gradient(std), lax.stop_gradient(mean)
    if jnp.iscomplexobj(noise):
        return lax.complex(*(scaled(part(noise), std.real, part(mean), given) for part in (jnp.real, jnp.imag)))
    return _sum(_product(noise, std, noise.dtype), mean, noise.dtype)


@jax.custom_jvp
def _quantile(alpha: Array, values: Array) -> Array:
    return values


@_quantile.defjvp
def _quantile_jvp(primals: tuple, tangents: tuple) -> tuple:
    (alpha, values), (tangent, _) = primals, tangents
    # in float64, as torch does: in float32 it is 0.6% off for alpha = 1e5
    slope = lax.random_gamma_grad(alpha.astype(jnp.float64), values.astype(jnp.float64))
    return values, slope.astype(values.dtype) * tangent


@op(forms="", name="_gamma_values", rule="StandardGammaBackward0")
def standard_gamma(alpha: Array, values: Array) -> Array:
    """Gamma numbers that were drawn for the shapes `alpha`; the gradient goes along their quantiles."""
    return _quantile(alpha, values)


@op(forms="", returns=RETURNS, name="_randint")
def randint(key: Array, pos: Array, *, shape: Shape, dtype: dtype, low: int, high: int) -> Triple:
    """Integers of [low, high), bounds within the dtype; one draw each, two where high - low >= 2^28."""
    n, span = math.prod(shape), high - low
    if span >= WIDE:
        words, key, pos = draws(key, pos, 2 * n)
        first, second = halves(words)
        values = (first.astype(jnp.uint64) << 32) | second.astype(jnp.uint64)
        values = (values % jnp.uint64(span)).astype(jnp.int64)
    else:
        words, key, pos = draws(key, pos, n)
        values = (words % jnp.uint32(span)).astype(jnp.int64)
    values = values + jnp.int64(low)
    if dtype.np in NARROW:
        values = values.astype(jnp.float32)
    return values.astype(dtype.np).reshape(shape), key, pos


@op(forms="", returns=RETURNS, name="_exponential")
def exponential(key: Array, pos: Array, *, shape: Shape, dtype: dtype, lambd: Number = 1.0) -> Triple:
    """exponential_(lambd) of float32, float16, bfloat16: -log(1 - u) / lambd in double."""
    words, key, pos = draws(key, pos, 2 * math.prod(shape))
    values = jnp.log1p(-u53(words)) * (-1.0 / cast(lambd, jnp.float64))
    if dtype.np in NARROW:
        values = values.astype(jnp.float32)
    return values.astype(dtype.np).reshape(shape), key, pos
