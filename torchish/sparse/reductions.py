"""Sums and softmax over dims of sparse tensors.

In: a sparse tensor and dims.  Out: a sparse tensor of the dims that are left; dense where no sparse dim is.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..namespace import namespace as t
from ..ops.check import require, wrap_dim
from .calls import call
from .coo import SparseTensor, calls, coalesced, made, on_device

__all__ = ["log_softmax", "softmax", "sum"]


@call("sum")
def sum(input: SparseTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum of all elements, or of those along `dim` (an int or several).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.sum.html
    """
    if not isinstance(input, SparseTensor):
        return t.sum(input, dtype=dtype) if dim is None else t.sum(input, dim, keepdim, dtype=dtype)
    if dim is None or isinstance(dim, (tuple, list)) and not dim:
        return input._v.sum(dtype=dtype)
    shape, count = tuple(input._node.aval.shape), input._i.shape[0]
    dims = sorted({wrap_dim(d, len(shape)) for d in ((dim,) if isinstance(dim, int) else dim)})
    inner = [d - count + 1 for d in dims if d >= count]
    values = input._v.sum(inner, dtype=dtype) if inner else input._v if dtype is None else input._v.to(dtype)
    left = [d for d in range(count) if d not in dims]
    size = tuple(n for d, n in enumerate(shape) if d not in dims)
    if not left:
        found = values.sum(0)
        for d in dims if keepdim else ():
            found = found.unsqueeze(d)
        return found
    found = coalesced(made(input._i[on_device(np.array(left), input._i)], values, size))
    for d in dims if keepdim else ():
        found = calls["unsqueeze"](found, d)
    return found


def _softmax(input: SparseTensor, dim: int, dtype: Any, log: bool) -> SparseTensor:
    """Over the entries of each slice along `dim`; what has no entry counts as -inf."""
    require(isinstance(input, SparseTensor), "softmax: expected a sparse tensor")
    x = coalesced(input)
    values, count = x._v if dtype is None else x._v.to(dtype), x._i.shape[0]
    dim = wrap_dim(dim, len(x._node.aval.shape))
    if dim >= count:
        dense = t.log_softmax if log else t.softmax
        return made(x._i, dense(values, dim - count + 1), x._node.aval.shape, True)
    places = np.delete(np.asarray(x._i._array()), dim, 0)
    _, groups = np.unique(places, axis=1, return_inverse=True) if len(places) else (None, np.zeros(places.shape[1], np.int64))
    groups = groups.reshape(-1).astype(np.int64)
    found = t._sparse_softmax(on_device(groups, values), values, count=int(groups.max(initial=-1)) + 1, log=log)
    return made(x._i, found, x._node.aval.shape, True)


@call("softmax")
def softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The softmax over the entries along `dim`; elements without an entry count as -inf.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.softmax.html
    """
    return _softmax(input, dim, dtype, False)


@call("log_softmax")
def log_softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The logarithm of `softmax`."""
    return _softmax(input, dim, dtype, True)
