"""Scaled dot product attention.

In: query (*, L, d), key (*, S, d), value (*, S, v), perhaps a mask.  Out: (*, L, v).
"""
from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .check import broadcast_shapes, prod, require, wrap_dim
from .linalg import product
from .matmul_check import cpp_name
from .precision import dtype_name, is_float, wide
from .table import Array, Steps, composite, op

__all__ = ["KERNELS", "attention", "attention_weights"]

# PyTorch's kernels that may be used (torch.backends.cuda, torch.nn.attention). XLA makes one of its own, so all that follows
# from this is which calls are refused
KERNELS = {"cudnn": True, "flash": True, "mem_efficient": True, "math": True, "overrideable": True}


def _fitting(query: jax.Array, key: jax.Array, left: tuple[int, int], right: tuple[int, int]) -> None:
    """torch's errors where matrices of the shapes `left` and `right`, of as many as queries and keys have, cannot be multiplied."""
    if left[1] == right[0]:
        return
    require(query.ndim > 2, f"mat1 and mat2 shapes cannot be multiplied ({left[0]}x{left[1]} and {right[0]}x{right[1]})")
    batch = prod(broadcast_shapes(query.shape[:-2], key.shape[:-2]))
    require(False, f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {left[1]}] but got: "
                   f"[{batch}, {right[0]}].")


def _checked(query: jax.Array, key: jax.Array, value: jax.Array | None, attn_mask: jax.Array | None,
             is_causal: bool) -> None:
    value = key if value is None else value
    require(min(query.ndim, key.ndim, value.ndim) >= 2, "Expected query, key, and value to all be  at least 2 "
                                                        "dimensional, but "
            f"got query.dim: {query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead.")
    require(query.dtype == key.dtype == value.dtype, "Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {cpp_name(query)} key.dtype: {cpp_name(key)} and value.dtype: {cpp_name(value)} instead.")
    require(is_float(query), f"expected scalar type Float but found {dtype_name(query)}")
    _fitting(query, key, query.shape[-2:], key.shape[:-3:-1])
    _fitting(query, key, (query.shape[-2], key.shape[-2]), value.shape[-2:])
    if attn_mask is not None:
        require(not is_causal, "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
                               "is_causal=True")
        fits = attn_mask.dtype in (jnp.bool_, jnp.float32, query.dtype)
        require(fits, "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
                      f"{cpp_name(attn_mask)} and  query.dtype: {cpp_name(query)} instead.")


def _grouped(query: jax.Array, x: jax.Array, enable_gqa: bool) -> jax.Array:
    """Heads of key or value repeated to those of the query."""
    if not enable_gqa:
        return x
    wrap_dim(-3, query.ndim)
    if query.shape[-3] == x.shape[-3]:
        return x
    require(query.shape[-3] % x.shape[-3] == 0,
            "Number of heads in key and value must divide the number of heads in query")
    return jnp.repeat(x, query.shape[-3] // x.shape[-3], axis=-3)


def _weights(query: jax.Array, key: jax.Array, attn_mask: jax.Array | None, is_causal: bool,
             scale: float | None) -> jax.Array:
    """The softmax over keys; a query that may look at no key gets zeros."""
    factor = 1 / sqrt(query.shape[-1]) if scale is None else scale
    scores = wide(product(query * jnp.asarray(factor, query.dtype), jnp.swapaxes(key, -1, -2)))
    hidden = None
    if is_causal:
        hidden = lax.broadcasted_iota(jnp.int32, scores.shape[-2:], 1) > lax.broadcasted_iota(jnp.int32,
                                                                                              scores.shape[-2:], 0)
    elif attn_mask is not None:
        broadcast_shapes(scores.shape, attn_mask.shape)
        if attn_mask.dtype == jnp.bool_:
            hidden = ~attn_mask
        else:
            scores = scores + attn_mask.astype(scores.dtype)
    if hidden is not None:
        scores = jnp.where(hidden, -jnp.inf, scores)
    if scores.shape[-1] == 0:
        return scores.astype(query.dtype)
    top = lax.stop_gradient(scores.max(-1, keepdims=True))
    powers = jnp.exp(scores - (top if is_causal or attn_mask is None else jnp.where(jnp.isfinite(top), top, 0)))
    total = powers.sum(-1, keepdims=True)
    if attn_mask is not None:
        total = jnp.where(total == 0, 1, total)
    return (powers / total).astype(query.dtype)


def _fused(shapes: Sequence[tuple[int, ...]], mask_rg: bool = False) -> bool:
    """Whether PyTorch has a kernel on CPU for query, key and value of these shapes, and a mask that may require grad."""
    return (all(len(s) == 4 and s[-2] for s in shapes) and len({s[-1] for s in shapes}) == 1 and len({s[0] for s in shapes}) == 1
            and not mask_rg)


def _rule(avals: Any, attributes: Any) -> str:
    if _fused([a.shape for a in avals[:3]]):
        return "ScaledDotProductFlashAttentionForCpuBackward0"
    return "MmBackward0" if len(avals[0].shape) == 2 else "UnsafeViewBackward0"


def _turns(outs: list, _attributes: dict) -> Steps:
    *operands, mask = outs
    if _fused([o.aval.shape for o in operands], mask is not None and mask.rg):
        return [(0, 1, 2, 3)]
    return [(0,), (1, ~0), (3, ~1), (2, ~2)]


def _samples(t: Any) -> list:
    return [((t(2, 2, 4, 3), t(2, 2, 5, 3), t(2, 2, 5, 3, seed=1), None, False, None, False), {}),
            ((t(2, 4, 3), t(2, 4, 3), t(2, 4, 3, seed=1), None, True, 0.5, False), {})]


@op(name="_attention", autocast="low", forms="", rule=_rule, turns=_turns, samples=_samples)
def attention(query: Array, key: Array, value: Array, attn_mask: Array | None, is_causal: bool, scale: float | None,
              enable_gqa: bool) -> Array:
    """softmax(query key^T scale + mask) value."""
    _checked(query, key, value, attn_mask, is_causal)
    key, value = _grouped(query, key, enable_gqa), _grouped(query, value, enable_gqa)
    broadcast_shapes(query.shape[:-2], key.shape[:-2])
    dtype = query.dtype
    if jax.default_backend() == "cpu":      # where halves are computed in float32 anyway, and rounded after each step
        query, key, value = wide(query), wide(key), wide(value)
    return product(_weights(query, key, attn_mask, is_causal, scale), value).astype(dtype)


@op(name="_attention_weights", forms="", rule="SafeSoftmaxBackward0", turns=("attn_mask", "key"),
    samples=lambda t: [((t(2, 4, 3), t(2, 5, 3), None, False, None, False), {})])
def attention_weights(query: Array, key: Array, attn_mask: Array | None, is_causal: bool, scale: float | None,
                      enable_gqa: bool) -> Array:
    """softmax(query key^T scale + mask)."""
    _checked(query, key, None, attn_mask, is_causal)
    return _weights(query, _grouped(query, key, enable_gqa), attn_mask, is_causal, scale)


def _by_kernel(t: Any, operands: tuple, attn_mask: Any, dropout_p: float, is_causal: bool) -> tuple[Any, bool]:
    """The mask and `is_causal` of a call that only a fused kernel of PyTorch's takes; refused where it has none."""
    fits = not dropout_p and _fused([x.shape for x in operands], attn_mask is not None and attn_mask.requires_grad)
    if not (KERNELS["flash"] and fits):
        require(KERNELS["math"] or KERNELS["flash"], "No viable backend for scaled_dot_product_attention was found. This is "
                "likely due to turning off both the math kernel and the fused kernels.")
        require(KERNELS["math"], "No available kernel.  Aborting execution.")
        return attn_mask, is_causal         # which the other kernel refuses
    if not is_causal or attn_mask is None:
        return attn_mask, is_causal
    seen = t.ones(operands[0].shape[-2], operands[1].shape[-2], dtype=t.bool, device=operands[0].device).tril()
    return (attn_mask & seen if attn_mask.dtype is t.bool else attn_mask.masked_fill(~seen, -float("inf"))), False


@composite(forms="F")
def scaled_dot_product_attention(t: Any, query: Any, key: Any, value: Any, attn_mask: Any = None,
                                 dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Any:
    """softmax(query key^T scale + mask) value; a bool mask is True where a key takes part; scale is 1 / sqrt(d)."""
    if not KERNELS["math"] or is_causal and attn_mask is not None:
        attn_mask, is_causal = _by_kernel(t, (query, key, value), attn_mask, dropout_p, is_causal)
    if not dropout_p:
        return t._attention(query, key, value, attn_mask, is_causal, scale, enable_gqa)
    require(0 <= dropout_p <= 1, f"dropout probability has to be between 0 and 1, but got {dropout_p:g}")
    weights = t.dropout(t._attention_weights(query, key, attn_mask, is_causal, scale, enable_gqa), dropout_p, True)
    if enable_gqa and query.dim() > 2 and value.shape[-3] != query.shape[-3]:
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    return t.matmul(weights, value)
