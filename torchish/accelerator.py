"""torch.accelerator: torch.cuda under a name that fits whatever accelerator JAX has.

In: devices by index.  Out: what JAX tells of them.
Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""
from __future__ import annotations

from typing import Any

from .cuda import (
    current_device as current_device_index,
)
from .cuda import (
    current_stream,
    device_count,
    empty_cache,
    get_device_capability,
    is_available,
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    memory_stats,
    reset_accumulated_memory_stats,
    reset_peak_memory_stats,
    set_stream,
    synchronize,
)
from .cuda import device as device_index
from .cuda import mem_get_info as get_memory_info
from .cuda import set_device as set_device_index
from .devices import device
from .missing import missing

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
           "device_index",
           "empty_cache", "get_device_capability", "get_memory_info", "is_available", "max_memory_allocated",
           "max_memory_reserved",
           "memory_allocated", "memory_reserved", "memory_stats", "reset_accumulated_memory_stats", "reset_peak_memory_stats",
           "set_device_idx", "set_device_index", "set_stream", "synchronize"]

current_device_idx, set_device_idx = current_device_index, set_device_index


def current_accelerator(check_available: bool = False) -> Any:
    """device('cuda') where JAX has an accelerator, else None."""
    return device("cuda") if is_available() else None


__getattr__ = missing("torch.accelerator", globals())
