"""Views by sizes and strides, and writes on diagonals.

In: arrays.  Out: the elements at given distances of a storage, in the order in which torch would keep it.
"""
from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..dtypes import default
from ..layouts import contiguous_format
from ..settings import unfilled
from ..sharing import storage_of
from ..strides import dense
from ..warned import warn
from .check import require, type_name
from .create import dense_only, finish_line, known
from .engine import put_changed
from .index import add_at
from .index import put as put_at
from .into import Into
from .scatter import look_flat
from .table import Array, Dims, Number, Shape, cast, composite, op
from .view import seen


def _places(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> np.ndarray:
    where = np.full(size, offset, np.int64)
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        where = where + (np.arange(n) * s).reshape(-1, *([1] * (len(size) - d - 1)))
    return where


def _written(base: Array, value: Array, *, size: Dims, stride: Dims, storage_offset: int) -> Array:
    places = _places(size, stride, storage_offset).reshape(-1)
    flat = base.reshape(-1)
    if len(np.unique(places)) < places.size:
        return put_changed(flat, places, value.reshape(-1)).reshape(base.shape)
    return flat.at[places].set(value.reshape(-1)).reshape(base.shape)


@op(name="_as_strided", view=True, write=_written, saves=False, forms="function", rule="AsStridedBackward0",
    samples=lambda t: [((t(3, 4), (2, 2), (4, 2), 1), {})])
def strided(input: Array, size: Dims, stride: Dims, storage_offset: int) -> Array:
    """The element at storage_offset + sum(i * stride) of a contiguous `input` for each place i of `size`."""
    if isinstance(input, np.ndarray):       # asked for its strides
        return seen(input, size, stride, storage_offset)
    return input.reshape(-1)[_places(size, stride, storage_offset)]


def memory_of(input: Any, detached: bool) -> Any:
    """The storage of a tensor: its elements in the order in which they lie, as a view of one dimension."""
    base = storage_of(input)
    # a leaf that was detached from what it shows is where the gradient goes
    base = input if input.requires_grad and input.nbytes == base.nbytes and dense(tuple(input.shape), input.stride()) else base
    base = base.detach() if detached and base.requires_grad else base
    strides = base.stride()
    if not base.is_contiguous():
        base = base.permute(*sorted(range(base.ndim), key=lambda d: (-strides[d], d)))
    return base if base.ndim == 1 else base.reshape(-1)


def _restrided(input: Any, size: Any, stride: Any, storage_offset: int | None) -> Any:
    """Any piece of the storage of `input`."""
    size, stride = tuple(size), tuple(stride)
    require(len(size) == len(stride), "mismatch in length of strides and shape")
    require(all(s >= 0 for s in stride), "as_strided: Negative strides are not supported at the moment, got strides: "
                                         f"[{', '.join(map(str, stride))}]")
    offset = input.storage_offset() if storage_offset is None else storage_offset
    require(offset >= 0, f"Tensor: invalid storage offset {offset}")
    memory = input if input._view is None and input.is_contiguous() else memory_of(input, not input.requires_grad)
    if memory.dtype is not input.dtype:
        memory = memory.view(input.dtype)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if prod(size) else -1
    if last >= memory.numel():
        width = input.itemsize
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {width} "
                           f"requiring a storage size of {(last + 1) * width} are out of bounds for storage of size "
                           f"{memory.numel() * width}")
    if input.requires_grad and not memory.requires_grad:        # a leaf that shows a part of what it was detached from
        memory = memory.clone()
        places, first = np.unique(_places(tuple(input.shape), input.stride(), input.storage_offset()), return_index=True)
        memory[places] = input.reshape(-1)[first]       # one of those that lie at one place: it has the gradient of the place
    return memory, size, stride, offset


@composite()
def as_strided(t: Any, input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """The storage of `input` seen with these sizes and strides: at storage_offset + sum(i * stride) for each place i."""
    if input.is_complex() and t.is_conj(input):
        return input.conj().as_strided(size, stride, storage_offset).conj()
    return t._as_strided(*_restrided(input, size, stride, storage_offset))


@composite(forms="function")
def empty_strided(t: Any, size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                  requires_grad: bool = False, pin_memory: bool = False) -> Any:
    """zeros that lie with these strides (torch: whatever is there)."""
    dense_only("empty_strided", layout)
    size, stride = tuple(size), tuple(stride)
    require(len(size) == len(stride),
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})")
    out = t.empty(size, dtype=dtype, device=device)
    if dense(size, stride):
        out = t._full(size, unfilled(out.dtype), dtype=out.dtype, device=out._aval.device, strides=stride)
    else:
        last = sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if prod(size) else -1
        out = t.empty(last + 1, dtype=dtype, device=device).as_strided(size, stride)
    return out._require_grad() if requires_grad else out


@composite(forms="method")
def new_empty_strided(t: Any, input: Any, size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                      requires_grad: bool = False, pin_memory: bool = False) -> Any:
    """empty_strided with the dtype and device of this tensor."""
    dense_only("new_empty_strided", layout)
    return t.empty_strided(size, stride, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@op(name="_fill_diagonal", strides="first", forms="function", saves=False, rule="FillDiagonalBackward0",
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


def _look_at_mask(input: Any, mask: Any, source: Any) -> None:
    """Refuses a known mask that asks for more elements than there are."""
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        repeats = prod(np.broadcast_shapes(tuple(input.shape), mask.shape)) // max(mask.size, 1)
        require(np.count_nonzero(mask) * repeats <= prod(source.shape), "Number of elements of source < number of ones in mask")


@op(promote=None, inplace=True, forms="method function", look=_look_at_mask, looks="whole",
    samples=lambda t: [((t(3, 4), t(4, dtype="bool"), t(3, 4, seed=1)), {})])
def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    """input, where `mask` is true the elements of `source` one after the other."""
    require(mask.dtype == bool, f"masked_scatter_ only supports boolean masks, but got mask with dtype {type_name(mask)}")
    require(input.dtype == source.dtype, f"masked_scatter: expected self and source to have same dtypes but got"
                                         f"{type_name(input)} and {type_name(source)}")
    shape = jnp.broadcast_shapes(input.shape, mask.shape)
    x, chosen = jnp.broadcast_to(input, shape), jnp.broadcast_to(mask, shape).reshape(-1)
    place = jnp.clip(jnp.cumsum(chosen) - 1, 0, max(source.size - 1, 0))
    taken = source.reshape(-1)[place] if source.size else jnp.zeros(chosen.shape, source.dtype)
    return jnp.where(chosen, taken, x.reshape(-1)).reshape(shape)


@op(apart=1, strides="first", inplace=True, forms="method function out", look=look_flat,
    samples=lambda t: [((t(3, 4), t(3, dtype="int64", low=0, high=11), t(3, seed=1), True), {})])
def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Array:
    """The flat places `index` of input set to (or, with `accumulate`, added) the elements of `source`."""
    require(input.dtype == source.dtype, f"put_(): self and source expected to have the same dtype, but got self.dtype = "
                                         f"{type_name(input)} and source.dtype = {type_name(source)}")
    require(index.size == source.size, f"put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() "
                                       f"= {source.size}, index.numel() = {index.size}", IndexError)
    flat, where, new = input.reshape(-1), index.reshape(-1), source.reshape(-1)
    where = jnp.where(where < 0, where + flat.size, where)
    flat = add_at(flat, (where,), new) if accumulate else put_at(("t",), flat, new, where)
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
    require(not (indices.is_floating_point() or indices.is_complex() or indices.dtype is t.bool),
            f"expected 'indices' to be integer dtype, but got {indices.dtype}", TypeError)
    require(isinstance(shape, (int, Sequence)), f"expected 'shape' to be int or sequence of ints, but got {type(shape)}", TypeError)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        require(isinstance(n, int), f"expected 'shape' sequence to only contain ints, but got {type(n)}", TypeError)
    require(all(n >= 0 for n in sizes), f"'shape' cannot have negative values, but got {sizes}", ValueError)
    steps = [prod(sizes[k + 1:]) for k in range(len(sizes))]
    where = {"dtype": t.int64, "device": indices.device}
    return (t.floor_divide(indices.unsqueeze(-1), t.tensor(steps, **where)) % t.tensor(sizes, **where)).unbind(-1)


@composite(into=Into("Expected self.dtype() == output.dtype() to be true, but got false"))
def narrow_copy(t: Any, input: Any, dim: int, start: Any, length: int, *, out: Any = None) -> Any:
    """A copy of narrow(dim, start, length)."""
    require(input.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.")
    require(dim < input.dim(), "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  (Could this "
                               "error message be improved?  If so, please report an enhancement request to PyTorch.)")
    require(length >= 0, f"start ({start}) + length ({length}) exceeds dimension size ({input.size(dim)}).")
    found = t.narrow(input, dim, start, length).clone(memory_format=contiguous_format)
    return found if out is None else out._store(found, "narrow_copy")


@composite()
def positive(t: Any, input: Any) -> Any:
    """The input itself."""
    require(input.dtype is not t.bool, "The `+` operator, on a bool tensor is not supported.")
    return input


@composite(forms="function")
def range_(t: Any, start: Any = None, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
           device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Any:
    """arange with `end` included. Deprecated in torch."""
    dense_only("range", layout)
    require(end is not None, 'range() missing 1 required positional arguments: "end"', TypeError)
    start = 0 if start is None else start
    warn("torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
         "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).")
    require(step != 0, "step must be nonzero")
    require(isfinite(start) and isfinite(end), f"unsupported range: {start} -> {end}")
    require((end - start) * step >= 0, "upper bound and lower bound inconsistent with step sign")
    count = int((end - start) / step) + 1
    dtype = known("range", dtype, default.float, out)
    device = "cpu" if device is None else device        # the default device is not for this one, as in torch
    values = t.arange(count, dtype=dtype, device=device) * step + start
    return finish_line(values.to(dtype), out, device, requires_grad)

