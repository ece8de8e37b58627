"""Distances between the rows of two tensors."""
from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .declare import module_of
from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


@module_of("F.cosine_similarity", "x1, x2", show=False)
class CosineSimilarity(Module):
    """x1 . x2 / (|x1| |x2|) along dim."""
    dim: int = 1
    eps: float = 1e-8


class PairwiseDistance(Module):
    """|x1 - x2 + eps| in the p-norm, over the last dimension."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
