"""Embedding tables: embedding, embedding_bag.

In: integer indices and a weight (rows, columns).  Out: the rows at the indices, or their sum,
mean or maximum for each bag.
An index outside the table is refused where its value is known; elsewhere it reads nan.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..warned import warn
from .check import refuse_outside, require
from .einsum import vector_norm
from .index import READ, refuse_no_rows
from .precision import dtype_name, is_float
from .table import Array, composite, op

__all__ = ["embedding", "embedding_bag_core"]


def _rows(weight: jax.Array, indices: jax.Array) -> jax.Array:
    refuse_no_rows(weight.shape[0], indices)
    return weight.at[indices].get(mode=READ, wrap_negative_indices=False)


def _check(weight: jax.Array, indices: jax.Array) -> None:
    require(weight.ndim == 2, "'weight' must be 2-D")
    require(indices.dtype in (jnp.int64, jnp.int32), "Expected tensor for argument #1 'indices' to have one of the "
                                                     "following "
            f"scalar types: Long, Int; but got torch.{dtype_name(indices)}Tensor instead (while checking arguments for "
            "embedding)")


def _scaled(rows: jax.Array, factor: jax.Array) -> jax.Array:
    """`rows`, with their gradient multiplied by `factor`."""
    fixed = jax.lax.stop_gradient(rows)
    return fixed + (rows - fixed) * factor


def _look(weight: Any, indices: Any, *others: Any) -> None:
    if weight.ndim == 2:
        refuse_outside(indices, weight.shape[0], lambda place: IndexError("index out of range in self"))


@op(forms="function", look=_look, samples=lambda t: [((t(5, 3), t(2, 4, dtype="int64", low=0, high=5)), {})])
def embedding(weight: Array, indices: Array, padding_idx: int = -1, scale_grad_by_freq: bool = False,
              sparse: bool = False) -> Array:
    """weight[indices]: (rows, d), (*) -> (*, d); the row padding_idx gets no gradient. Gradients are always dense."""
    _check(weight, indices)
    rows = _rows(weight, indices)
    if padding_idx >= 0:
        rows = jnp.where((indices == padding_idx)[..., None], jax.lax.stop_gradient(rows), rows)
    if scale_grad_by_freq:
        counts = jnp.zeros(weight.shape[0], weight.dtype).at[indices.reshape(-1)].add(1)
        rows = _scaled(rows, (1 / counts[indices])[..., None])
    return rows


@op(name="_embedding_renorm", forms="", differentiable=False,
    samples=lambda t: [((t(5, 3), t(2, 4, dtype="int64", low=0, high=5), 1.0, 2.0), {})])
def embedding_renorm(weight: Array, indices: Array, max_norm: float, norm_type: float) -> Array:
    """The table with each row that is looked up scaled down to norm max_norm where it is larger."""
    size = vector_norm(weight, norm_type, -1, keepdim=True)
    looked_up = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True)[:, None]
    return jnp.where(looked_up & (size > max_norm), weight * (max_norm / (size + 1e-7)), weight)


def _renorm(t: Any, weight: Any, indices: Any, max_norm: float | None, norm_type: float) -> None:
    if max_norm is not None:
        with t.no_grad():
            weight.copy_(t._embedding_renorm(weight, indices, float(max_norm), float(norm_type)))


@composite(name="F_embedding", forms="F")
def f_embedding(t: Any, input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
                norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """weight[input]; rows longer than max_norm are first scaled down in place."""
    padding = -1
    if padding_idx is not None:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding = padding_idx % weight.shape[0]
    _renorm(t, weight, input, max_norm, norm_type)
    if sparse:
        weight._by_rows = True
    return t.embedding(weight, input, padding, scale_grad_by_freq, sparse)


def _look_at_bags(weight: Any, indices: Any, offsets: Any, mode: str, *others: Any) -> None:
    if len(weight.shape) != 2 or not len(offsets.shape):
        return
    n = weight.shape[0]
    refuse_outside(indices, n, lambda place: RuntimeError(
        f"embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {place}" if mode == "max" else
        f"Index {(indices.ravel() == place).argmax()} of input takes value {place} which is not in the valid range [0, {n})"))
    if isinstance(offsets, np.ndarray) and offsets.size:
        first, last, length = int(offsets[0]), int(offsets[-1]), indices.shape[0]
        require(first == 0, "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                            f"However, got {first}")
        require(last <= length, f"offsets[-1] can not be greater than input's length {length} but got offsets[-1] of {last}")


@op(name="_embedding_bag", forms="", rule="EmbeddingBagBackward0", look=_look_at_bags, samples=lambda t: [
    ((t(5, 3), t(6, dtype="int64", low=0, high=5), t(2, dtype="int64", low=0, high=1), "mean", None, False, -1, False),
     {})])
def embedding_bag_core(weight: Array, indices: Array, offsets: Array, mode: str, per_sample_weights: Array | None,
                       include_last_offset: bool, padding_idx: int, scale_grad_by_freq: bool) -> Array:
    """The sum, mean or maximum of the rows of each bag; bag i starts at offsets[i]."""
    _check(weight, indices)
    require(is_float(weight), "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
            f"Float, Double; but got torch.{dtype_name(weight)}Tensor instead (while checking arguments for embedding_bag)")
    bags = offsets.shape[0] - include_last_offset
    rows = embedding(weight, indices, padding_idx, scale_grad_by_freq)
    bag = jnp.searchsorted(offsets[:bags], jnp.arange(indices.shape[0]), side="right") - 1
    counted = (bag >= 0) & (indices != padding_idx)
    place = jnp.where(counted, bag,
                      bags)                          # what is not counted goes to one bag more, cut off below
    if mode == "max":
        best = jax.ops.segment_max(rows, place, bags + 1)[:bags]
        filled = jnp.zeros(bags + 1, bool).at[place].set(True)[:bags]
        return jnp.where(filled[:, None], best, 0)
    if per_sample_weights is not None:
        require(weight.dtype == per_sample_weights.dtype, "Expected tensor for argument #1 'weight' to have the same type as "
                f"tensor for argument #1 'per_sample_weights'; but type torch.{dtype_name(weight)}Tensor does not equal "
                f"torch.{dtype_name(per_sample_weights)}Tensor (while checking arguments for embedding_bag)")
        rows = rows * per_sample_weights[:, None]
    total = jax.ops.segment_sum(rows, place, bags + 1)[:bags]
    if mode == "sum":
        return total
    counts = jnp.zeros(bags + 1, total.dtype).at[place].add(1)[:bags]
    return total / jnp.maximum(counts, 1)[:, None]


def _check_mode(mode: str, scale_grad_by_freq: bool, sparse: bool, per_sample_weights: Any) -> None:
    require(mode in ("sum", "mean", "max"), "mode has to be one of sum, mean or max", ValueError)
    require(mode != "max" or not scale_grad_by_freq, "max mode does not support scaling the gradient by the frequency", ValueError)
    require(mode != "max" or not sparse, "max mode does not support sparse weights", ValueError)
    require(mode == "sum" or per_sample_weights is None, "embedding_bag: per_sample_weights was not None. per_sample_weights is "
            f"only supported for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub.", NotImplementedError)


@composite(forms="F")
def embedding_bag(t: Any, input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None,
                  norm_type: float = 2,
                  scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Any = None,
                  include_last_offset: bool = False, padding_idx: int | None = None) -> Any:
    """Sums, means or maxima of bags of rows of weight: (bags, length), or (total) with offsets -> (bags, d)."""
    if weight.dtype == t.long and input.is_floating_point():
        warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is deprecated, "
             "and should now be `embedding_bag(input, weight, ...)`.")
        weight, input = input, weight
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the "
                         f"same shape as the input ({input.shape})")
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                             f"sequences. However, found offsets of type {type(offsets)}")
        offsets = t.arange(0, input.numel(), input.shape[1], dtype=input.dtype, device=input.device)
        include_last_offset = False
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    elif input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    elif offsets is None or offsets.dim() != 1:
        raise ValueError(f"offsets has to be a 1D Tensor{' but got None' if offsets is None else ''}")
    _check_mode(mode, scale_grad_by_freq, sparse, per_sample_weights)
    rows = weight.shape[0]
    require(padding_idx is None or -rows <= padding_idx < rows, "padding_idx must be within the number of embeddings, "
            f"{-rows} through {rows - 1}, but got {padding_idx}")
    padding = -1 if padding_idx is None else padding_idx % rows
    _renorm(t, weight, input, max_norm, norm_type)
    if sparse:
        weight._by_rows = True
    return t._embedding_bag(weight, input, offsets, mode, per_sample_weights, include_last_offset, padding,
                            scale_grad_by_freq)
