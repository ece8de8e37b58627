"""Splitting one tensor into several, and sliding windows: views with a tuple of results.

In: a jax array or a numpy dummy.  Out: a tuple of its parts along one dimension (static bounds, known when recorded).
"""
from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..strides import strides_of
from .check import need_int, require, wrap_dim
from .table import Array, Dims, composite, op

COLON = slice(None)
MOST_SLICES = 32    # windows are stacked from slices up to this many, gathered beyond


def _part(input: Array, dim: int, start: int, stop: int) -> Array:
    if isinstance(input, np.ndarray):
        return input[(COLON,) * dim + (slice(start, stop),)]
    return lax.slice_in_dim(input, start, stop, axis=dim)


def _parts_of_unbind(input: Array, first: int, last: int, dim: int) -> Array:
    return jnp.moveaxis(lax.slice_in_dim(input, first, last, axis=dim), dim, 0)


@op(view=True, saves=False, forms="function method", samples=lambda t: [((t(2, 3), 1), {})], parts=_parts_of_unbind)
def unbind(input: Array, dim: int = 0) -> tuple[Array, ...]:
    """All slices along `dim`, which is left out of them."""
    dim = wrap_dim(wrap_dim(dim, input.ndim), input.ndim, scalar=False)
    if isinstance(input, np.ndarray):
        return tuple(input[(*(COLON,) * dim, i, ...)] for i in range(input.shape[dim]))
    return tuple(lax.index_in_dim(input, i, dim, keepdims=False) for i in range(input.shape[dim]))


def _split_bounds(n: int, dim: int, size: Dims) -> list[tuple[int, int]]:
    """(start, stop) of each part of a dimension of `n` that is split by one size or by a list of sizes."""
    if isinstance(size, int):
        require(size >= 0, f"split expects split_size be non-negative, but got split_size={size}")
        require(size > 0 or n == 0, f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        return [(i, min(i + size, n)) for i in range(0, n, size)] if n else [(0, 0)]
    require(all(s >= 0 for s in size),
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={list(size)}")
    require(sum(size) == n, f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                            f"dimension {dim}), but got split_sizes={list(size)}")
    ends = np.cumsum(size).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _split_rule(attributes: dict) -> str:
    return "SplitBackward0" if isinstance(attributes["split_size_or_sections"], int) else "SplitWithSizesBackward0"


def _parts_of_split(input: Array, first: int, last: int, split_size_or_sections: Dims, dim: int) -> Array:
    dim = wrap_dim(dim, input.ndim)
    bounds = _split_bounds(input.shape[dim], dim, split_size_or_sections)[first:last]
    part = lax.slice_in_dim(input, bounds[0][0], bounds[-1][1], axis=dim)
    return jnp.moveaxis(part.reshape(*input.shape[:dim], last - first, -1, *input.shape[dim + 1:]), dim, 0)


@op(view=True, saves=False, rule=_split_rule, forms="function method", parts=_parts_of_split,
    names={"function.input": "tensor", "method.split_size_or_sections": "split_size"},
    samples=lambda t: [((t(5, 3), 2), {}), ((t(5, 3), (1, 4)), {})])
def split(input: Array, split_size_or_sections: Dims, dim: int = 0) -> tuple[Array, ...]:
    """Parts of one size along `dim` (the last may be smaller), or of the sizes given as a list."""
    require(input.ndim > 0, "split expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, input.ndim)
    bounds = _split_bounds(input.shape[dim], dim, split_size_or_sections)
    return tuple(_part(input, dim, a, b) for a, b in bounds)


@composite()
def split_with_sizes(t, input, split_sizes, dim=0):
    """Parts of the sizes `split_sizes` along `dim`."""
    return t.split(input, tuple(split_sizes), dim)


def _chunk_size(input: Any, chunks: int, dim: int) -> int | tuple[int, ...]:
    """The size of each part, or the sizes of all where there is nothing to divide."""
    require(input.ndim > 0, "chunk expects at least a 1-dimensional tensor")
    need_int("chunk", "chunks", 2, chunks)
    require(chunks > 0, f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[wrap_dim(dim, input.ndim)]
    return ceil(n / chunks) if n else (0,) * chunks


@composite()
def chunk(t, input, chunks, dim=0):
    """At most `chunks` parts of one size (the last may be smaller) along `dim`."""
    return t.split(input, _chunk_size(input, chunks, dim), dim)


def _as_input(avals: list, attributes: dict) -> tuple[int, ...]:
    return strides_of(avals[0])


@op(saves=False, forms="function method", strides=_as_input, samples=lambda t: [((t(5, 3), 2), {})])
def unsafe_split(input: Array, split_size: int, dim: int = 0) -> tuple[Array, ...]:
    """What split shows, as tensors that share nothing and lie as the input does."""
    return split(input, split_size, dim)


@op(saves=False, forms="function method", strides=_as_input, samples=lambda t: [((t(5, 3), (1, 4)), {})])
def unsafe_split_with_sizes(input: Array, split_sizes: Dims, dim: int = 0) -> tuple[Array, ...]:
    """What split_with_sizes shows, as tensors that share nothing and lie as the input does."""
    return split(input, tuple(split_sizes), dim)


@composite()
def unsafe_chunk(t, input, chunks, dim=0):
    """What chunk shows, as tensors that share nothing and lie as the input does."""
    size = _chunk_size(input, chunks, dim)
    return t.unsafe_split(input, size, dim) if isinstance(size, int) else t.unsafe_split_with_sizes(input, size, dim)


def _tensor_split_bounds(n: int, indices_or_sections: Dims) -> list[tuple[int, int]]:
    if not isinstance(indices_or_sections, int):
        edges = [0, *indices_or_sections, n]
        places = [slice(a, b).indices(n)[:2] for a, b in pairwise(edges)]
        return [(a, max(a, b)) for a, b in places]
    require(indices_or_sections > 0, f"number of sections must be larger than 0, got {indices_or_sections}")
    size, longer = divmod(n, indices_or_sections)
    edges = [i * size + min(i, longer) for i in range(indices_or_sections + 1)]
    return list(pairwise(edges))


@op(view=True, saves=False, rule="SliceBackward0", separate=True, forms="function method",
    names={"indices_or_sections": "indices sections tensor_indices_or_sections indices_or_sections"},
    samples=lambda t: [((t(5, 3), 2), {}), ((t(5, 3), (1, 3)), {})])
def tensor_split(input: Array, indices_or_sections: Dims | float, dim: int = 0) -> tuple[Array, ...]:
    """Parts along `dim`: so many nearly equal ones, or those that begin and end at the given places."""
    require(input.ndim > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    places = (indices_or_sections,) if isinstance(indices_or_sections, (int, float)) else indices_or_sections
    require(not any(isinstance(p, (list, tuple)) for p in places), "tensor_split expected tensor_indices_or_sections to be a "
            "zero-dimensional or one-dimensional tensor, but got a tensor with 2 dims")
    require(not any(isinstance(p, float) for p in places),
            "tensor_split expected tensor_indices_or_sections to have dtype of long, but got Float")
    dim = wrap_dim(dim, input.ndim)
    return tuple(_part(input, dim, a, b) for a, b in _tensor_split_bounds(input.shape[dim], indices_or_sections))


_NAMES = {"function.indices_or_sections": "indices sections indices_or_sections",
          "method.indices_or_sections": "*indices sections indices_or_sections"}


def _named_split(t, name, least, input, dim, indices_or_sections):
    require(input.ndim >= least, f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
                                 f"with {input.ndim} dimensions!")
    n = input.shape[dim]
    if isinstance(indices_or_sections, (str, float)) or isinstance(indices_or_sections, t.Tensor) and indices_or_sections.ndim:
        kind = type(indices_or_sections).__name__
        raise TypeError(f"{name}() received an invalid combination of arguments - got (Tensor, {kind}), but expected one of:\n"
                        " * (Tensor input, int sections)\n * (Tensor input, tuple of ints indices)\n")
    if isinstance(indices_or_sections, int):
        require(indices_or_sections > 0 and n % indices_or_sections == 0,
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {n} is not "
                f"divisible by the split_size {indices_or_sections}!")
    return t.tensor_split(input, indices_or_sections, dim)


@composite(names=_NAMES)
def hsplit(t, input, indices_or_sections):
    """tensor_split along dimension 1 (dimension 0 of a vector), in equal parts where a number is given."""
    return _named_split(t, "hsplit", 1, input, 0 if input.ndim == 1 else 1, indices_or_sections)


@composite(names=_NAMES)
def vsplit(t, input, indices_or_sections):
    """tensor_split along dimension 0, in equal parts where a number is given."""
    return _named_split(t, "vsplit", 2, input, 0, indices_or_sections)


@composite(names=_NAMES)
def dsplit(t, input, indices_or_sections):
    """tensor_split along dimension 2, in equal parts where a number is given."""
    return _named_split(t, "dsplit", 3, input, 2, indices_or_sections)


@op(view=True, saves=False, forms="method", samples=lambda t: [((t(7, 2), 0, 3, 2), {})])
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """Windows of `size` at every `step` along `dimension`; their elements become a last dimension."""
    dim = wrap_dim(dimension, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    require(size >= 0, f"size is {size} but must be >= 0")
    require(size <= n, f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    require(step > 0, f"step is {step} but must be > 0")
    if input.ndim == 0:
        return input.reshape((1,))[:size]
    count = (n - size) // step + 1
    if isinstance(input, np.ndarray):
        strides = (*input.strides[:dim], input.strides[dim] * step, *input.strides[dim + 1:], input.strides[dim])
        shape = (*input.shape[:dim], count, *input.shape[dim + 1:], size)
        return np.lib.stride_tricks.as_strided(input, shape, strides)
    if 0 < size <= MOST_SLICES:     # one strided slice for each place in the window
        reach = (count - 1) * step + 1
        return jnp.stack([lax.slice_in_dim(input, i, i + reach, step, dim) for i in range(size)], axis=-1)
    places = np.arange(count)[:, None] * step + np.arange(size)
    return jnp.moveaxis(input.at[(COLON,) * dim + (places,)].get(mode="promise_in_bounds"), dim + 1, -1)
