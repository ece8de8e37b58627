"""Objects instead of tensors among processes: here each comes back as a copy of itself, as what is sent is pickled.

In: objects that can be pickled.  Out: lists filled with them.
Source: https://docs.pytorch.org/docs/stable/distributed.html#collective-functions
"""
from __future__ import annotations

import pickle
from typing import Any

from .distributed_c10d import current

__all__ = ["all_gather_object", "broadcast_object_list", "gather_object", "scatter_object_list"]


def _sent(obj: Any) -> Any:
    return pickle.loads(pickle.dumps(obj))


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Puts a copy of `obj` into the list."""
    current(group)
    object_list[0] = _sent(obj)


def gather_object(obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:
    """Puts a copy of `obj` into the list."""
    current(group)
    if object_gather_list is None:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    object_gather_list[0] = _sent(obj)


def broadcast_object_list(object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
                          group_src: int | None = None, use_batch: bool = False) -> None:
    """The list as it is: its sender keeps its own objects."""
    current(group)


def scatter_object_list(scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:
    """Puts a copy of the one object of the input into the output."""
    current(group)
    if not isinstance(scatter_object_output_list, list) or len(scatter_object_output_list) < 1:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    if scatter_object_input_list is None:
        raise ValueError("source rank must provide non-None scatter_object_input_list")
    scatter_object_output_list[0] = _sent(scatter_object_input_list[0])
