"""Calls of ops in every memory layout and precision, for goldens of layouts and autocast.

In: the cases of tests/op_cases.py.  Out: operands as numpy arrays that lie in a given order, calls of the op itself.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
from op_cases import Case, each_array, elsewhere
from op_cases import cases as all_of

__all__ = ["LAYOUTS", "PRECISIONS", "arranged", "first_cases", "in_precision", "recorded", "strides_of"]

LAYOUTS = ("columns", "columns first", "turned", "channels last", "channels last first")
PRECISIONS = ("float32", "bfloat16", "mixed")


def first_cases() -> Iterator[Case]:
    """At most two cases of each op."""
    from torchish.ops.table import TABLE
    for op in TABLE.values():
        if elsewhere(op) is None:
            yield from all_of(op)[:2]


def _laid(x: np.ndarray, how: str) -> np.ndarray:
    n = x.ndim
    if n < 2 or how == "channels last" and n not in (4, 5):
        return x
    order = {"columns": [*range(n)][::-1], "turned": [*range(1, n), 0], "channels last": [0, *range(2, n), 1]}[how]
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def arranged(layout: str) -> Callable[[np.ndarray], np.ndarray]:
    """Puts arrays into this order of dimensions; with "first" only the first one."""
    how, only = layout.removesuffix(" first"), layout.endswith(" first")
    met: list = []

    def arrange(x: np.ndarray) -> np.ndarray:
        met.append(x)
        return x if only and len(met) > 1 else _laid(x, how)
    return arrange


def in_precision(precision: str) -> Callable[[np.ndarray], np.ndarray]:
    """Makes float32 arrays bfloat16: all, none, or ("mixed") the first."""
    met: list = []

    def change(x: np.ndarray) -> np.ndarray:
        if x.dtype != np.float32:
            return x
        met.append(x)
        return x.astype(ml_dtypes.bfloat16) if precision == "bfloat16" or precision == "mixed" and len(met) == 1 else x
    return change


def recorded(case: Case, make: Callable[[np.ndarray], Any]) -> Any:
    """What torchish records for the case: the op itself, without its public function."""
    from torchish.recorder import record
    args, kwargs = each_array(case.args, make), each_array(case.kwargs, make)
    given = dict(zip([p.name for p in case.op.params], args, strict=False)) | kwargs
    return record(case.op, [given.get(p.name, p.default) for p in case.op.params])


def strides_of(results: list) -> list:
    """The strides of tensors of two or more dimensions."""
    return [list(x.stride()) for x in results if x.dim() > 1]
