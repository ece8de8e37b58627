"""The older arguments `size_average` and `reduce` of losses, as today's `reduction`."""
from __future__ import annotations

from ..warned import warn

__all__ = ["legacy_reduction"]


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str = "mean") -> str:
    """`reduction`, unless one of the older arguments was given: then what they mean, with torch's warning."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        reduction = "none"
    else:
        reduction = "sum" if size_average is False else "mean"
    warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    return reduction
