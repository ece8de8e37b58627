"""torch.utils.dlpack: arrays handed over between libraries, by the DLPack protocol.

In: tensors, objects with `__dlpack__`, capsules.  Out: capsules, tensors.
Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""
from __future__ import annotations

from typing import Any

from ..runs import from_dlpack as _from_object
from ..runs import to_dlpack
from ..tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


class _Capsule:
    """A bare capsule as an object of the protocol; it tells no device, so it is taken to be on the CPU."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of what another library holds: an object with `__dlpack__`, or a capsule. Differs from torch: a copy."""
    return _from_object(ext_tensor if hasattr(ext_tensor, "__dlpack__") else _Capsule(ext_tensor), device=device, copy=copy)
