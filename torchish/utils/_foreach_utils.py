"""torch.utils._foreach_utils: lists of tensors, sorted by what kernels would take together.

In: lists of tensors of one length.  Out: the same, by device and dtype.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..missing import missing

__all__: list[str] = []


def _group_tensors_by_device_and_dtype(tensorlistlist: Sequence[Sequence[Any]], with_indices: bool = False) -> dict:
    """{(device, dtype): (the lists, cut down to the places where the first has such a tensor, and those places)}."""
    groups: dict = {}
    for place, first in enumerate(tensorlistlist[0]):
        lists, places = groups.setdefault((first.device, first.dtype), ([[] for _ in tensorlistlist], []))
        for own, given in zip(lists, tensorlistlist, strict=True):
            if given:
                own.append(given[place])
        if with_indices:
            places.append(place)
    return groups


def _get_foreach_kernels_supported_devices() -> list[str]:
    """The devices of which PyTorch says so."""
    return ["cuda", "xpu", "mtia", "privateuseone"]


def _get_fused_kernels_supported_devices() -> list[str]:
    """The devices of which PyTorch says so."""
    return ["mps", "cuda", "xpu", "hpu", "cpu", "mtia", "privateuseone"]


def _device_has_foreach_support(device: Any) -> bool:
    """Whether PyTorch has kernels for lists of tensors there."""
    return device.type in (*_get_foreach_kernels_supported_devices(), "cpu")


def _has_foreach_support(tensors: Sequence[Any], device: Any) -> bool:
    """Whether PyTorch has kernels for these."""
    return _device_has_foreach_support(device) and all(t is None or type(t).__module__.startswith("torch") for t in tensors)


__getattr__ = missing("torch.utils._foreach_utils", globals())
