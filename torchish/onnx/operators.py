"""torch.onnx.operators: a shape as a tensor, and reshape by one.

In: tensors.  Out: tensors.
"""
from __future__ import annotations

from ..api import tensor
from ..tensor import Tensor

__all__ = ["reshape_from_tensor_shape", "shape_as_tensor"]


def shape_as_tensor(x: Tensor) -> Tensor:
    """The shape of x, int64."""
    return tensor(list(x.shape))


def reshape_from_tensor_shape(x: Tensor, shape: Tensor) -> Tensor:
    """x in the shape that a tensor holds."""
    return x.reshape(shape.tolist())
