"""torch.functional: the functions of torch that torch itself writes in Python.

In: tensors.  Out: what the functions of the same names in torch give.
Source: https://docs.pytorch.org/docs/stable/torch.html
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .data_dependent import unique
from .lowrank import pca_lowrank, svd_lowrank
from .missing import missing
from .runs import unique_consecutive
from .settings import broadcast_shapes
from .tensor import Tensor
from .wiring import spaces

__all__ = ["broadcast_shapes", "norm", "pca_lowrank", "svd_lowrank", "unique", "unique_consecutive"]
_public = spaces["function"]
_shared = {name: _public[name] for name in (
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors", "cartesian_prod", "cdist", "chain_matmul",
    "einsum", "istft", "lu", "meshgrid", "split", "stft", "tensordot", "unravel_index")}
globals().update(_shared)
__all__ += list(_shared)


def norm(input: Tensor, p: float | str | None = "fro", dim: int | Sequence[int] | None = None, keepdim: bool = False,
         out: Tensor | None = None, dtype: Any = None) -> Tensor:
    """The p-norm over `dim`; 'fro' is 2; 'nuc' is the sum of the singular values.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.norm.html
    """
    return _public["norm"](input, p, dim, keepdim, dtype, out=out)


__getattr__ = missing("torch.functional", globals())
