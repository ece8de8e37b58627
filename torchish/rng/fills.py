"""Uniform and normal fills.

In: an Engine, a shape (or a number of elements), a dtype, parameters.  Out: a numpy array of that shape, filled in
storage order with the bits torch would give, the engine advanced as torch's would be.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .common import NARROW, Shape, as_numpy, c_type, cast, count, gap, unsupported
from .engine import Engine
from .exact import fma32, fma64, libm, polar

__all__ = ["check_std", "check_uniform", "normal", "scalar_normal", "standard_normals", "uniform"]

CHUNK = 2048            # Box-Muller groups at a time, so that the temporaries stay in the cache
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)


def _finfo_max(kind: np.dtype) -> float:
    return 3.3895313892515355e38 if kind in NARROW and kind != np.float16 else float(np.finfo(kind).max)


def _real(kind: np.dtype) -> np.dtype:
    return FLOAT32 if kind == np.complex64 else FLOAT64


def _pairs(shape: Shape) -> tuple[int, ...]:
    return (shape, 2) if isinstance(shape, int) else (*shape, 2)


# -- uniform

def check_uniform(kind: np.dtype, low: float, high: float) -> None:
    """torch's errors about the dtype and the bounds of uniform_."""
    if kind.kind == "c":
        kind = _real(kind)
    elif kind.kind != "f" and kind not in NARROW:
        raise unsupported("check_uniform_bounds", kind)
    top = _finfo_max(kind)
    for name, value in (("from", low), ("to", high)):
        if not -top <= value <= top:
            raise RuntimeError(f"{name} is out of bounds for {c_type(kind)}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={gap(low)} > to={gap(high)}")
    if high - low > top:
        name = {"float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double"}[kind.name]
        raise RuntimeError(f"uniform_ expects to-from <= std::numeric_limits<{name}>::max(), but found to={gap(high)} "
                           f"and from={gap(low)} which result in to-from to exceed the limit")


def uniform(engine: Engine, shape: Shape, dtype: Any, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """uniform_(low, high): values in [low, high); one draw each, two for float64. rand is uniform_(0, 1)."""
    kind = as_numpy(dtype)
    n = count(shape)
    unit = low == 0.0 and high == 1.0
    if unit and kind == FLOAT32:
        return engine.u24(n).reshape(shape)
    if unit and kind == FLOAT64:
        return engine.u53(n).reshape(shape)
    check_uniform(kind, low, high)
    if kind.kind == "c":
        return uniform(engine, _pairs(shape), _real(kind), low, high).view(kind)[..., 0]
    if kind == FLOAT64:
        values = fma64(engine.u53(n), high - low, low)
        values[values == high] = low
        return values.reshape(shape)
    bottom, top = np.float32(low), np.float32(high)
    width = float(top - bottom)
    values = engine.u24(n).astype(np.float64)
    values *= width
    if width == 2 * float(top) == -2 * float(bottom) or bottom == 0.0:
        values += float(bottom)             # exact in float64: no double rounding
        values = values.astype(np.float32)
    else:
        values = fma32(np, values, float(bottom))
    if kind in NARROW:
        values = values.astype(kind)
        top, bottom = top.astype(kind), bottom.astype(kind)
    values[values == top] = bottom
    return values.reshape(shape)


# -- normal

def check_std(std: float) -> None:
    """std must be >= 0 (RuntimeError)."""
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {gap(std)}")


def normal(engine: Engine, shape: Shape, dtype: Any, mean: float = 0.0, std: float = 1.0, *,
           contiguous: bool = True) -> np.ndarray:
    """normal_(mean, std): groups of sixteen from n >= 16 on if contiguous, else one pair after another."""
    kind = as_numpy(dtype)
    check_std(std)
    if kind.kind == "c":
        return normal(engine, _pairs(shape), _real(kind), mean, std / math.sqrt(2.0),
                      contiguous=contiguous).view(kind)[..., 0]
    if kind.kind != "f" and kind not in NARROW:
        raise unsupported("normal_kernel_cpu", kind)
    n = count(shape)
    if n < 16 or not contiguous:
        return cast(scalar_normal(engine, n, mean, std, wide=kind == FLOAT64), kind).reshape(shape)
    groups, rest = divmod(n, 16)
    if kind == FLOAT64:
        draws = engine.u53(n + 16 if rest else n)
    else:
        drawn = 16 * groups if kind in NARROW else n
        draws = engine.u24(drawn + 16 if rest else drawn)
    transform = _block64 if kind == FLOAT64 else _block32
    out = np.empty(n, draws.dtype)
    out[:16 * groups] = transform(draws[:16 * groups].reshape(-1, 2, 8), mean, std).reshape(-1)
    if rest:                                # the last sixteen are made anew, finished ones included
        out[-16:] = transform(draws[-16:].reshape(1, 2, 8), mean, std).reshape(-1)
    return out.astype(kind, copy=False).reshape(shape)


def _block32(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Box-Muller of float32 groups [m, 2, 8] -> [m, 2, 8]."""
    out = np.empty(u.shape, np.float32)
    mean, std = np.float64(np.float32(mean)), np.float64(np.float32(std))      # the products below are float64
    for start in range(0, len(u), CHUNK):
        part = u[start:start + CHUNK]
        radius, *waves = polar(np, np.ascontiguousarray(part[:, 0]), part[:, 1])
        for k, wave in enumerate(waves):
            value = (radius * wave).astype(np.float32) * std
            out[start:start + CHUNK, k] = value + 0.0 if mean == 0.0 else fma32(np, value, mean)
    return out


def _block64(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Box-Muller of float64 groups [m, 2, 8] -> [m, 2, 8]."""
    radius = np.sqrt(-2.0 * libm(math.log, 1.0 - u[:, 0]))
    theta = 2.0 * math.pi * u[:, 1]
    return np.stack([fma64(radius * libm(math.cos, theta), std, mean),
                     fma64(radius * libm(math.sin, theta), std, mean)], axis=1)


def standard_normals(engine: Engine, n: int, wide: bool = True) -> np.ndarray:
    """n standard normals one pair after another, float64; takes and leaves the cached one.

    wide=False allows numpy's functions for many values: results that are rounded to float32 stay the same.
    """
    if n == 0:
        return np.empty(0)
    held = engine.normal is not None
    pairs = (n + 1 - held) // 2
    out = np.empty(2 * pairs + held)
    if held:
        out[0] = engine.normal
    if pairs:
        u = engine.u53(2 * pairs)
        if wide or pairs < 128:
            radius = np.sqrt(-2.0 * libm(math.log1p, -u[1::2]))
            theta = 2.0 * math.pi * u[::2]
            cosine, sine = libm(math.cos, theta), libm(math.sin, theta)
        else:
            radius = np.sqrt(-2.0 * np.log1p(-u[1::2]))
            theta = 2.0 * math.pi * u[::2]
            cosine, sine = np.cos(theta), np.sin(theta)
        out[held::2] = radius * cosine
        out[held + 1::2] = radius * sine
    engine.normal = float(out[n]) if len(out) > n else None
    return out[:n]


def scalar_normal(engine: Engine, n: int, mean: float, std: float, wide: bool = True) -> np.ndarray:
    """The scalar path of normal_ in float64: mean and std are not rounded to the tensor's dtype."""
    return fma64(standard_normals(engine, n, wide), std, mean)
