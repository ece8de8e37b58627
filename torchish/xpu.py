"""torch.xpu: Intel's accelerators under a name of their own, of which there are none: JAX's accelerator is called "cuda".

In: questions.  Out: False, 0, nothing; AssertionError as of a torch built without them.
Source: https://docs.pytorch.org/docs/stable/xpu.html
"""
from __future__ import annotations

from typing import Any

from .missing import missing

__all__ = ["current_device", "device_count", "empty_cache", "get_device_capability", "get_device_name", "get_device_properties",
           "init", "is_available", "is_bf16_supported", "is_initialized", "is_tf32_supported", "manual_seed", "manual_seed_all",
           "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved", "seed", "seed_all", "set_device",
           "synchronize"]


def is_available() -> bool:
    """False."""
    return False


is_bf16_supported = is_initialized = is_tf32_supported = is_available


def device_count() -> int:
    """0."""
    return 0


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


max_memory_allocated = max_memory_reserved = memory_reserved = memory_allocated


def empty_cache() -> None:
    """Nothing."""


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""


manual_seed_all = manual_seed


def init(*_: Any) -> Any:
    """AssertionError."""
    raise AssertionError("Torch not compiled with XPU enabled. JAX's accelerator is called 'cuda'")


current_device = get_device_capability = get_device_name = get_device_properties = seed = seed_all = set_device = synchronize = init

__getattr__ = missing("torch.xpu", globals())
