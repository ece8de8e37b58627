"""torch._tensor: where PyTorch defines its class of tensors."""
from __future__ import annotations

from .missing import missing
from .tensor import Tensor

__all__ = ["Tensor"]

__getattr__ = missing("torch._tensor", globals())
