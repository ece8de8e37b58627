"""F.multi_head_attention_forward: projections, scaled dot product attention in several heads, projection.

In: query (T, B, E), key and value (S, B, ...), the weights, perhaps masks.  Out: (T, B, E) and the attention weights or None.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
"""
from __future__ import annotations

import math
from typing import Any

from ..warned import warn
from .table import composite

__all__ = ["NEED_MASK", "canonical_mask"]

NEED_MASK = ("Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
             "`generate_square_subsequent_mask` to create this mask.")


def _assert(condition: bool, message: str) -> None:
    """torch checks these with assertions, so that is the class users see."""
    if not condition:
        raise AssertionError(message)


def canonical_mask(t: Any, mask: Any, name: str, other: Any, other_name: str, target: Any, check_other: bool = True) -> Any:
    """A mask to be added to scores: a bool one (True is left out) as 0 and -inf in the dtype `target`."""
    if mask is None:
        return None
    _assert(mask.dtype == t.bool or mask.is_floating_point(), f"only bool and floating types of {name} are supported")
    if check_other and other is not None and mask.dtype != other.dtype:
        warn(f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.")
    if mask.is_floating_point():
        return mask
    return t.zeros_like(mask, dtype=target).masked_fill_(mask, -math.inf)


def _batched(query: Any, key: Any, value: Any, padding: Any, attn_mask: Any, heads: int) -> bool:
    """Whether there is a batch dimension; all operands must agree."""
    _assert(query.dim() in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor")
    n, kind = query.dim(), "batched" if query.dim() == 3 else "unbatched"
    kind = f"For {kind} ({n}-D) `query`, expected"
    _assert(key.dim() == n == value.dim(), f"{kind} `key` and `value` to be {n}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively")
    if padding is not None:
        _assert(padding.dim() == n - 1, f"{kind} `key_padding_mask` to be `None` or {n - 1}-D but found {padding.dim()}-D tensor "
                "instead")
    if attn_mask is not None:
        _assert(attn_mask.dim() in (2, 3), f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor "
                "instead")
        if n == 2 and attn_mask.dim() == 3:
            expected = (heads, query.shape[0], key.shape[0])
            _assert(tuple(attn_mask.shape) == expected, f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}")
    return n == 3


def _projected(t: Any, query: Any, key: Any, value: Any, weight: Any, bias: Any, separate: tuple | None) -> tuple:
    """Query, key and value after the input projection; one product where they are the same tensor."""
    if separate is not None:
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return tuple(t.linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases, strict=True))
    if query is key and key is value:
        return t.linear(query, weight, bias).chunk(3, -1)
    size = query.size(-1)
    if key is value:
        first, second = weight.split([size, 2 * size])
        biases = (None, None) if bias is None else bias.split([size, 2 * size])
        return t.linear(query, first, biases[0]), *t.linear(key, second, biases[1]).chunk(2, -1)
    return _projected(t, query, key, value, None, bias, weight.chunk(3))


def _check_projection(query: Any, key: Any, value: Any, embed_dim: int, separate: tuple | None) -> None:
    size = query.shape[-1]
    _assert(size == embed_dim, f"was expecting embedding dimension of {embed_dim}, but got {size}")
    if separate is None:
        _assert(key.shape == value.shape, f"key shape {key.shape} does not match value shape {value.shape}")
        return
    _assert(key.shape[:2] == value.shape[:2], f"key's sequence and batch dims {key.shape[:2]} do not match value's "
            f"{value.shape[:2]}")
    for name, x, weight in zip(("query", "key", "value"), (query, key, value), separate, strict=True):
        expected = (size, x.shape[-1])
        _assert(tuple(weight.shape) == expected, f"expecting {name} weights shape of {expected}, but got {weight.shape}")


def _fitting_mask(attn_mask: Any, rows: int, columns: int, batch_heads: int) -> Any:
    """The mask with a batch dimension, (1 or B * heads, T, S)."""
    if attn_mask is None:
        return None
    expected = (rows, columns) if attn_mask.dim() == 2 else (batch_heads, rows, columns)
    if tuple(attn_mask.shape) != expected:
        raise RuntimeError(f"The shape of the {attn_mask.dim()}D attn_mask is {attn_mask.shape}, but should be {expected}.")
    return attn_mask.unsqueeze(0) if attn_mask.dim() == 2 else attn_mask


def _one_more(t: Any, *masks: Any) -> list:
    """Masks with a further key that every query sees."""
    return [None if mask is None else t.pad(mask, (0, 1)) for mask in masks]


def _heads(x: Any, batch: int, heads: int, size: int, static: Any = None, name: str = "") -> Any:
    """(L, B, E) as (B * heads, L, E / heads), or what is given in its place."""
    if static is None:
        return x.reshape(x.shape[0], batch * heads, size).transpose(0, 1)
    for dim, wanted in ((0, batch * heads), (2, size)):
        _assert(static.shape[dim] == wanted, f"expecting {name}.size({dim}) of {wanted}, but got {static.shape[dim]}")
    return static


def _merged(attn_mask: Any, padding: Any, batch: int, heads: int, length: int) -> Any:
    """Both masks in one."""
    if padding is None:
        return attn_mask
    _assert(tuple(padding.shape) == (batch, length), f"expecting key_padding_mask shape of {(batch, length)}, but got "
            f"{padding.shape}")
    padding = padding.view(batch, 1, 1, length).expand(-1, heads, -1, -1).reshape(batch * heads, 1, length)
    return padding if attn_mask is None else attn_mask + padding


def _attended(t: Any, q: Any, k: Any, v: Any, mask: Any, dropout_p: float, sizes: tuple[int, int], need_weights: bool,
              causal: bool) -> tuple:
    """((T, B, E), weights (B * heads, T, S) or None); `sizes`: B and heads."""
    (_, rows, size), length, (batch, heads) = q.shape, k.shape[1], sizes
    if need_weights:
        q = q * math.sqrt(1.0 / size)
        scores = t.bmm(q, k.transpose(-2, -1)) if mask is None else t.baddbmm(mask, q, k.transpose(-2, -1))
        weights = t.softmax(scores, -1)
        if dropout_p > 0.0:
            weights = t.dropout(weights, dropout_p, True)
        return t.bmm(weights, v).transpose(0, 1).contiguous().view(rows, batch, heads * size), weights
    if mask is not None:
        mask = mask.unsqueeze(0) if mask.shape[0] == 1 else mask.view(batch, heads, mask.shape[1], length)
    parts = [x.reshape(batch, heads, x.shape[1], size) for x in (q, k, v)]
    out = t.scaled_dot_product_attention(*parts, mask, dropout_p, causal)
    return out.permute(2, 0, 1, 3).contiguous().view(rows, batch, heads * size), None


@composite(forms="F")
def multi_head_attention_forward(
        t: Any, query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
        bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
        training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
        use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None, v_proj_weight: Any = None,
        static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True, is_causal: bool = False) -> tuple:
    """What nn.MultiheadAttention computes: (output, weights averaged over the heads or one for each, or None)."""
    is_batched = _batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    if not is_batched:
        same = query is key and key is value, key is value
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    rows, batch, size = query.shape
    padding = canonical_mask(t, key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError(NEED_MASK)
    if is_causal and padding is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = canonical_mask(t, attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = is_causal and padding is None and not need_weights
    _check_projection(query, key, value, embed_dim_to_check, separate)
    if padding is not None:
        _assert(padding.shape[0] == batch, f"Expected key_padded_mask.shape[0] to be {batch}, but got {padding.shape[0]}")
        _assert(padding.shape[1] == key.shape[0], f"Expected key_padded_mask.shape[1] to be {key.shape[0]}, but got "
                f"{padding.shape[1]}")
    q, k, v = _projected(t, query, key, value, in_proj_weight, in_proj_bias, separate)
    attn_mask = _fitting_mask(attn_mask, rows, key.shape[0], batch * num_heads)
    if bias_k is not None:
        for static, name in ((static_k, "key"), (static_v, "value")):
            _assert(static is None, f"bias cannot be added to static {name}.")
        k, v = t.cat([k, bias_k.repeat(1, batch, 1)]), t.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, padding = _one_more(t, attn_mask, padding)
    q = _heads(q, batch, num_heads, size // num_heads)
    k, v = (_heads(x, batch, num_heads, size // num_heads, *static)
            for x, *static in ((k, static_k, "static_k"), (v, static_v, "static_v")))
    if add_zero_attn:
        k, v = (t.cat([x, t.zeros((x.shape[0], 1, x.shape[2]), dtype=x.dtype, device=x.device)], 1) for x in (k, v))
        attn_mask, padding = _one_more(t, attn_mask, padding)
    mask = _merged(attn_mask, padding, batch, num_heads, k.shape[1])
    out, weights = _attended(t, q, k, v, mask, dropout_p if training else 0.0, (batch, num_heads), need_weights, is_causal)
    out = t.linear(out, out_proj_weight, out_proj_bias)
    if weights is not None:
        weights = weights.view(batch, num_heads, rows, k.shape[1])
        weights = weights.mean(dim=1) if average_attn_weights else weights
    return (out, weights) if is_batched else (out.squeeze(1), None if weights is None else weights.squeeze(0))
