"""torch.mps: Apple's accelerators under a name of their own, of which there are none: JAX's accelerator is called "cuda".

In: questions.  Out: False, 0, nothing; RuntimeError as of a torch built without them.
Source: https://docs.pytorch.org/docs/stable/mps.html
"""
from __future__ import annotations

from .missing import missing

__all__ = ["current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "is_available", "manual_seed",
           "recommended_max_memory", "synchronize"]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""


def _refuse(call: str) -> None:
    raise RuntimeError(f"Cannot execute {call}() without MPS backend. JAX's accelerator is called 'cuda'")


def synchronize() -> None:
    """RuntimeError."""
    _refuse("deviceSynchronize")


def empty_cache() -> None:
    """RuntimeError."""
    _refuse("emptyCache")


def current_allocated_memory() -> None:
    """RuntimeError."""
    _refuse("getCurrentAllocatedMemory")


def driver_allocated_memory() -> None:
    """RuntimeError."""
    _refuse("getDriverAllocatedMemory")


def recommended_max_memory() -> None:
    """RuntimeError."""
    _refuse("recommendedMaxMemory")


__getattr__ = missing("torch.mps", globals())
