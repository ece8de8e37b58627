"""torch.testing.make_tensor: random tensors of any dtype, for tests.

In: a shape, a dtype, bounds.  Out: a tensor with the draws that torch makes of the same seed.
Source: https://docs.pytorch.org/docs/stable/testing.html#torch.testing.make_tensor
"""
from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isnan, prod
from typing import Any

from . import dtypes
from .dtypes import dtype as Dtype
from .dtypes import finfo, iinfo
from .namespace import namespace as t
from .tensor import Tensor
from .warned import warn

__all__ = ["make_tensor"]


def make_tensor(*shape: Any, dtype: Dtype, device: Any, low: float | None = None, high: float | None = None,
                requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False,
                memory_format: Any = None) -> Tensor:
    """A tensor with values drawn evenly from [low, high), by default [-9, 9] as far as the dtype reaches.

    Errors: ValueError for bounds that are in the wrong order or that the dtype cannot hold, TypeError for other dtypes.
    """
    if dtype.name in ("quint8", "qint8", "qint32"):
        raise TypeError(f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor(). To request support, file "
                        "an issue at: https://github.com/pytorch/pytorch/issues")
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got {noncontiguous=} and "
                         f"{memory_format=}")
    if requires_grad and dtype.category < dtypes.FLOAT:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    noncontiguous = noncontiguous and prod(sizes) > 1
    if noncontiguous:       # every other element is left out at the end
        sizes = (*sizes[:-1], 2 * sizes[-1])
    made = _drawn(sizes, dtype, device, low, high)
    if noncontiguous:
        made = made[..., 1::2]
    elif memory_format is not None:
        made = made.clone(memory_format=memory_format)
    if exclude_zero:
        made[made == 0] = 1 if dtype.category < dtypes.FLOAT else finfo(dtype).tiny
    return made.requires_grad_(requires_grad) if dtype.category >= dtypes.FLOAT else made


def _drawn(sizes: tuple[int, ...], dtype: Dtype, device: Any, low: float | None, high: float | None) -> Tensor:
    if dtype is dtypes.bool_:
        least, most = _bounds(dtype, low, high, (0, 2), (0, 2))
        return t.randint(int(least), int(most), sizes, device=device, dtype=dtype)
    if dtype.category == dtypes.INTEGER:
        info = iinfo(dtype)
        least, most = _bounds(dtype, low, high, (info.min, info.max + (dtype is not dtypes.int64)), (-9, 10))
        return t.randint(int(least), int(most), sizes, device=device, dtype=dtype)
    info = finfo(dtype)
    least, most = _bounds(dtype, low, high, (info.min, info.max), (-9, 9))
    made = t.empty(sizes, device=device, dtype=dtypes.float32 if dtype in dtypes.FLOAT8 else dtype)
    parts = t.view_as_real(made) if dtype.is_complex else made
    if most - least >= finfo(parts.dtype).max:      # the range of the draw would be infinite
        parts.uniform_(least / 2, most / 2).mul_(2)
    else:
        parts.uniform_(least, most)
    return made.to(dtype)


def _bounds(dtype: Dtype, low: float | None, high: float | None, held: tuple, usual: tuple) -> tuple[float, float]:
    """The bounds of the draw, within what the dtype holds."""
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if isnan(low) or isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and dtype.category >= dtypes.FLOAT:
        warn("Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 "
             "and will be removed in 2.3. Use `torch.full(...)` instead.", FutureWarning)
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < held[0] or low >= held[1]:
        raise ValueError(f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports "
                         f"[{held[0]}, {held[1]})")
    low, high = min(max(low, held[0]), held[1]), min(max(high, held[0]), held[1])
    return (low, high) if dtype.category >= dtypes.FLOAT else (floor(low), ceil(high))
