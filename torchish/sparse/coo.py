"""Sparse tensors in coordinate form: what one is, how it is made, its pattern, its dense form.

In: indices (sparse dims, nnz) of int64, values (nnz, *dense sizes), a size.  Out: `SparseTensor`; to_dense, coalesce.
Indices and values are ordinary tensors: what is done with a sparse tensor is recorded as what is done with them. Only where a
pattern is asked for (coalesce, a product of two sparse tensors) are the indices looked at.

The class takes its calls over by `__torch_function__` (calls.py says which there are), so dense tensors know nothing of it.
Source: https://docs.pytorch.org/docs/stable/sparse.html
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..avals import aval_of
from ..layouts import sparse_coo
from ..namespace import namespace as t
from ..ops.check import listing, prod, require
from ..tensor import Tensor
from ..torch_function import DisableTorchFunctionSubclass

__all__ = ["SparseTensor", "calls", "checks", "coalesced", "dense", "from_dense", "located", "made", "on_device",
           "sparse_coo_tensor", "with_values"]

calls: dict[str, Any] = {}      # name of a function, method or property -> what it does where a sparse tensor takes part
# what is known without the values; "<lambda>": the short properties of Tensor (is_cuda, is_meta, itemsize)
_METADATA = frozenset(["shape", "dtype", "device", "ndim", "dim", "size", "numel", "nelement", "is_floating_point", "is_complex",
                       "is_signed", "element_size", "is_same_size", "ndimension", "get_device", "__len__", "__hash__",
                       "_version", "is_inference", "<lambda>"])


class SparseTensor(Tensor):
    """A tensor of layout torch.sparse_coo: `_i` its indices, `_v` its values, `_once` whether each place has one entry, in order.

    `_pattern`: what `coalesced` found out about these indices.
    """
    _i: Tensor
    _v: Tensor
    _once: bool
    _pattern: tuple | None = None

    is_sparse = True
    layout = property(lambda self: sparse_coo)      # type: ignore[assignment]

    def _indices(self) -> Tensor:
        return self._i

    def _values(self) -> Tensor:
        return self._v

    def _with_values(self, values: Tensor) -> SparseTensor:
        """Other values at the same places."""
        return with_values(self, values)

    def _coalesced_(self, coalesced: bool) -> SparseTensor:
        """Says whether each place has one entry, in order: nothing is looked at."""
        self._once = coalesced
        return self

    def _nnz(self) -> int:
        return self._v.shape[0]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func.__name__
        if name in ("__get__", "__set__"):
            name = func.__self__.fget.__name__ + ("" if name == "__get__" else "=")
        elif name == "grad":        # the function of torch.autograd; the property came above
            name = "autograd.grad"
        own = calls.get(name)
        if own is not None:
            if kwargs and kwargs.get("out") is not None:
                return calls["out="](name, own, args, kwargs)
            return own(*args, **(kwargs or {}))
        if name in _METADATA:
            with DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        raise NotImplementedError(
            f"Could not run 'aten::{name}' with arguments from the 'SparseCPU' backend. torchish computes it for dense tensors "
            "only; Tensor.to_dense() gives one.")


def made(indices: Any, values: Any, size: tuple[int, ...], once: bool = False, pattern: tuple | None = None) -> SparseTensor:
    """A sparse tensor of these parts, which are taken as they are."""
    x = object.__new__(SparseTensor)
    x._i, x._v, x._once, x._pattern = indices, values, once or values.shape[0] < 2, pattern
    aval = aval_of(tuple(size), values.dtype, values._node.aval.device)
    x._node = aval.grad if values.requires_grad else aval.plain
    return x


def with_values(x: SparseTensor, values: Any) -> SparseTensor:
    """Other values at the places of `x`."""
    return made(x._i, values, (*x._node.aval.shape[:x._i.shape[0]], *values.shape[1:]), x._once, x._pattern)


def _shape_of(indices: Any, values: Any) -> tuple[int, ...]:
    """The smallest size that holds all entries."""
    if not indices.shape[1]:
        return (0,) * indices.shape[0] + tuple(values.shape[1:])
    return (*[int(n) + 1 for n in np.asarray(indices.detach()._array()).max(1)], *values.shape[1:])


def _counted(size: tuple[int, ...]) -> tuple[int, ...]:
    """`size`. RuntimeError where 63 bits cannot count the elements."""
    require(prod(size) < 2**63, "numel: integer multiplication overflow")
    return size


def _checked(indices: np.ndarray, size: tuple[int, ...], once: bool | None) -> None:
    """What `check_invariants` asks for: places inside the size and, where it is said to be so, in order and without repetition."""
    if not indices.size:
        return
    require(int(indices.min()) >= 0, f"found negative index {int(indices.min())} for dim "
                                     f"{int(np.argmin(indices.min(1)))}")
    for d, largest in enumerate(indices.max(1)):
        require(int(largest) < size[d], f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found index "
                                        f"{int(largest)}")
    if once:
        flat = np.ravel_multi_index(tuple(indices), size[:len(indices)])
        require(bool((np.diff(flat) > 0).all()),
                "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")


def sparse_coo_tensor(indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
                      pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
                      is_coalesced: bool | None = None) -> SparseTensor:
    """A sparse tensor with `values` (nnz, *dense sizes) at `indices` (sparse dims, nnz); entries of one place add up.

    Without a size it is as large as its entries ask for; with a size alone it is empty.
    Raises RuntimeError where the parts do not fit together.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse_coo_tensor.html
    """
    if values is None:      # a size alone
        require(indices is None or size is None, "sparse_coo_tensor() needs values for these indices")
        size = _counted(tuple(indices if size is None else size))
        nothing = t.zeros(0, dtype=dtype, device=device, requires_grad=requires_grad)
        return made(t.zeros((len(size), 0), dtype=t.int64, device=device), nothing, size, True)
    values = t.as_tensor(values, dtype=dtype, device=device)
    values = values if values.dim() else values.unsqueeze(0)        # the one entry
    indices = t.as_tensor(indices, device=values.device).to(t.int64).detach()       # the caller may give their own another size
    require(indices.dim() == 2, f"indices must be sparse_dim x nnz, but got: {listing(indices.shape)}")
    require(values.dim() > 0 and indices.shape[1] == values.shape[0], "indices and values must have same nnz, but got nnz from "
            f"indices: {indices.shape[1]}, nnz from values: {values.shape[0] if values.dim() else 1}")
    sparse, inner = indices.shape[0], values.dim() - 1
    shape = _shape_of(indices, values) if size is None else tuple(size)
    require(len(shape) == sparse + inner, f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, "
                                          f"sparse_dim = {sparse}, dense_dim = {inner}")
    require(tuple(values.shape[1:]) == tuple(shape[sparse:]), f"values has incorrect size, expected "
            f"{listing((values.shape[0], *shape[sparse:]))}, got {listing(values.shape)}")
    _counted(shape)
    if check_invariants or (check_invariants is None and checks.enabled):
        _checked(np.asarray(indices._array()), shape, is_coalesced)
    if requires_grad:
        return made(indices, values.detach().requires_grad_(), shape, bool(is_coalesced))
    if not values.requires_grad:
        return made(indices, values.detach(), shape, bool(is_coalesced))
    return made(indices, t._sparse_values(values), shape, bool(is_coalesced))


class _Checks:
    """Whether new sparse tensors are looked at."""
    enabled = False


checks = _Checks()


def located(x: SparseTensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of `x` that have entries, in order (sparse dims, n), the place of each entry among them, and of each place the
    first entry."""
    if x._pattern is None:
        indices = np.asarray(x._i._array())
        size = x._node.aval.shape[:len(indices)]
        flat = np.ravel_multi_index(tuple(indices), size, mode="clip") if len(indices) and indices.size else \
            np.zeros(indices.shape[1], np.int64)
        found, first, places = np.unique(flat, return_index=True, return_inverse=True)
        rows = np.stack(np.unravel_index(found, size)) if len(indices) and found.size else np.zeros((len(indices), len(found)))
        x._pattern = rows.astype(np.int64), places.reshape(-1), first
    return x._pattern


def on_device(array: np.ndarray, like: Any) -> Any:
    """An array of places as a tensor beside `like`."""
    return t.from_numpy(np.ascontiguousarray(array)).to(like.device)


def coalesced(x: SparseTensor) -> SparseTensor:
    """`x` with one entry for each place, in order."""
    if x._once:
        return x
    rows, places, _ = located(x)
    values = t._sparse_coalesced(on_device(places, x._v), x._v, count=rows.shape[1])
    return made(on_device(rows, x._v), values, x._node.aval.shape, True)


def dense(x: SparseTensor, dtype: Any = None) -> Any:
    """All elements of `x`."""
    return t._sparse_dense(x._i, x._v if dtype is None else x._v.to(dtype), size=tuple(x._node.aval.shape))


def from_dense(x: Any, sparse_dim: int | None = None) -> SparseTensor:
    """The elements of `x` that are not zero; beyond the first `sparse_dim` dims whole slices that are not."""
    dims = x.dim() if sparse_dim is None else sparse_dim
    require(x.dim() == 0 or 0 < dims <= x.dim(), f"dense_to_sparse: sparse_dim argument must be in [0,{x.dim()}] range, "
                                                 f"but {dims} is given")
    seen = np.asarray(x.detach()._array()) != 0
    if not x.dim():
        return made(t.zeros((0, int(seen)), dtype=t.int64), x.reshape(1)[:int(seen)], (), True)
    found = np.stack(np.nonzero(seen.reshape(*seen.shape[:dims], prod(seen.shape[dims:])).any(-1) if dims < x.dim() else seen))
    places = on_device(found.astype(np.int64), x)
    return made(places, x[tuple(places)], x.shape, True)
