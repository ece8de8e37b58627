"""Products with sparse matrices: each is `_sparse_product` of a sparse and a dense matrix, or a product of two patterns.

In: a sparse tensor and a dense or a sparse one.  Out: dense; of two sparse matrices sparse.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..namespace import namespace as t
from ..ops.check import listing, require
from ..ops.matmul_check import mm_shapes
from .calls import add, call, mul
from .coo import SparseTensor, made, on_device
from .shapes import transposed

__all__ = ["addmm", "mm"]


def _matrix(x: Any) -> tuple[int, int]:
    shape = x._node.aval.shape
    require(len(shape) == 2, f"mm: expected matrices, but got a tensor of {len(shape)} dims")
    return tuple(shape)


def _times_dense(a: SparseTensor, b: Any) -> Any:
    n, m = _matrix(a)
    require(b.dim() == 2, f"addmm: matrices expected, got {b.dim()}D tensor")
    require(a._i.shape[0] == 2, f"addmm: matrices expected, got {a._i.shape[0]}D tensor")
    require(b.shape[0] == m, f"addmm: Argument #3 (dense): Expected dim 0 size {m}, got {b.shape[0]}")
    return t._sparse_product(a._i, a._v, b, rows=n)


def _times_sparse(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Each entry of a row of `a` meets the entries of a row of `b`."""
    (n, m), (k, p) = _matrix(a), _matrix(b)
    mm_shapes((n, m), (k, p))
    left, right = np.asarray(a._i._array()), np.asarray(b._i._array())
    order = np.argsort(right[0], kind="stable")
    starts, ends = (np.searchsorted(right[0][order], left[1], side) for side in ("left", "right"))
    counts = ends - starts
    of_a = np.repeat(np.arange(len(counts)), counts)
    of_b = order[np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)]
    terms = a._v[on_device(of_a, a._v)] * b._v[on_device(of_b, b._v)]
    met = made(on_device(np.stack([left[0][of_a], right[1][of_b]]), a._v), terms, (n, p))
    return met.coalesce()


@call("mm", "spmm", "dsmm")
def mm(input: Any, mat2: Any, reduce: str | None = None) -> Any:
    """A product of two matrices, one of them sparse."""
    if reduce not in (None, "sum"):
        raise NotImplementedError(f"torch.sparse.mm: reduce='{reduce}' is for matrices of layout torch.sparse_csr, which torchish "
                                  "has not")
    if not isinstance(input, SparseTensor):
        return _times_dense(transposed(mat2, [1, 0]), input.t()).t()
    return _times_sparse(input, mat2) if isinstance(mat2, SparseTensor) else _times_dense(input, mat2)


@call("mv")
def mv(input: SparseTensor, vec: Any) -> Any:
    """A sparse matrix times a vector."""
    require(len(input._node.aval.shape) == 2 and vec.dim() == 1, f"vector + matrix @ vector expected, got 1, "
            f"{len(input._node.aval.shape)}, {vec.dim()}")
    require(input._node.aval.shape[1] == vec.shape[0], f"mv: expected self.size(-1) == vec.size(-1), got "
            f"{input._node.aval.shape[1]} and {vec.shape[0]}")
    return _times_dense(input, vec.unsqueeze(1)).squeeze(1)


@call("bmm")
def bmm(input: SparseTensor, mat2: Any) -> Any:
    """Sparse matrices (b, n, m) times dense ones (b, m, p): one product of a matrix with the blocks on its diagonal."""
    require(isinstance(input, SparseTensor) and not isinstance(mat2, SparseTensor), "bmm: of a sparse and a dense tensor")
    shape = tuple(input._node.aval.shape)
    require(len(shape) == 3 and mat2.dim() == 3, "batch1 must be a 3D tensor")
    b, n, m = shape
    require(tuple(mat2.shape[:2]) == (b, m), f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
                                             f"{listing(mat2.shape[:2])}.")
    batch, row, column = input._i
    flat = made(t.stack([batch * n + row, batch * m + column]), input._v, (b * n, b * m))
    return _times_dense(flat, mat2.reshape(b * m, mat2.shape[2])).reshape(b, n, mat2.shape[2])


@call("matmul", "__rmatmul__")
def matmul(input: Any, other: Any) -> Any:
    """mv, mm or bmm, by the dims of the operands."""
    dims = len(input._node.aval.shape), len(other._node.aval.shape)
    if dims == (2, 2):
        return mm(input, other)
    if dims == (2, 1) and isinstance(input, SparseTensor):
        return mv(input, other)
    if dims == (1, 2) and isinstance(other, SparseTensor):
        return mv(transposed(other, [1, 0]), input)
    if dims == (3, 3):
        return bmm(input, other)
    raise NotImplementedError(f"matmul of {dims[0]} and {dims[1]} dims, one operand sparse")


@call("linear")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weight.t() + bias."""
    out = matmul(input, transposed(weight, [1, 0]) if isinstance(weight, SparseTensor) else weight.t())
    return out if bias is None else out + bias


@call("addmm")
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * (mat1 @ mat2)."""
    product = mm(mat1, mat2)
    if not isinstance(product, SparseTensor):
        require(not isinstance(input, SparseTensor), "addmm: a dense product is added to a dense matrix")
        return beta * input + alpha * product
    scaled = mul(product, alpha)
    return add(mul(input, beta) if isinstance(input, SparseTensor) else beta * input, scaled)


def _rows(x: SparseTensor) -> np.ndarray:
    return np.unique(np.asarray(x._i._array())[0])


@call("hspmm")
def hspmm(mat1: SparseTensor, mat2: Any) -> SparseTensor:
    """mat1 @ mat2 as a hybrid tensor: the rows in which mat1 has entries."""
    rows = on_device(_rows(mat1)[None], mat1._v)
    return made(rows, _times_dense(mat1, mat2)[rows[0]], (mat1._node.aval.shape[0], mat2.shape[1]), True)


@call("smm")
def smm(input: SparseTensor, mat: Any) -> SparseTensor:
    """mat1 @ mat2 as a sparse tensor with all elements of the rows in which mat1 has entries."""
    rows = _rows(input)
    n, p = input._node.aval.shape[0], mat.shape[1]
    places = np.stack([np.repeat(rows, p), np.tile(np.arange(p), len(rows))]).astype(np.int64)
    at = on_device(places, input._v)
    return made(at, _times_dense(input, mat)[at[0], at[1]], (n, p))


@call("sspaddmm")
def sspaddmm(input: SparseTensor, mat1: SparseTensor, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> SparseTensor:
    """beta * input + alpha * (mat1 @ mat2), sparse."""
    require(not isinstance(mat2, SparseTensor), "sspaddmm: expected 'mat2' to have strided layout, got 'mat2' with layout Sparse")
    a, b = mul(input, beta), mul(smm(mat1, mat2), alpha)
    return made(t.cat([a._i, b._i], 1), t.cat([a._v, b._v]), input._node.aval.shape)
