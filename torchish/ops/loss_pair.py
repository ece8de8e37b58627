"""Losses of pairs and triples: distances, cosine similarity, margin losses.

In: arrays that broadcast to one shape, targets of -1 and 1.  Out: a 0-dim array, or one loss for each element.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..dtypes import from_numpy
from .check import broadcast_shapes, common, require, wrap_dims
from .einsum import vector_norm
from .pointwise import refuse_bools
from .precision import dtype_name, floating, is_float, need_real, wide
from .reduction import last_node, legacy, reduced, size_of
from .table import Array, Dim, Number, Steps, cast, composite, op

__all__ = ["cosine_similarity", "pairwise_distance"]


def _positive_part(x: jax.Array) -> jax.Array:
    """max(x, 0), whose gradient at 0 is 1 as that of torch's clamp_min."""
    need_real("clamp is not supported for complex types", x)
    return jnp.where(x >= 0, x, 0)


def _pair(t: Any) -> list:
    return [((t(3, 4), t(3, 4, seed=1)), {})]


def _expanded(outs: list, _attributes: dict) -> Steps:
    """Operands that do not fit are expanded, the second one first."""
    first, second = (o.aval.shape for o in outs)
    return [(0,), (1, ~0)] if first == second else [(1,), (0,), (~0, ~1)]


@op(autocast="float cuda", strides=None, forms="function F", promote="arith", rule="SumBackward1", turns=_expanded, samples=_pair)
def cosine_similarity(x1: Array, x2: Array, dim: Dim = 1, eps: float = 1e-8) -> Array:
    """Sum along dim of x1 x2 / (max(|x1|, eps) max(|x2|, eps))."""
    require(is_float(x1), f"expected common dtype to be floating point, yet common dtype is {dtype_name(x1)}")
    shape = broadcast_shapes(x1.shape, x2.shape)
    a, b = jnp.broadcast_to(wide(x1), shape), jnp.broadcast_to(wide(x2), shape)
    axis = wrap_dims(dim, len(shape))

    def unit(x: jax.Array) -> jax.Array:
        size = vector_norm(x, 2, axis, keepdim=True)
        return x / (size + jax.lax.stop_gradient(jnp.maximum(size, eps) - size))     # the floor hides no gradient

    return (unit(a) * unit(b)).sum(axis).astype(x1.dtype)


@op(strides=None, forms="function F", promote="arith", check=refuse_bools, rule="NormBackward1", samples=_pair)
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: Number = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm of x1 - x2 + eps over the last dim."""
    gap = floating(x1 - x2)
    return vector_norm(gap + cast(eps, gap.dtype), p, -1, keepdim)


@op(autocast="float cuda", forms="function F", samples=lambda t: [((t(4, 3),), {})])
def pdist(input: Array, p: float = 2.0) -> Array:
    """The p-norm distances of all pairs of rows: (n, d) -> (n (n - 1) / 2)."""
    require(input.ndim == 2, f"pdist only supports 2D tensors, got: {input.ndim}D")
    require(is_float(input), "pdist only supports floating-point dtypes")
    require(p >= 0, "pdist only supports non-negative p values")
    i, j = np.triu_indices(input.shape[0], 1)
    return vector_norm(input[i] - input[j], p, -1)


@op(autocast="float", forms="F", promote="arith", rule=last_node("AddBackward0"),
    samples=lambda t: [((t(3, 4), t(3, 4, low=1, high=1.1)), {})])
def hinge_embedding_loss(input: Array, target: Array, margin: Number = 1.0, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Array:
    """input where target is 1, max(0, margin - input) where it is -1; reduced."""
    values = jnp.where(target != 1, _positive_part(cast(margin, input.dtype) - input), 0) + jnp.where(target != -1,
                                                                                                      input, 0)
    return reduced(values, legacy(size_average, reduce, reduction))


@op(autocast="float", forms="function F", rule=last_node("ClampMinBackward0"), turns=("target",),
    samples=lambda t: [((t(4), t(4, seed=1), t(4, low=1, high=1.1)), {"margin": 5.0})])
def margin_ranking_loss(input1: Array, input2: Array, target: Array, margin: Number = 0,
                        size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Array:
    """max(0, margin - target (input1 - input2)), reduced."""
    require(input1.ndim == input2.ndim == target.ndim, "margin_ranking_loss : All input tensors should have same "
                                                       "dimension but "
            f"got sizes: input1: {size_of(input1)}, input2: {size_of(input2)}, target: {size_of(target)} ")
    broadcast_shapes(input1.shape, input2.shape, target.shape)
    x, y, z = common([input1, input2, target])
    gain = floating(-z * (x - y))       # integers wrap around before they become floating
    values = _positive_part(cast(margin, gain.dtype) + gain)
    return reduced(values, legacy(size_average, reduce, reduction))


@op(autocast="float", forms="function F", rule=last_node("AddBackward0"),
    samples=lambda t: [((t(3, 4), t(3, 4, seed=1), t(3, low=1, high=1.1)), {})])
def cosine_embedding_loss(input1: Array, input2: Array, target: Array, margin: Number = 0,
                          size_average: bool | None = None,
                          reduce: bool | None = None, reduction: str = "mean") -> Array:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; reduced."""
    require(target.ndim <= 1, "0D or 1D target tensor expected, multi-target not supported")
    require(input1.ndim == input2.ndim == target.ndim + 1, f"{target.ndim}D target tensor expects {target.ndim + 1}D input "
            f"tensors, but found inputs with sizes {list(input1.shape)} and {list(input2.shape)}.")
    broadcast_shapes(target.shape, broadcast_shapes(input1.shape, input2.shape)[:-1])
    input1, input2 = floating(input1), floating(input2)

    def squares(x: jax.Array) -> jax.Array:
        return (x * x).sum(-1) + 1e-12

    cos = (input1 * input2).sum(-1) / jnp.sqrt(squares(input1) * squares(input2))
    values = jnp.where(target == 1, 1 - cos, 0) + jnp.where(target == -1, _positive_part(cos - cast(margin, cos.dtype)),
                                                            0)
    return reduced(values, legacy(size_average, reduce, reduction))


@op(autocast="float", forms="function F", rule=last_node("ClampMinBackward0"), turns=("negative",),
    samples=lambda t: [((t(3, 4), t(3, 4, seed=1), t(3, 4, seed=2)), {"margin": 5.0})])
def triplet_margin_loss(anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6,
                        swap: bool = False, size_average: bool | None = None, reduce: bool | None = None,
                        reduction: str = "mean") -> Array:
    """max(0, margin + |anchor - positive| - |anchor - negative|), reduced."""
    how = legacy(size_average, reduce, reduction)
    require(margin > 0, f"margin must be greater than 0, got {margin}", ValueError)
    require(anchor.ndim == positive.ndim == negative.ndim, "The anchor, positive, and negative tensors are expected to "
                                                           "have the "
            f"same number of dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs")

    broadcast_shapes(anchor.shape, positive.shape)
    broadcast_shapes(anchor.shape, negative.shape)
    refuse_bools(*[from_numpy(x.dtype).name for x in (anchor, positive)])

    def distance(a: jax.Array, b: jax.Array) -> jax.Array:
        return vector_norm(floating(a - b) + eps, p, -1)

    far = distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    return reduced(_positive_part(margin + distance(anchor, positive) - far), how)


@op(autocast="float", forms="F", promote="arith", samples=lambda t: [((t(3, 4), t(3, 4, low=1, high=1.1)), {})])
def soft_margin_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Array:
    """log(1 + exp(-target input)), reduced."""
    values = jax.nn.softplus(-wide(target) * wide(input))
    require(is_float(input), f"result type Float can't be cast to the desired output type {dtype_name(input)}")
    return reduced(values, legacy(size_average, reduce, reduction)).astype(input.dtype)


@composite(forms="F")
def triplet_margin_with_distance_loss(t: Any, anchor: Any, positive: Any, negative: Any, *,
                                      distance_function: Any = None,
                                      margin: float = 1.0, swap: bool = False, reduction: str = "mean") -> Any:
    """triplet_margin_loss with a distance of one's own."""
    legacy(None, None, reduction)
    require(margin > 0, f"margin must be greater than 0, got {margin}", ValueError)
    dims = [x.dim() for x in (anchor, positive, negative)]
    require(len(set(dims)) == 1, "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {dims[0]}D, positive {dims[1]}D, and negative {dims[2]}D inputs")
    distance = t.pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = t.minimum(far, distance(positive, negative))
    values = t.clamp_min(margin + near - far, 0)
    return values if reduction == "none" else values.mean() if reduction == "mean" else values.sum()
