"""Sizes given as one int or one a dimension."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["ntuple"]


def ntuple(value: Any, n: int) -> tuple:
    """`value` as a tuple: a sequence stays what it is, anything else is repeated n times."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * n
