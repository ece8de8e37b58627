"""More ops whose result's shape depends on values: argwhere, unique_consecutive, and buffers of bytes.

In: tensors, buffers.  Out: tensors made after a look at the values.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .capsule import imported
from .creation import READ_ONLY, as_tensor, from_array
from .data_dependent import check_unique, nonzero, unique_results
from .errors import refuse_data_dependent
from .tensor import Tensor
from .warned import warn_once

__all__ = ["argwhere", "from_dlpack", "frombuffer", "to_dlpack", "unique_consecutive"]


def argwhere(input: Tensor) -> Tensor:
    """Places of the elements that are not zero: (n, ndim)."""
    return nonzero(input)


def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The elements (or slices along `dim`) of which the one before is different; with inverse and run lengths."""
    refuse_data_dependent("unique_consecutive" if dim is None else "unique_dim_consecutive", input)
    dim = check_unique(input, dim)
    array = input._numpy()
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, dim, 0)
    n = rows.shape[0]
    new = np.ones(n, bool)
    new[1:] = (rows[1:] != rows[:-1]).reshape(max(n - 1, 0), -1).any(1) if n > 1 else []
    firsts = np.flatnonzero(new)
    values = rows[firsts] if dim is None else np.moveaxis(rows[firsts], 0, dim)
    inverse = (np.cumsum(new) - 1).reshape(array.shape if dim is None else (-1,))
    counts = np.diff(np.append(firsts, n))
    return unique_results("unique_consecutive", input, values, inverse if return_inverse else None,
                          counts if return_counts else None)


def frombuffer(buffer: Any, *, dtype: dtypes.dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-D tensor of the bytes of `buffer`. Differs from torch: the memory is not shared."""
    try:
        memory = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size = memory.nbytes
    if memory.readonly:
        warn_once(READ_ONLY)
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus "
                         f"1")
    if count < 0 and (size - offset) % dtype.itemsize:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a multiple of element "
                         f"size "
                         f"({dtype.itemsize})")
    if count > 0 and offset + count * dtype.itemsize > size:
        raise ValueError(f"requested buffer length ({count} * {dtype.itemsize} bytes) after offset ({offset} bytes) must not "
                         f"be greater "
                         f"than actual buffer length ({size} bytes)")
    out = from_array(np.frombuffer(buffer, dtype.np, count, offset))
    return out._begun(requires_grad)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor with the values of what speaks DLPack, or of a capsule.

    Memory is shared with a tensor. Differs from torch: it is not shared with others.
    """
    if isinstance(ext_tensor, Tensor):
        ext_tensor._refuse_export()
        own = ext_tensor.detach()
        return (own.clone() if copy else own).to(device=device)
    return as_tensor(imported(ext_tensor), device=device)


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule."""
    return tensor.__dlpack__()


for _fn in (argwhere, unique_consecutive):
    setattr(Tensor, _fn.__name__, _fn)
