"""Functions that numpy computes on the host: histogramdd, from_file.

In: tensors whose values are read (this ends the step), files.  Out: concrete tensors.
"""
from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import dtypes
from .creation import finish_new, from_array
from .ops.check import require
from .tensor import Tensor

__all__ = ["from_file", "histogramdd"]

HISTOGRAM = namedtuple("histogramdd", ("hist", "bin_edges"))    # type: ignore[name-match]
HISTOGRAM.__module__ = "torch.return_types"


def histogramdd(input: Tensor, bins: Any, range: Sequence[float] | None = None, weight: Tensor | None = None,
                density: bool = False) -> Any:
    """How many of the points (n, d) lie in each cell of a d-dimensional grid, and the grid's edges along each dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.histogramdd.html
    """
    points = input.detach()._numpy()
    points = points.reshape(-1, points.shape[-1])
    kind = points.dtype
    limits = None if range is None else [tuple(range[2 * k:2 * k + 2]) for k in np.arange(points.shape[1])]
    if isinstance(bins, (list, tuple)) and bins and isinstance(bins[0], Tensor):
        bins = [b._numpy() for b in bins]
    elif isinstance(bins, int):
        bins = [bins] * points.shape[1]
    weights = None if weight is None else weight.detach()._numpy().reshape(-1)
    hist, edges = np.histogramdd(points, bins, limits, density, weights)
    return HISTOGRAM(from_array(hist.astype(kind)), tuple(from_array(np.asarray(e).astype(kind)) for e in edges))


def from_file(filename: str, shared: bool | None = None, size: int = 0, *, dtype: Any = None, layout: Any = None,
              device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The first `size` numbers in a file, 1-D. Differs from torch: a copy, so `shared=True` is refused.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.from_file.html
    """
    require(not shared, "from_file: shared=True is not possible, arrays of XLA do not lie in files")
    dtype = dtypes.default.float if dtype is None else dtype
    return finish_new(from_array(np.fromfile(filename, dtype.np, size)), None, device, requires_grad)
