"""Bernoulli, dropout noise and multinomial.

In: an Engine, probabilities.  Out: numpy arrays with torch's bits.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .common import NARROW, Shape, as_numpy, count, gap, title, unsupported
from .continuous import exponential
from .engine import Engine
from .integers import _NO_KERNEL

__all__ = ["bernoulli", "bernoulli_of", "dropout_noise", "multinomial"]


def bernoulli(engine: Engine, shape: Shape, dtype: Any, p: float = 0.5) -> np.ndarray:
    """bernoulli_(p): 1 with probability p; two draws for each element, whatever p is."""
    kind = as_numpy(dtype)
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={gap(p)}")
    if kind.kind == "c" or kind in _NO_KERNEL:
        raise unsupported("bernoulli_scalar_cpu_", kind)
    return (engine.u53(count(shape)) < float(p)).astype(kind).reshape(shape)


def bernoulli_of(engine: Engine, p: np.ndarray, dtype: Any = None) -> np.ndarray:
    """bernoulli_(tensor), torch.bernoulli(tensor): one draw each, two where p is float64. p in fill order."""
    if p.dtype.kind != "f" and p.dtype not in NARROW:
        raise unsupported("bernoulli_tensor_cpu_p_", p.dtype)
    kind = p.dtype if dtype is None else as_numpy(dtype)
    if kind.kind == "c" or kind in _NO_KERNEL:
        raise unsupported("bernoulli_tensor_cpu_self_", kind)
    limit = p.reshape(-1)
    if not bool(((limit >= 0) & (limit <= 1)).all()):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
                           "improved?  If so, please report an enhancement request to PyTorch.)")
    hit = engine.u53(p.size) < limit if p.dtype == np.float64 else engine.u24(p.size) < limit.astype(np.float32)
    return hit.astype(kind).reshape(p.shape)


def dropout_noise(engine: Engine, shape: Shape, dtype: Any, p: float) -> np.ndarray:
    """bernoulli_(1 - p) / (1 - p): what dropout multiplies its input with (0 < p < 1)."""
    kind = as_numpy(dtype)
    keep = 1.0 - p
    wide = np.float32 if kind in NARROW else kind
    scale = (np.array(1, wide) / np.array(keep, wide)).astype(kind)
    return bernoulli(engine, shape, kind, keep) * scale


# -- multinomial

def multinomial(engine: Engine, p: np.ndarray, num_samples: int, replacement: bool = False) -> np.ndarray:
    """Indices drawn with the weights p ([K] or [rows, K]), int64 [num_samples] or [rows, num_samples]."""
    _check_multinomial(p, num_samples, replacement)
    rows = p.reshape(-1, p.shape[-1])
    if num_samples == 1 or not replacement:
        found = _race(engine, rows, num_samples)
    else:
        found = _inverse(engine, rows, num_samples)
    return found.reshape(*p.shape[:-1], num_samples)


def _check_multinomial(p: np.ndarray, num_samples: int, replacement: bool) -> None:
    if p.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if p.dtype.kind != "f" and p.dtype not in NARROW:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {title(p.dtype)}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > p.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if p.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")


def _race(engine: Engine, rows: np.ndarray, k: int) -> np.ndarray:
    """An exponential race: the k largest p / q. Two draws for each probability."""
    with np.errstate(invalid="ignore"):
        ok = bool(((rows >= 0) & (rows < np.inf)).all())
    if not ok:
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if rows.size and bool((rows.astype(np.float64).sum(axis=-1) == 0).any()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    with np.errstate(divide="ignore", invalid="ignore"):
        score = rows / exponential(engine, rows.shape, rows.dtype)
    if k == 1:
        return np.argmax(score, axis=-1).astype(np.int64)[:, None]
    return np.argsort(-score, axis=-1, kind="stable")[:, :k].astype(np.int64)


def _inverse(engine: Engine, rows: np.ndarray, k: int) -> np.ndarray:
    """Inversion of the running sums; two draws for each sample, row after row."""
    wide = rows.astype(np.float32) if rows.dtype in NARROW else rows
    out = np.empty((len(rows), k), np.int64)
    for i, row in enumerate(wide):
        if not bool((row >= 0).all()):
            raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
        if not math.isfinite(float(row.max(initial=0))):
            raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
        sums = np.cumsum(row, dtype=row.dtype)
        total = sums[-1] if len(sums) else row.dtype.type(0)
        if not total > 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        sums = sums / total
        sums[-1] = 1
        out[i] = np.searchsorted(sums.astype(np.float64), engine.u53(k), side="left")
    return out
