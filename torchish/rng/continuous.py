"""exponential_, cauchy_, log_normal_, geometric_, the slopes of rrelu.

In: an Engine, a shape, a dtype, parameters.  Out: numpy arrays with torch's bits: all is computed in double with the C
library's functions; for many values of narrower results numpy's faster ones, whose last-bit differences vanish.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .common import NARROW, Shape, as_numpy, c_type, cast, count, gap, title, unsupported
from .engine import Engine
from .exact import fma64, libm
from .fills import FLOAT64, scalar_normal

__all__ = ["cauchy", "exponential", "geometric", "log_normal", "rrelu_slopes"]

MANY = 256
_UNSIGNED = frozenset(map(np.dtype, (np.uint16, np.uint32, np.uint64)))


def _apply(function: Callable, fast: Callable, values: np.ndarray, kind: np.dtype) -> np.ndarray:
    return fast(values) if values.size > MANY and kind != FLOAT64 else libm(function, values)


def _floating(kind: np.dtype) -> bool:
    return kind.kind == "f" or kind in NARROW


def exponential(engine: Engine, shape: Shape, dtype: Any, lambd: float = 1.0) -> np.ndarray:
    """exponential_(lambd): -log(1 - u) / lambd."""
    kind = as_numpy(dtype)
    if not _floating(kind):
        raise RuntimeError("Exponential distribution is a continuous probability distribution. dtype must be a "
                           f"floating point but you specified {title(kind)}")
    if not lambd > 0.0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={gap(lambd)}")
    logs = _apply(math.log1p, np.log1p, -engine.u53(count(shape)), kind)
    logs *= -1.0 / lambd
    return cast(logs, kind).reshape(shape)


def cauchy(engine: Engine, shape: Shape, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """cauchy_(median, sigma): median + sigma tan(pi (u - 1/2))."""
    kind = as_numpy(dtype)
    if not _floating(kind):
        raise RuntimeError("Cauchy distribution is a continuous probability distribution. dtype must be a floating "
                           f"point but you specified {c_type(kind)}")
    if not sigma > 0.0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={gap(sigma)}")
    slopes = _apply(math.tan, np.tan, math.pi * (engine.u53(count(shape)) - 0.5), kind)
    with np.errstate(over="ignore"):
        return cast(fma64(slopes, sigma, median), kind).reshape(shape)


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.782712893384 else math.inf


def log_normal(engine: Engine, shape: Shape, dtype: Any, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """log_normal_(mean, std): exp of the scalar-path normal, whose cached value it shares."""
    kind = as_numpy(dtype)
    if not std > 0.0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={gap(std)}")
    if not _floating(kind):
        raise unsupported("log_normal_cpu", kind)
    logs = scalar_normal(engine, count(shape), mean, std, wide=kind == FLOAT64)
    with np.errstate(over="ignore"):
        return cast(_apply(_exp, np.exp, logs, kind), kind).reshape(shape)


def geometric(engine: Engine, shape: Shape, dtype: Any, p: float) -> np.ndarray:
    """geometric_(p): ceil(log(u) / log(1 - p)); any dtype but bool."""
    kind = as_numpy(dtype)
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={gap(p)}")
    if kind.kind in "bc" or kind in _UNSIGNED:
        raise unsupported("geometric_cpu", kind)
    u = engine.u53(count(shape))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logs = libm(math.log, u) if u.size <= MANY and u.all() else np.log(u)
        return cast(np.ceil(logs / math.log1p(-p)), kind).reshape(shape)


def rrelu_slopes(engine: Engine, x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """What F.rrelu multiplies x with in training: lower + u (upper - lower) where x <= 0 (two draws each), else 1.

    float32 for a bfloat16 x, whose product torch rounds once; else of the dtype of x.
    """
    if not _floating(x.dtype) or x.dtype == np.float16:
        raise unsupported("rrelu_with_noise_out_cpu", x.dtype)
    wide = np.dtype(np.float32) if x.dtype in NARROW else x.dtype
    low, high = float(np.array(lower, wide)), float(np.array(upper, wide))
    out = np.ones(x.shape, wide)
    negative = x <= 0
    out[negative] = engine.u53(int(negative.sum())) * (high - low) + low
    return out
