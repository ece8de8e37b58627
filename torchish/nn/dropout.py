"""Dropout modules: they draw only in training mode."""
from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._function)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Sets elements to 0 with probability p and scales the rest by 1 / (1 - p)."""
    _function = "dropout"


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of (N, C, L)."""
    _function = "dropout1d"


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of (N, C, H, W)."""
    _function = "dropout2d"


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of (N, C, D, H, W)."""
    _function = "dropout3d"


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance, for SELU."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels."""
    _function = "feature_alpha_dropout"
