"""Precision inside an op: half types are computed in float32, integers become floating, wrong kinds are refused.

In: arrays as the op got them.  Out: arrays in the type to compute with, or torch's error.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import c_name, default, fitting, from_numpy
from ..dtypes import dtype as DType

__all__ = ["dtype_name", "expect_inexact", "floating", "in_wide", "inexact", "is_float", "known", "magnitude",
           "need_float", "need_full", "need_inexact", "need_real", "no_bool", "real_only", "recast", "sgn", "unlike", "wide",
           "widened"]


def dtype_name(x: jax.Array) -> str:
    """The dtype as torch's messages print it: Float, Long, Bool."""
    return c_name(from_numpy(x.dtype))


def is_float(x: jax.Array) -> bool:
    """Whether `x` is real and floating."""
    return from_numpy(x.dtype).is_floating_point


def inexact(x: jax.Array) -> bool:
    """Whether `x` is floating or complex."""
    d = from_numpy(x.dtype)
    return d.is_floating_point or d.is_complex


def unlike(kernel: str, x: jax.Array) -> NotImplementedError:
    """torch's error for a dtype that `kernel` does not have."""
    return NotImplementedError(f'"{kernel}" not implemented for \'{dtype_name(x)}\'')


def sgn(x: jax.Array) -> jax.Array:
    """-1, 0 or 1 as the sign of `x`, 0 for NaN; for complex numbers x / |x|."""
    if jnp.iscomplexobj(x):
        return jnp.where(x == 0, 0, x / jnp.where(x == 0, 1, jnp.abs(x)))
    return x if x.dtype == bool else (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


@jax.custom_jvp
def magnitude(x: jax.Array) -> jax.Array:
    """|x|, with gradient 0 at 0."""
    return jnp.abs(x)


@magnitude.defjvp
def _magnitude_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return magnitude(x), (jnp.conj(sgn(x)) * dx).real


def expect_inexact(name: str, dtype: DType) -> None:
    """RuntimeError, as linear algebra raises it, unless `dtype` is floating or complex."""
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {c_name(dtype)}")


def need_inexact(kernel: str, x: jax.Array) -> None:
    """NotImplementedError, as torch's `kernel` raises it, unless `x` is floating or complex."""
    if not inexact(x):
        raise unlike(kernel, x)


def need_float(kernel: str, x: jax.Array) -> None:
    """NotImplementedError, as torch's `kernel` raises it, unless `x` is floating and real."""
    if not is_float(x):
        raise unlike(kernel, x)


def need_full(kernel: str, x: jax.Array) -> None:
    """NotImplementedError, as torch's `kernel` raises it on every device, unless `x` is float32 or float64."""
    if not is_float(x) or x.dtype.itemsize < 4:
        raise unlike(kernel, x)


def real_only(kernel: str, fn: Callable[[jax.Array], jax.Array],
              refuse: Callable[[str, jax.Array], None] | None = None) -> Callable[[jax.Array], jax.Array]:
    """`fn`, computed in the wide type, which refuses complex numbers (or what `refuse` does) as torch's `kernel` does."""
    def body(x: jax.Array) -> jax.Array:
        (refuse or need_real)(kernel, x)
        return in_wide(fn)(x)
    return body


def no_bool(kernel: str, x: jax.Array) -> None:
    """NotImplementedError, as torch's `kernel` raises it, where `x` is bool."""
    if x.dtype == bool:
        raise unlike(kernel, x)


def need_real(said: str, x: jax.Array, error: type[Exception] = NotImplementedError) -> None:
    """torch's error for complex numbers: a sentence, or the name of the kernel that has no such dtype."""
    if jnp.iscomplexobj(x):
        raise error(said) if " " in said else unlike(said, x)


def floating(x: jax.Array) -> jax.Array:
    """`x`, integers and booleans cast to the default floating dtype."""
    return x if inexact(x) else x.astype(default.float.np)


def wide(x: jax.Array) -> jax.Array:
    """`x` in the type sums are accumulated in: float16 and bfloat16 become float32."""
    return x.astype(jnp.float32) if is_float(x) and x.dtype.itemsize == 2 else x


def recast(x: jax.Array, dtype: DType) -> jax.Array:
    """`x` as another dtype: complex numbers lose their imaginary part, floats are cut off towards zero."""
    if x.dtype == dtype.np:
        return x
    if jnp.iscomplexobj(x) and not dtype.is_complex and dtype.name != "bool":
        x = lax.real(x)
    if is_float(x) and dtype.np.kind in "iu":
        x = _whole(x, dtype.np)
    return fitting(x, dtype).astype(dtype.np)


def _whole(x: jax.Array, dtype: np.dtype) -> jax.Array:
    """`x` as integers of at least the width of `dtype`, which are then wrapped; XLA's own conversion goes to the nearest instead.

    What a signed integer cannot hold, NaN too, is the least there is, as in the processor's instruction.
    """
    signed, limit = (jnp.int32, 2.0 ** 31) if dtype.itemsize < 4 or dtype == np.int32 else (jnp.int64, 2.0 ** 63)
    x = wide(x)
    held = jnp.where((x >= -limit) & (x < limit), x, -limit).astype(signed)
    if dtype != np.uint64:
        return held
    return jnp.where(x >= limit, jnp.where(x < 2 * limit, x, 0).astype(dtype), held.astype(dtype))


def in_wide(fn: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """`fn` computed in the wide type of its arrays and rounded once, to the type of the first."""
    def body(*arrays: jax.Array) -> jax.Array:
        return fn(*[wide(a) for a in arrays]).astype(arrays[0].dtype)
    return body


def widened(fn: Callable[..., jax.Array], x: jax.Array, **options: Any) -> jax.Array:
    """`fn(x)` computed in the wide type and cast back to the type of `x`."""
    return fn(wide(x), **options).astype(x.dtype)


def rounded_once(fn: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    """`fn(x, y)`; of a half type and a number beside it in float32, in the half type."""
    if x.dtype == y.dtype:
        return fn(x, y)
    return fn(wide(x), wide(y)).astype(min(x.dtype, y.dtype, key=lambda kind: kind.itemsize))


def known(x: jax.Array) -> Any:
    """The value of a 0-dim operand that is a constant of the program, or None: it lets a better formula be chosen."""
    if isinstance(x, jax.core.Tracer) or np.ndim(x):
        return None
    return np.asarray(x).item()
