"""torch.nn._reduction: the reductions of losses as numbers, and the older arguments `size_average` and `reduce` as today's.

In: the name of a reduction, or the older arguments.  Out: 0, 1, 2 for none, mean, sum; or the name.
"""
from __future__ import annotations

from ..warned import warn

__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string", "legacy_reduction"]

_NUMBERS = {"none": 0, "mean": 1, "elementwise_mean": 1, "sum": 2}


def get_enum(reduction: str) -> int:
    """The number of a reduction; ValueError for a name that is none."""
    if reduction not in _NUMBERS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if reduction == "elementwise_mean":
        warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.")
    return _NUMBERS[reduction]


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """The name of what the older arguments mean, with torch's warning; None counts as True."""
    mean, at_all = size_average is None or size_average, reduce is None or reduce
    reduction = ("mean" if mean else "sum") if at_all else "none"
    if emit_warning:
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    return reduction


def legacy_get_enum(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> int:
    """The number of what the older arguments mean."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str = "mean") -> str:
    """`reduction`, unless one of the older arguments was given: then what they mean, with torch's warning."""
    return reduction if size_average is None and reduce is None else legacy_get_string(size_average, reduce)
