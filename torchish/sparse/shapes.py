"""Sparse tensors of another size or order: transposed, indexed, put together, resized.

In: sparse tensors and what says how.  Out: sparse tensors, or dense ones where no sparse dim is left.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..layouts import strided
from ..namespace import namespace as t
from ..ops.check import listing, require, wrap_dim
from ..tensor import Tensor
from .calls import call, replace
from .coo import SparseTensor, calls, made, on_device

__all__ = ["cat", "empty", "transposed"]


def transposed(x: SparseTensor, order: list[int]) -> SparseTensor:
    """`x` with its sparse dims in another order."""
    count = x._i.shape[0]
    require(sorted(order[:count]) == list(range(count)) and order[count:] == list(range(count, len(order))),
            f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {count}, order: {listing(order)}")
    if order == list(range(len(order))):
        return x
    return made(x._i[on_device(np.array(order[:count]), x._i)], x._v, tuple(x._node.aval.shape[d] for d in order))


@call("transpose", "swapaxes", "swapdims")
def transpose(input: SparseTensor, dim0: int, dim1: int) -> SparseTensor:
    order = list(range(input._node.aval.shape.__len__()))
    a, b = wrap_dim(dim0, len(order)), wrap_dim(dim1, len(order))
    order[a], order[b] = order[b], order[a]
    return transposed(input, order)


@call("t")
def turned(input: SparseTensor) -> SparseTensor:
    ndim = len(input._node.aval.shape)
    require(ndim <= 2 and not input._v.dim() > 1, f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
            f"{input._i.shape[0]} sparse and {input._v.dim() - 1} dense dimensions")
    return input if ndim < 2 else transposed(input, [1, 0])


calls["T"] = lambda self: transposed(self, list(range(len(self._node.aval.shape)))[::-1])
calls["mT"] = lambda self: transpose(self, -2, -1)
calls["H"] = calls["mH"] = calls["adjoint"] = lambda self: calls["conj"](transpose(self, -2, -1))


@call("permute")
def permute(input: SparseTensor, *dims: Any) -> SparseTensor:
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return transposed(input, [wrap_dim(d, len(input._node.aval.shape)) for d in order])


@call("movedim", "moveaxis")
def movedim(input: SparseTensor, source: Any, destination: Any) -> SparseTensor:
    ndim = len(input._node.aval.shape)
    old, new = ([wrap_dim(d, ndim) for d in ((x,) if isinstance(x, int) else x)] for x in (source, destination))
    order = [d for d in range(ndim) if d not in old]
    for place, d in sorted(zip(new, old, strict=True)):
        order.insert(place, d)
    return transposed(input, order)


@call("unsqueeze")
def unsqueeze(input: SparseTensor, dim: int) -> SparseTensor:
    shape, count = list(input._node.aval.shape), input._i.shape[0]
    dim = wrap_dim(dim, len(shape) + 1)
    shape.insert(dim, 1)
    if dim > count:
        return made(input._i, input._v.unsqueeze(dim - count + 1), shape, input._once)
    zeros = t.zeros((1, input._i.shape[1]), dtype=t.int64, device=input._v.device)
    return made(t.cat([input._i[:dim], zeros, input._i[dim:]]), input._v, shape, input._once)


@call("select")
def select(input: SparseTensor, dim: int, index: int) -> Any:
    shape, count = list(input._node.aval.shape), input._i.shape[0]
    dim = wrap_dim(dim, len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {shape[dim]}")
    index %= shape.pop(dim)
    if dim >= count:
        return made(input._i, input._v.select(dim - count + 1, index), shape, input._once)
    kept = np.nonzero(np.asarray(input._i._array())[dim] == index)[0]
    picked = input._v[on_device(kept, input._v)]
    if count == 1:
        return picked.sum(0)
    rest = on_device(np.array([d for d in range(count) if d != dim]), input._i)
    return made(input._i[rest][:, on_device(kept, input._i)], picked, shape, input._once)


@call("narrow_copy")
def narrow_copy(input: SparseTensor, dim: int, start: int, length: int) -> SparseTensor:
    """The part of `length` from `start` on along a dim."""
    shape, count = list(input._node.aval.shape), input._i.shape[0]
    dim = wrap_dim(dim, len(shape))
    start += shape[dim] * (start < 0)
    require(start >= 0 and 0 <= length <= shape[dim] - start,
            f"Invalid range to narrow. range(start, start+length) must be a subset of range(0, {shape[dim]}).")
    shape[dim] = length
    if dim >= count:
        return made(input._i, input._v.narrow(dim - count + 1, start, length).clone(), shape, input._once)
    places = np.asarray(input._i._array())
    kept = np.nonzero((places[dim] >= start) & (places[dim] < start + length))[0]
    places = places[:, kept]
    places[dim] -= start
    return made(on_device(places, input._i), input._v[on_device(kept, input._v)], shape, input._once)


@call("index_select")
def index_select(input: SparseTensor, dim: int, index: Tensor) -> SparseTensor:
    shape, count = list(input._node.aval.shape), input._i.shape[0]
    dim, asked = wrap_dim(dim, len(shape)), np.asarray(index._array()).reshape(-1)
    require(bool(((asked >= -shape[dim]) & (asked < shape[dim])).all()), "index_select(): index contains a place out of range for "
            f"tensor of size {listing(shape)} at dimension {dim}")
    if dim >= count:
        shape[dim] = len(asked)
        return made(input._i, input._v.index_select(dim - count + 1, index), shape, input._once)
    places = np.asarray(input._i._array())
    new, old = np.nonzero((asked % shape[dim])[:, None] == places[dim])
    shape[dim] = len(asked)
    places = places[:, old]
    places[dim] = new
    return made(on_device(places, input._i), input._v[on_device(old, input._v)], shape)


@call("__getitem__")
def getitem(self: SparseTensor, key: Any) -> Any:
    """Of the first dims; whole dims may be left."""
    x, dim = self, 0
    keys = key if isinstance(key, tuple) else (key,)
    taken = sum(k is not None and k is not Ellipsis for k in keys)
    for k in keys:
        if k is Ellipsis:
            dim += len(self._node.aval.shape) - taken
        elif isinstance(k, slice) and k == slice(None):
            dim += 1
        elif isinstance(k, int) and not isinstance(k, bool):
            x = calls["select"](x, dim, k) if isinstance(x, SparseTensor) else x.select(dim, k)
        elif k is None:
            x, dim = x.unsqueeze(dim), dim + 1
        elif isinstance(k, Tensor) and k.dtype is t.int64 and k.dim() == 1 and isinstance(x, SparseTensor):
            x, dim = index_select(x, dim, k), dim + 1
        else:
            raise NotImplementedError("a sparse tensor is indexed by ints, lists of places, None and whole dims")
    return x


calls["__iter__"] = lambda self: iter([select(self, 0, k) for k in range(self._node.aval.shape[0])])
calls["unbind"] = lambda input, dim=0: tuple([select(input, dim, k) for k in range(input._node.aval.shape[dim])])


def cat(tensors: list, dim: int) -> SparseTensor:
    """Sparse tensors one after the other."""
    first = tensors[0]
    count, shape = first._i.shape[0], list(first._node.aval.shape)
    dim = wrap_dim(dim, len(shape))
    strange = next((k for k, x in enumerate(tensors) if not isinstance(x, SparseTensor)), None)
    require(strange is None, f"Concatenating sparse tensors, but a dense tensor was found at position {strange}.")
    for k, x in enumerate(tensors):
        other = list(x._node.aval.shape)
        require(x._i.shape[0] == count and other[:dim] + other[dim + 1:] == shape[:dim] + shape[dim + 1:],
                f"All tensors must have the same shape: {listing(shape)} (except in the concatenating dimension), but found shape: "
                f"{listing(other)} at position {k}.")
    if dim >= count:
        return _beside(tensors, dim)
    parts, start = [], 0
    for x in tensors:
        rows = list(x._i)
        rows[dim] = rows[dim] + start
        parts.append(t.stack(rows))
        start += x._node.aval.shape[dim]
    shape[dim] = start
    return made(t.cat(parts, 1), t.cat([x._v for x in tensors]), shape)


def _beside(tensors: list, dim: int) -> SparseTensor:
    """Sparse tensors one after the other along a dense dim: each of its entries has zeros where the others stand."""
    first, inner = tensors[0], dim - tensors[0]._i.shape[0] + 1
    ends = np.cumsum([x._node.aval.shape[dim] for x in tensors]).tolist()
    parts = []
    for x, end in zip(tensors, ends, strict=True):
        sizes = end - x._node.aval.shape[dim], ends[-1] - end
        before, after = (x._v.new_zeros((*x._v.shape[:inner], n, *x._v.shape[inner + 1:])) for n in sizes)
        parts.append(t.cat([before, x._v, after], inner))
    shape = list(first._node.aval.shape)
    shape[dim] = ends[-1]
    return made(t.cat([x._i for x in tensors], 1), t.cat(parts), shape)


def _stacked(tensors: Any, dim: int) -> SparseTensor:
    """Along `dim`, a row being a matrix of one row for dim 0 and as long as it is for others."""
    rows = len(tensors[0]._node.aval.shape) < 2
    return cat([calls["unsqueeze"](x, 0) if rows and not dim else x for x in tensors], 0 if rows else dim)


calls["vstack"] = calls["row_stack"] = lambda tensors: _stacked(tensors, 0)
calls["hstack"] = lambda tensors: _stacked(tensors, 1)
calls["cat"] = calls["concat"] = calls["concatenate"] = lambda tensors, dim=0: cat(list(tensors), dim)
calls["stack"] = lambda tensors, dim=0: cat([calls["unsqueeze"](x, dim) for x in tensors], dim)


# emptied and resized

def empty(size: tuple[int, ...], x: SparseTensor, sparse_dim: int, dtype: Any = None) -> SparseTensor:
    values = t.zeros((0, *size[sparse_dim:]), dtype=dtype or x._v.dtype, device=x._v.device)
    return made(t.zeros((sparse_dim, 0), dtype=t.int64, device=x._v.device), values, size, True)


@call("zeros_like", "empty_like")
def zeros_like(input: SparseTensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
               **kwargs: Any) -> Tensor:
    if layout is strided:
        return t.zeros(tuple(input._node.aval.shape), dtype=dtype or input.dtype, device=device or input.device,
                       requires_grad=requires_grad)
    return empty(tuple(input._node.aval.shape), input, input._i.shape[0], dtype)


calls["zero_"] = lambda self: replace(self, zeros_like(self))


@call("sparse_resize_")
def sparse_resize_(self: SparseTensor, size: Any, sparse_dim: int, dense_dim: int) -> SparseTensor:
    """Another size; entries stay where they are, and with them the numbers of dims and the dense sizes."""
    if not self._nnz():
        return _become(self, empty(tuple(size), self, sparse_dim))
    refused = "{} (from {} to {}) on a non-empty sparse tensor is not supported."
    old, count = tuple(self._node.aval.shape), self._i.shape[0]
    for kind, was, now in (("sparse", count, sparse_dim), ("dense", len(old) - count, dense_dim)):
        require(was == now, refused.format(f"changing the number of {kind} dimensions", was, now))
    for kind, was_, now_ in (("sparse", old[:count], size[:count]), ("dense", old[count:], size[count:])):
        require(all(n >= o for o, n in zip(was_, now_, strict=True)),
                refused.format(f"shrinking the size of {kind} dimensions", listing(was_), listing(now_)))
    require(old[count:] == tuple(size[count:]), "sparse_resize_: a tensor with entries keeps its dense sizes")
    return _become(self, made(self._i, self._v, tuple(size), self._once))


def _become(x: SparseTensor, new: SparseTensor) -> SparseTensor:
    return replace(x, new, resized=True)


calls |= {f"{name}_": lambda self, *dims, _fn=calls[name], **kwargs: _become(self, _fn(self, *dims, **kwargs))
          for name in ("t", "transpose", "swapaxes", "swapdims")}


calls["sparse_resize_and_clear_"] = lambda self, size, sparse_dim, dense_dim: _become(self, empty(tuple(size), self, sparse_dim))
calls["resize_as_sparse_"] = lambda self, other: sparse_resize_(self, other._node.aval.shape, other._i.shape[0], other._v.dim() - 1)


@call("new_zeros", "new_empty")
def new_zeros(self: SparseTensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
              **kwargs: Any) -> SparseTensor:
    """A sparse tensor without entries."""
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    return t.sparse_coo_tensor(shape, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


@call("new")
def new(self: SparseTensor, *args: Any, device: Any = None) -> SparseTensor:
    """A sparse tensor of this dtype: without entries, of a size, or of indices and values."""
    sizes = not args or isinstance(args[0], int)
    return t.sparse_coo_tensor(*((args or (0,),) if sizes else args), dtype=self.dtype, device=device or self.device)


@call("new_tensor")
def new_tensor(self: SparseTensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
               **kwargs: Any) -> Tensor:
    """A dense tensor of this dtype."""
    return t.tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)
