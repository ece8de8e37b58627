"""torch.distributed.tensor._utils: which part of a tensor a process has.

In: a shape.  Out: the whole of it: there is one process.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...missing import missing

__all__ = ["compute_local_shape_and_global_offset"]


def compute_local_shape_and_global_offset(global_shape: Sequence[int], mesh: Any, placements: Any,
                                          skip_offset: bool = False) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape itself, and where it begins: at 0 (nothing, if `skip_offset`)."""
    return tuple(global_shape), () if skip_offset else (0,) * len(global_shape)


__getattr__ = missing("torch.distributed.tensor._utils", globals())
