"""The order in which torch fills tensors whose elements are not in row-major order in memory.

In: logical strides.  Out: the dimensions from slowest to fastest, and values put into place.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["filled", "memory_order"]


def memory_order(strides: Sequence[int]) -> tuple[int, ...] | None:
    """The dimensions from the slowest to the fastest in memory; None if they are in order.

    Expanded dimensions (stride 0) keep their place, as in torch's empty_like.
    """
    order = list(range(len(strides)))
    for i in range(1, len(order)):
        k = i
        for j in range(i - 1, -1, -1):
            left, right = strides[order[j]], strides[order[k]]
            if left and right and left < right:
                order[j], order[k] = order[k], order[j]
                k = j
            elif left and right and left > right:
                break
    return None if order == sorted(order) else tuple(order)


def filled(make: Callable[[tuple[int, ...]], np.ndarray], shape: tuple[int, ...],
           axes: tuple[int, ...] | None) -> np.ndarray:
    """`make(shape)`, drawn in the memory order `axes` and returned in logical order."""
    if axes is None:
        return make(shape)
    return make(tuple(shape[i] for i in axes)).transpose(np.argsort(axes))
