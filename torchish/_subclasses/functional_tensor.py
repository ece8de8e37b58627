"""torch._subclasses.functional_tensor: tensors of PyTorch's tracer that cannot be written.

In: tensors of which a library asks whether they are such.  Out: they are not.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..tensor import Tensor

__all__ = ["FunctionalTensor", "mb_unwrap_functional_tensor"]


class FunctionalTensor(Tensor):
    """No tensor is one. NotImplementedError where one is to be made."""

    def __new__(cls, *args: Any, **kwargs: Any) -> FunctionalTensor:
        raise NotImplementedError("torchish has no functional tensors: what is recorded is a pure function in any case")


def mb_unwrap_functional_tensor(tensor: Tensor) -> Tensor:
    """`tensor` itself."""
    return tensor


__getattr__ = missing("torch._subclasses.functional_tensor", globals())
