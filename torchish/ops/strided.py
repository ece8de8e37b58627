"""Views by sizes and strides, and writes on diagonals.

In: arrays.  Out: the elements at given distances of the memory that a contiguous tensor would have.
Differs from torch: strides count in the row-major order of the tensor that is viewed, since XLA keeps no other.
"""
from __future__ import annotations

from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from .check import require, type_name
from .create import finish
from .table import Array, Dims, Number, Shape, cast, composite, op


def _places(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> np.ndarray:
    where = np.full(size, offset, np.int64)
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        where = where + (np.arange(n) * s).reshape(-1, *([1] * (len(size) - d - 1)))
    return where


@op(view=True, saves=False, forms="function method", samples=lambda t: [((t(3, 4), (2, 2), (4, 2), 1), {})])
def as_strided(input: Array, size: Dims, stride: Dims, storage_offset: int | None = None) -> Array:
    """The element at storage_offset + sum(i * stride) for each place i of `size`."""
    size, stride = tuple(size), tuple(stride)
    require(len(size) == len(stride), "mismatch in length of strides and shape")
    require(all(s >= 0 for s in stride), "as_strided: Negative strides are not supported at the moment, got strides: "
                                         f"[{', '.join(map(str, stride))}]")
    offset = storage_offset or 0
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if prod(size) else -1
    if isinstance(input, np.ndarray) and input.dtype == np.int8:        # asked for its strides
        return np.lib.stride_tricks.as_strided(input, size, stride)
    if last >= prod(input.shape):
        width = input.dtype.itemsize
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
                           f"{width} "
                           f"requiring a storage size of {(last + 1) * width} are out of bounds for storage of size "
                           f"{prod(input.shape) * width}")
    return input.reshape(-1)[_places(size, stride, offset)]


@composite(forms="function")
def empty_strided(t: Any, size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                  requires_grad: bool = False, pin_memory: bool = False) -> Any:
    """zeros seen with these strides (torch: whatever is there)."""
    last = sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if prod(size) else -1
    out = t.zeros(last + 1, dtype=dtype, device=device).as_strided(tuple(size), tuple(stride))
    return out.requires_grad_() if requires_grad else out


@op(name="_fill_diagonal", forms="function", saves=False, rule="FillDiagonalBackward0",
    samples=lambda t: [((t(4, 3), 2.0, True), {})])
def fill_diagonal(input: Array, fill_value: Number, wrap: bool) -> Array:
    """The main diagonal set to one number; with `wrap` it starts again below a tall matrix."""
    shape = input.shape
    require(len(shape) >= 2, "dimensions must larger than 1")
    require(len(shape) == 2 or len(set(shape)) == 1, "all dimensions of input must be of equal length")
    step = sum(prod(shape[d + 1:]) for d in range(len(shape)))
    end = prod(shape) if len(shape) == 2 and wrap else min(shape) * step
    places = np.arange(0, min(end, prod(shape)), step)
    return input.reshape(-1).at[places].set(cast(fill_value, input.dtype)).reshape(shape)


@op(promote=None, inplace=True, forms="method function", samples=lambda t: [((t(3, 4), t(4, dtype="bool"), t(3, 4, seed=1)),
                                                                             {})])
def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    """input, where `mask` is true the elements of `source` one after the other."""
    require(mask.dtype == bool, f"masked_scatter_ only supports boolean masks, but got mask with dtype {type_name(mask)}")
    require(input.dtype == source.dtype, f"masked_scatter: expected self and source to have same dtypes but got "
            f"{type_name(input)} and "
                                         f"{type_name(source)}")
    shape = jnp.broadcast_shapes(input.shape, mask.shape)
    x, chosen = jnp.broadcast_to(input, shape), jnp.broadcast_to(mask, shape).reshape(-1)
    place = jnp.clip(jnp.cumsum(chosen) - 1, 0, max(source.size - 1, 0))
    taken = source.reshape(-1)[place] if source.size else jnp.zeros(chosen.shape, source.dtype)
    return jnp.where(chosen, taken, x.reshape(-1)).reshape(shape)


@op(inplace=True, forms="method function out",
    samples=lambda t: [((t(3, 4), t(3, dtype="int64", low=0, high=11), t(3, seed=1), True), {})])
def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Array:
    """The flat places `index` of input set to (or, with `accumulate`, added) the elements of `source`."""
    require(index.size == source.size, f"put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() "
                                       f"= {source.size}, index.numel() = {index.size}", IndexError)
    flat, where, new = input.reshape(-1), index.reshape(-1), source.reshape(-1)
    where = jnp.where(where < 0, where + flat.size, where)
    flat = flat.at[where].add(new) if accumulate else flat.at[where].set(new)
    return flat.reshape(input.shape)


@op(forms="method", rule="SumBackward1", saves=False, samples=lambda t: [((t(3, 4), (1, 4)), {})])
def sum_to_size(input: Array, size: Shape) -> Array:
    """The sum over the dimensions along which `size` would have to be expanded."""
    lead = input.ndim - len(size)
    ok = lead >= 0 and all(n in (1, m) for n, m in zip(size, input.shape[lead:], strict=True))
    require(ok, f"size {{[{', '.join(map(str, size))}]}} is not expandable to size {{[{', '.join(map(str, input.shape))}]}}.")
    axes = tuple(range(lead)) + tuple(d + lead for d, n in enumerate(size) if n == 1 and input.shape[d + lead] != 1)
    return input.sum(axes, keepdims=True).reshape(size) if axes else input


@composite(forms="function")
def unravel_index(t: Any, indices: Any, shape: Any) -> Any:
    """Coordinates of flat indices: a tensor for each dimension of `shape`."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    require(all(n >= 0 for n in sizes), f"'shape' cannot have negative values, but got {sizes}", ValueError)
    found, rest = [], indices
    for n in reversed(sizes):
        found.append(rest % n)
        rest = t.div(rest, n, rounding_mode="floor")
    return tuple(reversed(found))


@composite()
def narrow_copy(t: Any, input: Any, dim: int, start: Any, length: int, *, out: Any = None) -> Any:
    """A copy of narrow(dim, start, length)."""
    found = t.narrow(input, dim, start, length).clone()
    return found if out is None else out.copy_(found)


@composite()
def positive(t: Any, input: Any) -> Any:
    """The input itself."""
    require(input.dtype is not t.bool, "The `+` operator, on a bool tensor is not supported.")
    return input


@composite()
def resolve_conj(t: Any, input: Any) -> Any:
    """The input itself: conjugates are always computed."""
    return input


@composite()
def resolve_neg(t: Any, input: Any) -> Any:
    """The input itself."""
    return input


@composite()
def is_conj(t: Any, input: Any) -> bool:
    """False: conjugates are always computed."""
    return False


@composite()
def is_neg(t: Any, input: Any) -> bool:
    """False."""
    return False


@composite(forms="function")
def range_(t: Any, start: Any = 0, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
           device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Any:
    """arange with `end` included. Deprecated in torch."""
    count = int((end - start) / step) + 1
    dtype = t.get_default_dtype() if dtype is None else dtype
    values = t.arange(count, dtype=dtype) * step + start
    return finish(values.to(dtype), out, device, requires_grad)

