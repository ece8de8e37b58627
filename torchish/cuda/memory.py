"""How much memory the accelerator uses, as JAX tells it.

In: a device.  Out: bytes; 0 where there is no accelerator.
"""
from __future__ import annotations

import gc
from collections import OrderedDict
from typing import Any

from jax.errors import JaxRuntimeError

from ..devices import cuda_is_available
from .place import index_of, jax_device

__all__ = ["OutOfMemoryError", "empty_cache", "ipc_collect", "max_memory_allocated", "max_memory_cached", "max_memory_reserved",
           "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_stats", "memory_summary",
           "reset_accumulated_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached", "reset_peak_memory_stats",
           "set_per_process_memory_fraction"]

OutOfMemoryError = JaxRuntimeError      # what XLA raises
_peaks: dict[int, int] = {}             # the peak at the last reset


def _stats(device: Any) -> dict:
    return (jax_device(device).memory_stats() or {}) if cuda_is_available() else {}


def memory_allocated(device: Any = None) -> int:
    """Bytes in use."""
    return _stats(device).get("bytes_in_use", 0)


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use at once.

    Differs from torch: XLA cannot forget its peak, so after a reset it is told again only once it has been exceeded.
    """
    peak = _stats(device).get("peak_bytes_in_use", 0)
    return peak if peak > _peaks.get(index_of(device), -1) else memory_allocated(device)


def memory_reserved(device: Any = None) -> int:
    """Bytes that XLA's allocator holds."""
    stats = _stats(device)
    return stats.get("bytes_reserved", 0) or stats.get("pool_bytes", 0) or stats.get("bytes_in_use", 0)


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that XLA's allocator has held."""
    stats = _stats(device)
    return stats.get("peak_bytes_reserved", 0) or stats.get("peak_pool_bytes", 0) or max_memory_allocated(device)


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def reset_peak_memory_stats(device: Any = None) -> None:
    """Peaks count from now on."""
    if cuda_is_available():
        _peaks[index_of(device)] = _stats(device).get("peak_bytes_in_use", 0)


reset_max_memory_allocated = reset_max_memory_cached = reset_accumulated_memory_stats = reset_peak_memory_stats


def memory_stats(device: Any = None) -> OrderedDict:
    """What JAX tells, under its own names and those torch has for the same."""
    stats = OrderedDict(sorted(_stats(device).items()))
    if stats:
        stats["allocated_bytes.all.current"] = stats.get("bytes_in_use", 0)
        stats["allocated_bytes.all.peak"] = stats.get("peak_bytes_in_use", 0)
        stats["num_alloc_retries"] = stats["num_ooms"] = 0
    return stats


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """What JAX tells, a line for each number."""
    return "\n".join(f"{name}: {value}" for name, value in memory_stats(device).items())


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of what XLA may use."""
    stats = jax_device(device).memory_stats() or {}
    total = stats.get("bytes_limit", 0)
    return total - stats.get("bytes_in_use", 0), total


def empty_cache() -> None:
    """Collects garbage: XLA keeps freed memory for itself."""
    if cuda_is_available():
        gc.collect()


def ipc_collect() -> None:
    """Nothing but AssertionError where there is no accelerator."""
    jax_device()


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """RuntimeError: XLA takes its share when it starts; see XLA_PYTHON_CLIENT_MEM_FRACTION."""
    jax_device(device)
    raise RuntimeError("set_per_process_memory_fraction: XLA takes its share of memory when it starts. Set the environment "
                       "variable "
                       f"XLA_PYTHON_CLIENT_MEM_FRACTION={fraction} before the program starts")
