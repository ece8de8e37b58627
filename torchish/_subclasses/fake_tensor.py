"""torch._subclasses.fake_tensor: tensors without data, of PyTorch's tracer.

In: tensors of which a library asks whether they are such.  Out: they are not.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..tensor import Tensor

__all__ = ["FakeTensor", "FakeTensorMode", "MetadataMismatchError", "is_fake"]

_WHY = "torchish has no fake tensors: tensors on the device 'meta' have shape, dtype and strides and no data"


class MetadataMismatchError(RuntimeError):
    """A function that tells shapes tells others than those that come out."""


class FakeTensor(Tensor):
    """No tensor is one. NotImplementedError where one is to be made."""

    def __new__(cls, *args: Any, **kwargs: Any) -> FakeTensor:
        raise NotImplementedError(_WHY)


class FakeTensorMode:
    """NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(_WHY)


def is_fake(x: object) -> bool:
    """False."""
    return False


__getattr__ = missing("torch._subclasses.fake_tensor", globals())
