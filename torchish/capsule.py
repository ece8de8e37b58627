"""The DLPack protocol: arrays handed over between libraries.

In: tensors, objects with `__dlpack__`, capsules.  Out: capsules, arrays.  What numpy can export goes out as a copy that lies in
memory as the tensor is said to; other dtypes, and what is on an accelerator, go out as JAX exports them, row by row.
Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""
from __future__ import annotations

from enum import IntEnum
from typing import Any

import jax
import numpy as np

__all__ = ["DLDeviceType", "exported", "imported"]

INVALID = ("from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so you might have "
           "already constructed a tensor from it once.")
DLDeviceType = IntEnum("DLDeviceType", {
    "kDLCPU": 1, "kDLCUDA": 2, "kDLCUDAHost": 3, "kDLOpenCL": 4, "kDLVulkan": 7, "kDLMetal": 8, "kDLVPI": 9, "kDLROCM": 10,
    "kDLROCMHost": 11, "kDLExtDev": 12, "kDLCUDAManaged": 13, "kDLOneAPI": 14, "kDLWebGPU": 15, "kDLHexagon": 16, "kDLMAIA": 17})


def exported(x: Any, stream: Any, max_version: tuple[int, int] | None, dl_device: Any, copy: bool | None) -> Any:
    """A capsule of tensor `x`, versioned where the consumer takes that and numpy knows the dtype."""
    if stream is not None and type(stream) is not int:
        raise TypeError("stream must be ``int`` or ``none``")
    options = {name: v for name, v in (("dl_device", dl_device), ("copy", copy)) if v is not None}
    if x.device.type != "cpu":
        return x._array().__dlpack__(stream=None if stream == -1 else stream, **options)
    if stream not in (None, -1):
        raise AssertionError("stream should be None on cpu.")
    array = x._array()
    if np.dtype(array.dtype).kind not in "biufc":
        return array.__dlpack__(**options)
    return x._laid_out(array).__dlpack__(**options, **({} if max_version is None else {"max_version": max_version}))


class _Capsule:
    """A bare capsule as an object of the protocol; it tells no device, so it is taken to be on the CPU."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def imported(source: Any) -> Any:
    """What another library holds, as an array of numpy or JAX."""
    if not hasattr(source, "__dlpack__"):
        if 'capsule object "dltensor' not in repr(source):
            raise RuntimeError(INVALID)
        source = _Capsule(source)
    try:
        return np.from_dlpack(source)
    except (RuntimeError, BufferError):     # a dtype that numpy has not, memory that is not the CPU's
        return jax.dlpack.from_dlpack(source)
