"""torch.sparse: tensors in coordinate form and what computes with them.

In: sparse tensors (torch.sparse_coo_tensor, Tensor.to_sparse), dense ones.  Out: products, sums, softmax.
The compressed layouts (CSR, CSC, BSR, BSC) are not there: a tensor in coordinate form does what they do.
Source: https://docs.pytorch.org/docs/stable/sparse.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..missing import missing, reason
from ..namespace import namespace as t
from ..ops.check import require
from ..tensor import Tensor
from . import shown
from .coo import SparseTensor, checks, made, on_device, sparse_coo_tensor
from .products import addmm, mm
from .reductions import log_softmax, softmax, sum

__all__ = ["addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "sum"]

__getattr__ = missing("torch.sparse", globals())


def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0,
                  out: Tensor | None = None) -> Tensor:
    """NotImplementedError: torch computes it for a compressed sparse `input`, and for no other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.sampled_addmm.html
    """
    raise NotImplementedError("Could not run 'aten::sparse_sampled_addmm' with arguments from the 'CPU' backend. It takes tensors "
                              f"in a compressed layout. Out of scope: {reason('sparse_csr')}")


class check_sparse_tensor_invariants:
    """A context, a decorator or (`enable`, `disable`) a setting: are the indices of new sparse tensors looked at?

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.check_sparse_tensor_invariants.html
    """

    def __init__(self, enable: bool = True) -> None:
        self.state, self.before = enable, None      # type: bool, bool | None

    @staticmethod
    def is_enabled() -> bool:
        """Whether they are."""
        return checks.enabled

    @staticmethod
    def enable() -> None:
        """From here on they are."""
        checks.enabled = True

    @staticmethod
    def disable() -> None:
        """From here on they are not."""
        checks.enabled = False

    def __enter__(self) -> None:
        require(self.before is None, "This context manager instance is already activated. Use a different context manager instance "
                                     "for context nesting.")
        self.before, checks.enabled = checks.enabled, self.state

    def __exit__(self, *error: object) -> None:
        checks.enabled, self.before = bool(self.before), None

    def __call__(self, mth: Callable) -> Callable:
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return mth(*args, **kwargs)
        return checked


def spdiags(diagonals: Tensor, offsets: Tensor, shape: tuple[int, int], layout: Any = None) -> SparseTensor:
    """A matrix of `shape` with the rows of `diagonals` along the diagonals `offsets`; column j of it holds what stands in column j.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.spdiags.html
    """
    rows = diagonals if diagonals.dim() == 2 else diagonals.unsqueeze(0)
    starts = np.asarray(offsets._array()).reshape(-1)
    require(len(starts) == rows.shape[0],
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({len(starts)})")
    require(len(set(starts.tolist())) == len(starts), "Offset tensor contains duplicate values")
    columns = np.arange(min(rows.shape[1], shape[1]))
    which, column = (a.reshape(-1) for a in np.meshgrid(np.arange(len(starts)), columns, indexing="ij"))
    row = column - starts[which]
    kept = (row >= 0) & (row < shape[0])
    places = np.stack([row[kept], column[kept]]).astype(np.int64)
    return made(on_device(places, rows), rows[on_device(which[kept], rows), on_device(column[kept], rows)], shape)


def _typed(dtype: Any) -> Callable:
    def legacy(*args: Any, device: Any = None) -> SparseTensor:
        if all(isinstance(n, int) for n in args):
            return sparse_coo_tensor(args or (0,), dtype=dtype, device=device)
        return sparse_coo_tensor(*args, dtype=dtype, device=device)
    legacy.__doc__ = f"A sparse tensor of {dtype}, as older scripts make it."
    return legacy


for _name, _dtype in {"Float": dtypes.float32, "Double": dtypes.float64, "Half": dtypes.float16, "BFloat16": dtypes.bfloat16,
                      "Long": dtypes.int64, "Int": dtypes.int32, "Short": dtypes.int16, "Char": dtypes.int8,
                      "Byte": dtypes.uint8}.items():
    globals()[f"{_name}Tensor"] = _typed(_dtype)
    globals()[f"{_name}Tensor"].__name__ = f"{_name}Tensor"
rebuilt = shown.rebuilt
