"""Functions computed on the host: histogramdd, from_file.

In: tensors whose values are read (this ends the step), files.  Out: concrete tensors.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import dtypes
from .creation import finish_new, from_array
from .ops.check import require
from .ops.statistics import need_histogram
from .returned import named
from .tensor import Tensor
from .untyped_storage import from_file as read_file

__all__ = ["from_file", "histogramdd"]

HISTOGRAM = named("histogramdd", ("hist", "bin_edges"))


def histogramdd(input: Tensor, bins: Any, range: Sequence[float] | None = None, weight: Tensor | None = None,
                density: bool = False) -> Any:
    """How many of the points (n, d) lie in each cell of a d-dimensional grid, and the grid's edges along each dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.histogramdd.html
    """
    counted = isinstance(bins, int) or isinstance(bins[0], int)
    need_histogram(input, "histogramdd" if counted and range is None else "histogram_cpu")
    points = input.detach()._numpy()
    points = points.reshape(-1, points.shape[-1])
    kind = points.dtype
    n = points.shape[1]
    bins = [bins] * n if isinstance(bins, int) else [b._numpy() if isinstance(b, Tensor) else b for b in bins]
    require(len(bins) == n, "histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    limits = [None] * n if range is None else [tuple(range[2 * k:2 * k + 2]) for k in np.arange(n)]
    edges = [b if isinstance(b, np.ndarray) else np.histogram_bin_edges(x, b, limit).astype(kind)
             for x, b, limit in zip(points.T, bins, limits, strict=True)]
    hist = _counted(points, edges, 1 if weight is None else weight.detach()._numpy().reshape(-1))
    if density:
        hist = hist / hist.sum() / reduce(np.multiply.outer, [np.diff(e) for e in edges])
    return HISTOGRAM(from_array(hist.astype(kind)), tuple(from_array(e) for e in edges))


def _counted(points: np.ndarray, edges: Sequence[np.ndarray], weights: Any) -> np.ndarray:
    """How many points, or what weight of them, are in each cell; the last cell has its right edge, too."""
    columns = list(zip(points.T, edges, strict=True))
    inside = np.all([(e[0] <= x) & (x <= e[-1]) for x, e in columns], axis=0)
    cells = [np.clip(np.searchsorted(e, x, "right") - 1, 0, len(e) - 2)[inside] for x, e in columns]
    hist = np.zeros([len(e) - 1 for e in edges])
    np.add.at(hist, tuple(cells), weights[inside] if isinstance(weights, np.ndarray) else weights)
    return hist


def from_file(filename: str, shared: bool | None = None, size: int = 0, *, dtype: Any = None, layout: Any = None,
              device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The first `size` numbers in a file, 1-D. Differs from torch: a copy, so `shared=True` is refused.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.from_file.html
    """
    found = read_file(filename, bool(shared), size, dtypes.default.float if dtype is None else dtype)
    return finish_new(found, None, device, requires_grad)
