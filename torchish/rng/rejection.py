"""Samplers that draw until they accept: poisson, gamma, Dirichlet, binomial.

In: an Engine, an array of parameters.  Out: an array of the same shape and dtype with torch's bits.  Serial:
one element after another, in logical order.
Sources: Hoermann, The transformed rejection method for generating Poisson random variables (1993), and The generation
of binomial random variates (1993); Marsaglia and Tsang, A simple method for generating gamma variables (2000).
"""
from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .common import NARROW, cast, unsupported
from .engine import Engine
from .fills import standard_normals

__all__ = ["binomial", "dirichlet", "gamma", "poisson"]

THIRD = float(np.float32(1.0) / np.float32(3.0))
SQUEEZE = float(np.float32(0.0331))
TAIL = (0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
        0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287)


def _floating(values: np.ndarray, kernel: str) -> None:
    if values.dtype.kind != "f" and values.dtype not in NARROW:
        raise unsupported(kernel, values.dtype)


def _tiny(kind: np.dtype) -> float:
    return 2.0 ** -126 if kind in NARROW and kind != np.float16 else float(np.finfo(kind).tiny)


# -- poisson

def poisson(engine: Engine, rate: np.ndarray) -> np.ndarray:
    """Poisson counts with the given rates."""
    _floating(rate, "poisson_cpu")
    if not bool((rate >= 0).all()):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    counts = [_poisson(engine.uniform, x) for x in rate.reshape(-1).astype(np.float64).tolist()]
    return cast(np.array(counts, np.float64), rate.dtype).reshape(rate.shape)


def _poisson(uniform: Callable[[], float], rate: float) -> int:
    if rate == 0.0:
        return 0
    if rate < 10.0:
        limit, product, k = math.exp(-rate), 1.0, 0
        while True:
            product *= uniform()
            if product <= limit:
                return k
            k += 1
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    bound = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue                # k would be -inf
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= bound:
            return k
        if k < 0 or us < 0.013 and v > us:
            continue
        left = (math.log(v) if v else -math.inf) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if left <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


# -- gamma

def gamma(engine: Engine, alpha: np.ndarray) -> np.ndarray:
    """_standard_gamma: gamma variates of the given shapes and scale 1."""
    _floating(alpha, "gamma_cpu")
    kind = np.dtype(np.float32) if alpha.dtype in NARROW else alpha.dtype
    draws = [_gamma(engine, x, kind) for x in alpha.reshape(-1).astype(kind)]
    least = _tiny(alpha.dtype)
    return cast(np.maximum(np.array(draws, np.float64), least), alpha.dtype).reshape(alpha.shape)


def _gamma(engine: Engine, alpha: np.floating, kind: np.dtype) -> float:
    scale, one = 1.0, kind.type(1)
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = math.pow(1.0 - engine.uniform(), float(one / alpha))
        alpha = alpha + one
    d = float(alpha - kind.type(THIRD))
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = float(standard_normals(engine, 1)[0])
            y = 1.0 + c * x
        v = y * y * y
        w = 1.0 - engine.uniform()
        xx = x * x
        if w < 1.0 - SQUEEZE * xx * xx or math.log(w) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def dirichlet(engine: Engine, alpha: np.ndarray) -> np.ndarray:
    """_sample_dirichlet: rows of positive numbers with sum 1."""
    _floating(alpha, "dirichlet")
    double = np.dtype(np.float64)
    draws = [_gamma(engine, x, double) for x in alpha.reshape(-1).astype(double)]
    draws = np.maximum(np.array(draws), np.finfo(double).tiny).reshape(alpha.shape)
    kind = alpha.dtype
    rows = cast(draws / draws.sum(axis=-1, keepdims=True), kind)
    one = kind.type(1)
    return np.clip(rows, kind.type(_tiny(kind)), np.nextafter(one, kind.type(0)))


# -- binomial

def binomial(engine: Engine, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Successes among `count` trials of probability `prob` (same dtype, broadcast)."""
    _floating(count, "binomial_cpu")
    count, prob = np.broadcast_arrays(count, prob)
    kind = np.dtype(np.float32) if count.dtype in NARROW else count.dtype
    pairs = zip(count.reshape(-1).astype(kind), prob.reshape(-1).astype(kind), strict=True)
    draws = [_binomial(engine.uniform, n, p) for n, p in pairs]
    return cast(np.array(draws, np.float64), count.dtype).reshape(count.shape)


def _binomial(uniform: Callable[[], float], n: np.floating, p: np.floating) -> float:
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return float(n)
    if p <= 0.5:
        return _counts(uniform, n, p)
    return float(n) - _counts(uniform, n, type(p)(1.0 - float(p)))


def _counts(uniform: Callable[[], float], n: np.floating, p: np.floating) -> float:
    """Successes for 0 < p <= 1/2: by gaps between them where few are expected, else by rejection."""
    if n * p >= 10:
        return _btrs(uniform, n, p)
    log_miss, total, found = math.log1p(-float(p)), 0.0, 0
    while True:
        u = uniform()
        total += math.ceil(math.log(u) / log_miss) if u else math.inf
        if total > n:
            return float(found)
        found += 1


def _tail(k: float) -> float:
    """The remainder of Stirling's approximation of log k!."""
    if k <= 9:
        return TAIL[int(k)]
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)


def _btrs(uniform: Callable[[], float], n: np.floating, p: np.floating) -> float:
    one = type(p)(1)
    spread = math.sqrt(float(n * p * (one - p)))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * float(p)
    centre = float(n * p) + 0.5
    bound = 0.92 - 4.2 / b
    odds = float(p / (one - p))
    alpha = (2.83 + 5.1 / b) * spread
    m = math.floor(float((n + one) * p))
    n = float(n)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = math.floor((2 * a / us + b) * u + centre)
        if us >= 0.07 and v <= bound:
            return float(k)
        if k < 0 or k > n:
            continue
        score = v * alpha / (a / (us * us) + b)
        limit = ((m + 0.5) * math.log((m + 1) / (odds * (n - m + 1)))
                 + (n + 1) * math.log((n - m + 1) / (n - k + 1))
                 + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
                 + _tail(m) + _tail(n - m) - _tail(k) - _tail(n - k))
        if score == 0.0 or math.log(score) <= limit:
            return float(k)
