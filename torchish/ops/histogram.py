"""Histograms: histc, histogram; what histogramdd (`host.py`) and they look at before they count.

In: arrays and tensors of numbers or points, the number of bins or their edges, a range, weights.  Out: counts, edges.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..dtypes import c_name, c_type
from ..returned import named
from .check import listing, require
from .into import Into
from .precision import need_float, no_bool
from .table import Array, Number, cast, composite, op

__all__ = ["Histogram", "edges_of", "need_histogram", "refuse_weight"]

_SAME = "torch.histogram: input tensor and {} tensor should have the same dtype, but got input {{want_c}} and {} {{got_c}}"
INTO = Into(_SAME.format("hist", "hist"), later=(_SAME.format("bin_edges", "bin_edges") + " for dimension 0",))
Histogram = named("histogram", ("hist", "bin_edges"))


def _positive(bins: int, dim: int = 0) -> None:
    require(bins > 0, f"torch.histogram(): bins must be > 0, but got {bins} for dimension {dim}")


def _refuse_range(low: float, high: float, name: str = "torch.histc: range of") -> None:
    require(math.isfinite(low) and math.isfinite(high), f"{name} [{low:g}, {high:g}] is not finite")


def _refuse_infinite(input: Any, bins: int, low: Any, high: Any) -> None:
    """The range of the data, where it is the range of the bins."""
    if isinstance(input, np.ndarray) and input.size and low == high:
        _refuse_range(input.min().item(), input.max().item())


@op(differentiable=False, saves=False, into=INTO, look=_refuse_infinite, looks="matrix")
def histc(input: Array, bins: int = 100, min: Number = 0, max: Number = 0) -> Array:
    """How many elements fall into each of `bins` equal intervals of [min, max] (both 0: those of the data)."""
    no_bool("linspace_cpu", input)
    if isinstance(min, (int, float)) and isinstance(max, (int, float)):
        _refuse_range(min, max)
        require(min <= max, "torch.histc: max must be larger than min")
    need_float("histogram_cpu", input)
    _positive(bins)
    x = input.reshape(-1)
    low, high = cast(min, input.dtype), cast(max, input.dtype)
    if x.size:
        same = low == high
        low, high = jnp.where(same, x.min(), low), jnp.where(same, x.max(), high)
    flat = low == high
    low, high = jnp.where(flat, low - 1, low), jnp.where(flat, high + 1, high)
    place = jnp.clip(((x - low) * (bins / (high - low))).astype(jnp.int64), 0, bins - 1)
    inside = (x >= low) & (x <= high)
    return jnp.zeros(bins, input.dtype).at[place].add(inside.astype(input.dtype))


@op(name="_histogram", forms="private", differentiable=False, saves=False,
    samples=lambda t: [((t(9), np.sort(t(4)), None, False), {}), ((t(9), np.sort(t(4)), t(9), True), {})])
def histogram_op(input: Array, edges: Array, weight: Array | None, density: bool) -> Array:
    """Weighted counts between neighbouring edges; the last interval includes its right end."""
    x = input.reshape(-1)
    n = edges.shape[0] - 1
    place = jnp.clip(jnp.searchsorted(edges, x, side="right") - 1, 0, n - 1)
    inside = (x >= edges[0]) & (x <= edges[-1])
    w = jnp.ones_like(x) if weight is None else weight.reshape(-1)
    counts = jnp.zeros(n, input.dtype).at[place].add(jnp.where(inside, w, 0))
    return counts / (counts.sum() * jnp.diff(edges)) if density else counts


@composite(into=INTO)
def histogram(t: Any, input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False,
              out: Any = None) -> Any:
    """Counts and the edges of the bins; `bins` is a number or the edges."""
    numbered = isinstance(bins, int)
    if not numbered and (range is not None or not isinstance(bins, t.Tensor)):
        raise TypeError(f"histogram() received an invalid combination of arguments - got (Tensor, {type(bins).__name__}"
                        f"{', range=tuple' * (range is not None)}), but expected one of:\n"
                        " * (Tensor input, Tensor bins, *, Tensor weight = None, bool density = False, tuple of Tensors out = None)"
                        "\n * (Tensor input, int bins = 100, *, tuple of floats range = None, Tensor weight = None, bool density = "
                        "False, tuple of Tensors out = None)\n")
    if numbered:
        _positive(bins)
    need_histogram(input, "histogramdd" if numbered and range is None else "histogram_cpu")
    refuse_weight(input, weight, [input.numel(), 1], weight is None or weight.shape == input.shape)
    bins = edges_of(t, input, bins, range)
    found = Histogram(t._histogram(input, bins, weight, density), bins)
    if out is None:
        return found
    return t.Tensor._store(out, found, "histogram")


def need_histogram(x: Any, kernel: str) -> None:
    """NotImplementedError, as torch's `kernel` raises it, unless `x` is floating; halves have no "histogramdd"."""
    if not x.is_floating_point() or kernel == "histogramdd" and x.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{c_name(x.dtype)}'")


def refuse_weight(x: Any, weight: Any, shape: list[int], fits: bool) -> None:
    """torch's errors for weights of another dtype, and of another shape than points of `shape` have."""
    if weight is None:
        return
    require(weight.dtype is x.dtype, "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have "
                                     f"the same dtype, but got input({c_type(x.dtype)}), and weight({c_type(weight.dtype)})")
    require(fits, "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its "
                  f"innermost dimension, but got input with shape {listing(shape)} and weight with shape {listing(weight.shape)}")


def edges_of(t: Any, x: Any, bins: Any, limits: Sequence[float] | None, dim: int = 0) -> Any:
    """The edges of the bins of `x`, given as they are or by their number (within `limits`, or those of the data)."""
    if not isinstance(bins, int):
        require(bins.dtype is x.dtype, "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input "
                f"with dtype {c_type(x.dtype)} and bins for dimension {dim} with dtype {c_type(bins.dtype)}")
        require(bins.dim() == 1, f"torch.histogramdd: bins tensor should have one dimension, but got {bins.dim()} dimensions in "
                                 f"the bins tensor for dimension {dim}")
        require(bins.numel() > 0, "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins "
                                  f"tensor for dimension {dim}")
        _positive(bins.numel() - 1, dim)
        return bins
    _positive(bins, dim)
    low, high = limits or ((x.min().item(), x.max().item()) if x.numel() else (0.0, 1.0))
    _refuse_range(low, high, f"torch.histogramdd: dimension {dim}'s range")
    require(low <= high, f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {dim}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return t.linspace(low, high, bins + 1, dtype=x.dtype, device=x.device)
