"""The helpers that torch has for sizes not yet known: here every size is a Python number.

In: numbers.  Out: numbers.  The classes have no instances; scripts ask `isinstance(n, torch.SymInt)`.
Source: https://docs.pytorch.org/docs/stable/torch.html#symbolic-numbers
"""
from __future__ import annotations

import math
from typing import Any

__all__ = ["SymBool", "SymFloat", "SymInt", "sym_constrain_range", "sym_constrain_range_for_size", "sym_float", "sym_int",
           "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum"]


class _Symbol:
    def __init__(self, node: Any) -> None:
        raise TypeError(f"{type(self).__name__} cannot be made: every size is a Python number")


class SymInt(_Symbol):
    """A size that is not known yet: there are none."""


class SymFloat(_Symbol):
    """A number computed from sizes that are not known yet: there are none."""


class SymBool(_Symbol):
    """A condition on sizes that are not known yet: there are none."""


def sym_int(a: Any) -> int:
    """The integer next to `a` towards zero."""
    return math.floor(a) if a >= 0 else math.ceil(a)


def sym_float(a: Any) -> float:
    """`a` as a float."""
    return float(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if one of them is."""
    larger = max(a, b)
    return float(larger) if isinstance(a, float) or isinstance(b, float) else larger


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if one of them is."""
    smaller = min(a, b)
    return float(smaller) if isinstance(a, float) or isinstance(b, float) else smaller


def sym_not(a: Any) -> bool:
    """not a."""
    return not a


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """t if b else f, both of one type."""
    if type(t) is not type(f):
        raise AssertionError(f"type mismatch: {type(t)} vs {type(f)}")
    return t if b else f


def sym_sum(*args: Any) -> Any:
    """The sum of numbers given one by one or as a sequence."""
    return sum(args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args)


def sym_sqrt(a: Any) -> float:
    """The square root."""
    return math.sqrt(a)


def sym_constrain_range(size: int, *, min: int | None = None, max: int | None = None) -> None:
    """RuntimeError unless min <= size <= max."""
    if (min is not None and size < min) or (max is not None and size > max):
        raise RuntimeError(f"Invalid value range for {size} between [{min}, {max}].")


def sym_constrain_range_for_size(size: int, *, min: int | None = None, max: int | None = None) -> None:
    """RuntimeError unless min <= size <= max."""
    sym_constrain_range(size, min=min, max=max)
