"""From dense tensors to sparse ones: the functions of torch and the methods of Tensor that lead there.

In: indices and values, dense tensors.  Out: sparse tensors (torchish/sparse, which is imported when the first is made: from then
on every call of a public function asks whether a sparse tensor takes part).
"""
from __future__ import annotations

from importlib import import_module
from typing import Any

from .namespace import namespace
from .ops.check import require
from .tensor import Tensor

__all__ = ["dsmm", "hspmm", "smm", "sparse_coo_tensor", "spmm", "sspaddmm"]


def _of(name: str) -> Any:
    package = import_module(f"{__package__}.sparse")
    return getattr(package.products if hasattr(package.products, name) else package.coo, name)


def sparse_coo_tensor(indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
                      pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
                      is_coalesced: bool | None = None) -> Tensor:
    """A sparse tensor with `values` (nnz, *dense sizes) at `indices` (sparse dims, nnz); entries of one place add up.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse_coo_tensor.html
    """
    return _of("sparse_coo_tensor")(indices, values, size, dtype=dtype, device=device, pin_memory=pin_memory,
                                    requires_grad=requires_grad, check_invariants=check_invariants, is_coalesced=is_coalesced)


def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """torch.mm, of matrices that may be sparse."""
    return input.mm(mat2)


dsmm = spmm


def _needs_sparse(name: str, x: Tensor) -> Any:
    require(x.is_sparse, "tensor.sspaddmm(...) can only be called on sparse tensors")
    return _of(name)


def smm(input: Tensor, mat: Tensor) -> Tensor:
    """A sparse matrix times a dense one, as a sparse tensor."""
    return _needs_sparse("smm", input)(input, mat)


def hspmm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """A sparse matrix times a dense one, as a tensor with one sparse dim."""
    return _needs_sparse("hspmm", mat1)(mat1, mat2)


def sspaddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), sparse as its operands `input` and `mat1`."""
    return _needs_sparse("sspaddmm", mat1)(input, mat1, mat2, beta=beta, alpha=alpha)


def to_sparse(self: Tensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None,
              dense_dim: int | None = None) -> Tensor:
    """The elements that are not zero, as a sparse tensor; beyond the first `sparse_dim` dims as whole slices."""
    require(layout is None or str(layout) == "torch.sparse_coo", f"to_sparse: torchish has no tensors of layout {layout}")
    return _of("from_dense")(self, sparse_dim)


def to_sparse_coo(self: Tensor) -> Tensor:
    """The elements that are not zero, as a sparse tensor."""
    return to_sparse(self)


def _only_sparse(name: str, error: Exception) -> Any:
    def refused(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise type(error)(*error.args)
    refused.__name__ = name
    refused.__doc__ = "Of sparse tensors only."
    return refused


_LAYOUT = "{} expected sparse coordinate tensor layout but got Strided"
_NO_KERNEL = "Could not run 'aten::{}' with arguments from the 'CPU' backend. It is for sparse tensors"
_REFUSED = {name: RuntimeError(_LAYOUT.format(name)) for name in ("coalesce", "is_coalesced", "indices")} | {
    "values": RuntimeError("values expected sparse tensor layout but got Strided")} | {
    name: NotImplementedError(_NO_KERNEL.format(name)) for name in ("_indices", "_values", "_nnz", "sparse_mask", "sparse_resize_",
                                                                  "sparse_resize_and_clear_", "resize_as_sparse_")}


def sparse_dim(self: Tensor) -> int:
    """How many dims are sparse: 0."""
    return 0


def dense_dim(self: Tensor) -> int:
    """How many dims are dense: all."""
    return self.dim()


for _fn in (to_sparse, to_sparse_coo, smm, sspaddmm, sparse_dim, dense_dim, *(_only_sparse(*pair) for pair in _REFUSED.items())):
    setattr(Tensor, _fn.__name__, _fn)
namespace.sparse_coo_tensor = sparse_coo_tensor      # for factories with layout=torch.sparse_coo
