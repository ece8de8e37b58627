"""torch.cuda: the accelerator that JAX has, whoever made it.

In: devices by index.  Out: what JAX tells of them.  Without one, functions answer as those of a CPU build of torch: False, 0,
nothing, or AssertionError.
Source: https://docs.pytorch.org/docs/stable/cuda.html
"""
from __future__ import annotations

from typing import Any

from ..devices import cuda_device_count as device_count
from ..devices import cuda_is_available as is_available
from ..legacy import LEGACY, tensortype
from ..missing import missing
from ..typed_storage import CUDA_STORAGES
from . import amp, nvtx
from .memory import (
    OutOfMemoryError,
    empty_cache,
    ipc_collect,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from .place import (
    can_device_access_peer,
    current_device,
    device,
    device_of,
    get_arch_list,
    get_device_capability,
    get_device_name,
    get_device_properties,
    init,
    is_bf16_supported,
    is_initialized,
    set_device,
    utilization,
)
from .random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from .streams import (
    CUDAGraph,
    Event,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    graph,
    is_current_stream_capturing,
    set_stream,
    stream,
    synchronize,
)

__all__ = [
    "CUDAGraph",
    "Event", "OutOfMemoryError", "Stream", "StreamContext", "amp", "can_device_access_peer", "current_device", "current_stream",
    "default_stream", "device", "device_count", "device_of", "empty_cache", "get_arch_list", "get_device_capability",
    "get_device_name", "get_device_properties", "get_rng_state", "get_rng_state_all", "graph",
    "init", "initial_seed", "ipc_collect",
    "is_available", "is_bf16_supported", "is_current_stream_capturing", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_cached",
    "memory_reserved", "memory_stats", "memory_summary", "nvtx", "reset_accumulated_memory_stats", "reset_max_memory_allocated",
    "reset_max_memory_cached", "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_per_process_memory_fraction",
    "set_rng_state", "set_rng_state_all", "set_stream", "stream", "synchronize", "utilization",
]

globals().update({name: tensortype(dtype, cuda=True) for name, dtype in LEGACY.items()})
globals().update(CUDA_STORAGES)
__all__ += [*LEGACY, *CUDA_STORAGES]
_missing = missing("torch.cuda", globals())


def __getattr__(name: str) -> Any:
    # reversible networks read this one before they keep the states of generators
    return is_initialized() if name == "_initialized" else _missing(name)
