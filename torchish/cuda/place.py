"""Which accelerator is meant, and what it is.

In: an index, a device, or nothing (the current one).  Out: JAX's device and its properties.
"""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax

from ..devices import cuda_device_count, cuda_is_available, to_jax
from ..devices import device as Device

__all__ = ["can_device_access_peer", "current_device", "device", "device_of", "get_arch_list", "get_device_capability",
           "get_device_name",
           "get_device_properties", "index_of", "init", "is_bf16_supported", "is_initialized", "jax_device", "set_device",
           "utilization"]


class _State:
    index = 0


_current = _State()


def index_of(device: Any) -> int:
    """The index of an accelerator; the current one for None and for 'cuda'."""
    if device is None:
        return _current.index
    if isinstance(device, int):
        return _current.index if device < 0 else device
    found = Device(device)
    if found.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {found}")
    return _current.index if found.index is None else found.index


def jax_device(device: Any = None) -> jax.Device:
    """JAX's device; AssertionError where there is none."""
    return to_jax(f"cuda:{index_of(device)}")


def set_device(device: Any) -> None:
    """Makes an accelerator the current one."""
    index = index_of(device)
    to_jax(f"cuda:{index}")
    _current.index = index


def current_device() -> int:
    """The index of the current accelerator."""
    to_jax(f"cuda:{_current.index}")
    return _current.index


class device:
    """A context in which another accelerator is the current one; nothing happens for a negative index."""

    def __init__(self, device: Any) -> None:
        self.idx = index_of(device) if not isinstance(device, int) else device
        self.prev_idx = -1

    def __enter__(self) -> None:
        self.prev_idx = _current.index
        if self.idx >= 0 and cuda_is_available():
            _current.index = self.idx

    def __exit__(self, *_: object) -> None:
        _current.index = self.prev_idx


class device_of(device):
    """A context in which the accelerator of a tensor is the current one."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


def init() -> None:
    """Nothing but AssertionError where there is no accelerator: JAX starts it when it is used."""
    jax_device()


def is_initialized() -> bool:
    """Whether there is an accelerator: JAX starts it when it is used."""
    return cuda_is_available()


def get_device_name(device: Any = None) -> str:
    """The name of the accelerator."""
    return jax_device(device).device_kind


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """CUDA's compute capability; (0, 0) for accelerators that have none."""
    major, _, minor = str(getattr(jax_device(device), "compute_capability", "0.0")).partition(".")
    return int(major), int(minor or 0)


def get_device_properties(device: Any = None) -> SimpleNamespace:
    """name, major, minor, total_memory, multi_processor_count."""
    found = jax_device(device)
    major, minor = get_device_capability(device)
    stats = found.memory_stats() or {}
    return SimpleNamespace(name=found.device_kind, major=major, minor=minor, total_memory=stats.get("bytes_limit", 0),
                           multi_processor_count=getattr(found, "core_count", 0))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether there is an accelerator: XLA knows bfloat16 on all."""
    return cuda_is_available()


def get_arch_list() -> list[str]:
    """The architectures that code was made for: none before it is compiled."""
    return []


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether both are accelerators of this process."""
    return max(index_of(device), index_of(peer_device)) < cuda_device_count()


def utilization(device: Any = None) -> int:
    """0: JAX does not tell."""
    jax_device(device)
    return 0
