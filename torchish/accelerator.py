"""torch.accelerator: torch.cuda under a name that fits whatever accelerator JAX has.

In: devices by index.  Out: what JAX tells of them; RuntimeError where there is no accelerator.
Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import cuda
from .cuda import device as device_index
from .cuda import device_count, is_available
from .devices import device
from .missing import missing

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count", "device_index",
           "empty_cache", "get_device_capability", "get_memory_info", "is_available", "max_memory_allocated",
           "max_memory_reserved", "memory_allocated", "memory_reserved", "memory_stats", "reset_accumulated_memory_stats",
           "reset_peak_memory_stats", "set_device_idx", "set_device_index", "set_stream", "synchronize"]


def current_accelerator(check_available: bool = False) -> Any:
    """device('cuda') where JAX has an accelerator, else None."""
    return device("cuda") if is_available() else None


def _where_there_is_one(function: Callable) -> Callable:
    @functools.wraps(function)
    def asked(*args: Any, **kwargs: Any) -> Any:
        if not is_available():
            raise RuntimeError("Cannot access accelerator device when none is available.")
        return function(*args, **kwargs)
    return asked


current_device_index = current_device_idx = _where_there_is_one(cuda.current_device)
set_device_index = set_device_idx = _where_there_is_one(cuda.set_device)
get_memory_info = _where_there_is_one(cuda.mem_get_info)
current_stream = _where_there_is_one(cuda.current_stream)
empty_cache = _where_there_is_one(cuda.empty_cache)
get_device_capability = _where_there_is_one(cuda.get_device_capability)
max_memory_allocated = _where_there_is_one(cuda.max_memory_allocated)
max_memory_reserved = _where_there_is_one(cuda.max_memory_reserved)
memory_allocated = _where_there_is_one(cuda.memory_allocated)
memory_reserved = _where_there_is_one(cuda.memory_reserved)
memory_stats = _where_there_is_one(cuda.memory_stats)
reset_accumulated_memory_stats = _where_there_is_one(cuda.reset_accumulated_memory_stats)
reset_peak_memory_stats = _where_there_is_one(cuda.reset_peak_memory_stats)
set_stream = _where_there_is_one(cuda.set_stream)
synchronize = _where_there_is_one(cuda.synchronize)

__getattr__ = missing("torch.accelerator", globals())
