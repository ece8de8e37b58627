"""Diagonals and triangles of matrices.

In: jax arrays (`diagonal` also numpy dummies).  Out: their diagonals, matrices made from diagonals, triangular parts.
"""
from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .check import common, listing, require, wrap_dim
from .into import EXACT
from .table import Array, Arrays, composite, op


def _two_dims(ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    require(a != b, f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


def _embedded(value: Array, offset: int, rows: int, columns: int) -> tuple[Array, Array]:
    """Matrices of rows x columns with `value`'s last dimension spread along a diagonal, and that diagonal's mask.

    A row (or, below the main diagonal, a column) holds one element of the diagonal, so spreading is broadcasting.
    """
    n, total = value.shape[-1], rows if offset >= 0 else columns
    padded = jnp.pad(value, [(0, 0)] * (value.ndim - 1) + [(0, total - n)]) if total > n else value
    spread = padded[..., :, None] if offset >= 0 else padded[..., None, :]
    return spread, jnp.eye(rows, columns, offset, dtype=bool)


def _write_diagonal(base: Array, value: Array, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    a, b = _two_dims(base.ndim, dim1, dim2)
    last = jnp.moveaxis(base, (a, b), (-2, -1))
    spread, mask = _embedded(value.astype(base.dtype), offset, *last.shape[-2:])
    return jnp.moveaxis(jnp.where(mask, spread, last), (-2, -1), (a, b))


@op(view=True, write=_write_diagonal, saves=False, forms="function method", samples=lambda t: [((t(3, 4), 1), {})])
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonal of the matrices in dim1 and dim2, `offset` places above the main one, as the last dimension."""
    a, b = _two_dims(input.ndim, dim1, dim2)
    rows, columns = input.shape[a], input.shape[b]
    if offset >= columns or -offset >= rows:     # beyond the matrix: torch gives an empty diagonal
        offset = min(max(offset, -rows), columns)
    module = np if isinstance(input, np.ndarray) else jnp
    return module.diagonal(input, offset, a, b)


@op(saves=False, rule="DiagonalBackward0_copy", forms="function out", samples=lambda t: [((t(3, 4),), {})])
def diagonal_copy(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """`diagonal` as a new tensor."""
    return diagonal(input, offset, dim1, dim2)


@op(strides="first", saves=False, forms="function method", samples=lambda t: [((t(3, 3), t(3)), {})])
def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """`input` with its diagonal replaced by `src`."""
    a, b = _two_dims(input.ndim, dim1, dim2)
    rows, columns = input.shape[a], input.shape[b]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    expected = (*(n for d, n in enumerate(input.shape) if d not in (a, b)), length)
    require(src.shape == expected, "expected src to have a size equal to the slice of self. src size = "
                                   f"{listing(src.shape)}, slice size = {listing(expected)}")
    return _write_diagonal(input, src, offset=offset, dim1=dim1, dim2=dim2)


@op(saves=False, forms="function method", samples=lambda t: [((t(2, 3), 1), {})])
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Square matrices, in dim1 and dim2, with `input`'s last dimension on a diagonal and zeros elsewhere."""
    a, b = _two_dims(input.ndim + 1, dim1, dim2)
    size = input.shape[-1] + abs(offset)
    spread, mask = _embedded(input, offset, size, size)
    return jnp.moveaxis(jnp.where(mask, spread, jnp.zeros((), input.dtype)), (-2, -1), (a, b))


@composite(forms="function method out", into=EXACT)
def diag(t, input, diagonal=0):
    """A matrix with the vector `input` on a diagonal, or a copy of the diagonal of the matrix `input`."""
    require(input.ndim in (1, 2), f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return t.diag_embed(input, diagonal) if input.ndim == 1 else t.diagonal_copy(input, diagonal)


@composite()
def diagflat(t, input, offset=0):
    """A matrix with all elements of `input` on a diagonal."""
    return t.diag_embed(t.flatten(input), offset)


def _triangle(input: Array, mask: Array) -> Array:
    return jnp.where(mask, input, jnp.zeros((), input.dtype))


@op(saves=False, inplace=True, samples=lambda t: [((t(3, 4), -1), {})])
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangles of the last two dimensions, up to `diagonal`; zeros above."""
    require(input.ndim >= 2, "tril: input tensor must have at least 2 dimensions")
    return _triangle(input, jnp.tri(*input.shape[-2:], diagonal, dtype=bool))


@op(saves=False, inplace=True, samples=lambda t: [((t(3, 4), 1), {})])
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangles of the last two dimensions, from `diagonal` on; zeros below."""
    require(input.ndim >= 2, "triu: input tensor must have at least 2 dimensions")
    return _triangle(input, ~jnp.tri(*input.shape[-2:], diagonal - 1, dtype=bool))


@op(name="_block_diag", saves=False, forms="function", rule="BlockDiagBackward0",
    samples=lambda t: [(([t(2, 3), t(1, 2)],), {})])
def blocks(tensors: Arrays) -> Array:
    """A matrix with the given matrices along its diagonal; vectors count as rows."""
    rows, before = [], 0
    for i, x in enumerate(tensors):
        require(x.ndim <= 2, "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                             f"Input {i} has {x.ndim} dimensions")
    matrices = [x.reshape((1,) * (2 - x.ndim) + x.shape) for x in common(tensors)]
    width = sum(x.shape[1] for x in matrices)
    for x in matrices:
        rows.append(jnp.pad(x, ((0, 0), (before, width - before - x.shape[1]))))
        before += x.shape[1]
    return jnp.concatenate(rows)


@composite(forms="function")
def block_diag(t, *tensors):
    """A matrix with the given matrices along its diagonal; vectors count as rows."""
    return t._block_diag(tensors) if tensors else t.empty(1, 0)
