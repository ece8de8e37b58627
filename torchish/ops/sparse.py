"""What is computed with the values of sparse tensors in coordinate form; what they are, and their patterns, is torchish/sparse.

In: indices (sparse dims, nnz) of int64, values (nnz, *dense sizes).  Out: values of another pattern, or a dense array.
Entries of the same place add up.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp

from .check import require
from .precision import dtype_name
from .table import Array, Shape, op

__all__ = ["coalesced", "dense", "sparse_product", "softmax", "values_of"]


@op(name="_sparse_values", forms="", rule="SparseCooTensorWithDimsAndTensorsBackward0", samples=lambda t: [((t(4),), {})])
def values_of(values: Array) -> Array:
    """The values that a sparse tensor is made of."""
    return values


@op(name="_sparse_dense", forms="", rule="ToDenseBackward0", samples=lambda t: [
    ((t(2, 5, dtype="int64", low=0, high=3), t(5)), {"size": (3, 4)}),
    ((t(1, 5, dtype="int64", low=0, high=3), t(5, 2)), {"size": (3, 2)})])
def dense(indices: Array, values: Array, size: Shape) -> Array:
    """All elements, those without an entry zero."""
    places = tuple(indices)
    if not places:
        return values.any(0) if values.dtype == jnp.bool_ else values.sum(0, dtype=values.dtype)
    empty = jnp.zeros(size, values.dtype)
    return empty.at[places].max(values) if values.dtype == jnp.bool_ else empty.at[places].add(values)


@op(name="_sparse_coalesced", forms="", rule="CoalesceBackward0", samples=lambda t: [
    ((t(5, dtype="int64", low=0, high=3), t(5, 2)), {"count": 3})])
def coalesced(places: Array, values: Array, count: int) -> Array:
    """The sum of the values at each of `count` places."""
    empty = jnp.zeros((count, *values.shape[1:]), values.dtype)
    return empty.at[places].max(values) if values.dtype == jnp.bool_ else empty.at[places].add(values)


@op(name="_sparse_product", forms="", autocast="low", rule="SparseAddmmBackward0", samples=lambda t: [
    ((t(2, 5, dtype="int64", low=0, high=3), t(5), t(3, 2)), {"rows": 4})])
def sparse_product(indices: Array, values: Array, mat2: Array, rows: int) -> Array:
    """A sparse matrix (rows, m) times a dense one (m, p): each entry adds its multiple of a row of `mat2` to its own row."""
    require(values.dtype == mat2.dtype, f"expected scalar type {dtype_name(values)} but found {dtype_name(mat2)}")
    if rows * mat2.shape[1] == 0 or not values.size:
        return jnp.zeros((rows, mat2.shape[1]), values.dtype)
    return jnp.zeros((rows, mat2.shape[1]), values.dtype).at[indices[0]].add(values[:, None] * mat2[indices[1]])


@op(name="_sparse_softmax", forms="", rule=lambda avals, attributes: f"Sparse{'Log' * attributes['log']}SoftmaxBackward0",
    samples=lambda t: [((t(5, dtype="int64", low=0, high=3), t(5)), {"count": 3, "log": False}),
                       ((t(5, dtype="int64", low=0, high=3), t(5)), {"count": 3, "log": True})])
def softmax(groups: Array, values: Array, count: int, log: bool) -> Array:
    """The softmax (or its logarithm) over the values of each group: a slice has an element for each entry, and no others."""
    shape = (count, *values.shape[1:])
    top = jax.lax.stop_gradient(jnp.full(shape, -jnp.inf, values.dtype).at[groups].max(values))
    shifted = values - top[groups]
    total = jnp.zeros(shape, values.dtype).at[groups].add(jnp.exp(shifted))
    return shifted - jnp.log(total)[groups] if log else jnp.exp(shifted) / total[groups]
