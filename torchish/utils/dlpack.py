"""torch.utils.dlpack: arrays handed over between libraries, by the DLPack protocol.

In: tensors, objects with `__dlpack__`, capsules.  Out: capsules, tensors.
Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""
from __future__ import annotations

from ..capsule import DLDeviceType
from ..runs import from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
