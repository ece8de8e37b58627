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
from .namespace import namespace as t
from .ops.check import prod, require
from .ops.histogram import edges_of, need_histogram, refuse_weight
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
    require(input.dim() >= 2, "torch.histogramdd: input tensor should have at least 2 dimensions")
    n = input.shape[-1]
    bins = [bins] * n if isinstance(bins, int) else list(bins)
    require(len(bins) == n, "histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    refuse_weight(input, weight, list(input.shape), weight is None or weight.shape == input.shape[:-1])
    require(range is None or len(range) == 2 * n, f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} "
                                                  f"elements, but got {0 if range is None else len(range)}")
    need_histogram(input, "histogramdd" if n and isinstance(bins[0], int) and range is None else "histogram_cpu")
    columns = input.detach().reshape(-1, n).unbind(1) if n else ()
    given = [edges_of(t, x, b, None if range is None else tuple(range[2 * k:2 * k + 2]), k)
             for k, (x, b) in enumerate(zip(columns, bins, strict=True))]
    points, edges = input.detach()._numpy().reshape(prod(input.shape[:-1]), n), [b.detach()._numpy() for b in given]
    hist = _counted(points, edges, 1 if weight is None else weight.detach()._numpy().reshape(-1))
    if density:
        hist = hist / hist.sum() / reduce(np.multiply.outer, [np.diff(e) for e in edges])
    return HISTOGRAM(from_array(hist.astype(points.dtype)), tuple(given))


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
