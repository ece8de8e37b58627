"""Arithmetic with one rounding, and torch's single-precision logarithm, cosine and sine.

In: arrays and `xp`, which is numpy or jax.numpy: both sides of the generator run this very code.  Out: the bits that
torch's AVX2 and AVX512 kernels give.  float32 steps are made in float64 and rounded once: products of two float32
numbers are exact there, so no compiler's contraction can change them.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["fma32", "fma64", "libm", "polar", "to_odd"]

F32, F64, I32, I64 = np.float32, np.float64, np.int32, np.int64


def _two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b and its rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def to_odd(xp: ModuleType, a: Any, b: Any) -> Any:
    """a + b in float64 rounded to odd: a later rounding to fewer bits is then right in every case."""
    s, error = _two_sum(a, b)
    bits = s.view(I64)
    step = xp.where((error > 0) == (s > 0), I64(1), I64(-1))
    fix = (error != 0) & (bits & 1 == 0)
    return xp.where(fix, bits + step, bits).view(F64)


def fma32(xp: ModuleType, product: Any, addend: Any) -> Any:
    """float32(product + addend) with one rounding; `product` is an exact float64 product of two float32 numbers."""
    if xp is np:
        # Only a float64 sum that lies midway between two float32 numbers can round wrongly: these are rare.
        s = np.asarray(product + addend)
        midway = (s.view(I64) & 0x1fffffff) == 0x10000000
        return to_odd(np, product, np.asarray(addend, F64)).astype(F32) if midway.any() else s.astype(F32)
    return to_odd(xp, product, addend).astype(F32)


def _split(a: Any) -> tuple[Any, Any]:
    """a as the sum of two numbers of 26 bits."""
    high = ((np.asarray(a, F64).view(I64) + I64(1 << 26)) & I64(-1 << 27)).view(F64)
    return high, a - high


def fma64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """a * b + c in float64 with one rounding (numpy; by error-free transformations)."""
    if b == 1.0 or c == 0.0 or not (math.isfinite(b) and math.isfinite(c)):
        return a * b + c            # one of the two steps is exact
    ah, al = _split(a)
    bh, bl = _split(b)
    uh = a * b
    ul = ((ah * bh - uh) + ah * bl + al * bh) + al * bl
    th, tl = _two_sum(c, ul)
    vh, vl = _two_sum(uh, th)
    return vh + to_odd(np, tl, vl)


def libm(function: Callable[[float], float], values: np.ndarray) -> np.ndarray:
    """The C library's `function` of each value: numpy's own differ in the last bit now and then."""
    return np.fromiter(map(function, values.ravel().tolist()), F64, values.size).reshape(values.shape)


def _numbers(*words: int) -> list[float]:
    return np.array(words, np.uint32).view(F32).astype(F64).tolist()


LOG = _numbers(0x3d9021bb, 0xbdebd1b8, 0x3def251a, 0xbdfe5d4f, 0x3e11e9bf, 0xbe2aae50, 0x3e4cceac, 0xbe7ffffc,
               0x3eaaaaaa)
LN2_LOW, LN2_HIGH, TWO_PI, FOUR_OVER_PI = _numbers(0xb95e8083, 0x3f318000, 0x40c90fdb, 0x3fa2f983)
REDUCE = _numbers(0xbf490000, 0xb97da000, 0xb3222169)
COS = _numbers(0x37ccf5ce, 0xbab6061a, 0x3d2aaaa5)
SIN = _numbers(0xb94ca1f9, 0x3c08839e, 0xbe2aaaa3)


def _r(x: Any) -> Any:
    """Rounds a float64 to the nearest float32 number."""
    return x.astype(F32).astype(F64)


def _horner(x: Any, coefficients: Iterable[float]) -> Any:
    first, *rest = coefficients
    y = first
    for c in rest:
        y = _r(y * x + c)
    return y


def _log(xp: ModuleType, u: Any) -> Any:
    """log of float32 numbers in (0, 1], as Cephes' logf with fused steps; float64 values of float32 precision."""
    bits = u.view(I32)
    e = ((bits >> 23) - I32(126)).astype(F64)
    m = ((bits & I32(0x7fffff)) | I32(0x3f000000)).view(F32).astype(F64)
    small = m < 0.7071067690849304      # 0x3f3504f3
    e = e - small.astype(F64)
    x = xp.where(small, m + m, m) - 1.0
    z = _r(x * x)
    y = _r(_horner(x, LOG) * x)
    y = _r(y * z + _r(e * LN2_LOW))
    y = _r(y - z * 0.5)
    return _r(e * LN2_HIGH + _r(x + y))


def _cos_sin(xp: ModuleType, theta: Any) -> tuple[Any, Any]:
    """cos and sin of float32 numbers >= 0 (given as float64), as Cephes' sinf and cosf with fused steps."""
    j = (_r(theta * FOUR_OVER_PI).astype(I32) + I32(1)) & I32(-2)
    y = j.astype(F64)
    x = theta
    for c in REDUCE:
        x = _r(y * c + x)
    z = _r(x * x)
    c = _r(_horner(z, COS) * z)
    c = _r(_r(c * z - _r(0.5 * z)) + 1.0)
    s = _r(_horner(z, SIN) * z)
    s = _r(s * x + x)
    swap = (j & I32(2)) != 0
    sine, cosine = xp.where(swap, c, s), xp.where(swap, s, c)
    return (xp.where(((j - I32(2)) & I32(4)) != 0, cosine, -cosine),
            xp.where((j & I32(4)) != 0, -sine, sine))


def polar(xp: ModuleType, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Of two float32 uniforms: sqrt(-2 log(1 - a)), cos(2 pi b), sin(2 pi b), float64 values of float32 precision."""
    radius = _r(xp.sqrt(_log(xp, F32(1.0) - a) * -2.0))
    return radius, *_cos_sin(xp, _r(b.astype(F64) * TWO_PI))
