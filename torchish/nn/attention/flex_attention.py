"""torch.nn.attention.flex_attention: attention whose scores a function of the user's changes, and another hides.

In: query, key, value; functions of (score, batch, head, query, key).  Out: the attention; XLA computes the whole matrix of scores.
Source: https://docs.pytorch.org/docs/stable/nn.attention.flex_attention.html
"""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

from ... import api as torch
from ...func.vmap import vmap
from ...missing import missing
from ...tensor import Tensor
from .block_mask import _DEFAULT_SPARSE_BLOCK_SIZE, BlockMask, noop_mask, ordered

__all__ = ["AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask",
           "flex_attention", "noop_mask", "or_masks"]


class AuxRequest(NamedTuple):
    """What `flex_attention` is to return besides."""
    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What it returned besides; None for what was not wanted."""
    lse: Tensor | None = None
    max_scores: Tensor | None = None


class FlexKernelOptions(TypedDict, total=False):
    """Options of PyTorch's kernels: accepted, and without meaning here."""
    BACKEND: str


def _combined(name: str, mask_mods: tuple, start: bool, join: Callable) -> Callable:
    if not all(callable(f) for f in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_full((), start, dtype=torch.bool)
        for f in mask_mods:
            result = join(result, f(b, h, q_idx, kv_idx))
        return result
    mask.__name__ = mask.__qualname__ = name
    return mask


def and_masks(*mask_mods: Callable) -> Callable:
    """The mask that leaves what all of them leave. RuntimeError for what is no function."""
    return _combined("and_mask", mask_mods, True, lambda a, b: a & b)


def or_masks(*mask_mods: Callable) -> Callable:
    """The mask that leaves what one of them leaves. RuntimeError for what is no function."""
    return _combined("or_mask", mask_mods, False, lambda a, b: a | b)


def _everywhere(fn: Callable, sizes: tuple[int, ...], device: Any, *scores: Tensor) -> Tensor:
    """`fn` of (score, batch, head, query, key), or of the last four, at every place of (B, H, queries, keys)."""
    places = [torch.arange(n, device=device) for n in sizes]
    dims: list[tuple[int | None, ...]] = [tuple(0 if k == at else None for k in range(4)) for at in (3, 2, 1, 0)]
    for at in dims:
        fn = vmap(fn, in_dims=(*(0 for _ in scores), *at))
    return fn(*scores, *places)


def _takes(function: Callable) -> int:
    """How many arguments a function needs: 5 of a score, 4 of a mask; AssertionError otherwise."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(p.default is p.empty and p.kind in kinds for p in inspect.signature(function).parameters.values())
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return count


def create_mask(mod_fn: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None) -> Tensor:
    """(B, H, Q_LEN, KV_LEN), bool: `mod_fn` at every place; for a function of a score, where it leaves 0 above -inf."""
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    if _takes(mod_fn) == 5:
        scores = _everywhere(mod_fn, sizes, device, torch.zeros(sizes, device=device))
        return torch.where(torch.isneginf(scores), False, True)
    return _everywhere(mod_fn, sizes, device)


def create_block_mask(mask_mod: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None,
                      BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False,
                      separate_full_blocks: bool = True, compute_dq_write_order: bool = False,
                      dq_kv_order: bool = True) -> BlockMask:
    """The blocks of a mask given as a function of (batch, head, query, key)."""
    if _takes(mask_mod) != 4:
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    block = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    padded = torch.constant_pad_nd(mask, (0, -KV_LEN % block[1], 0, -Q_LEN % block[0]))
    cells = padded.unflatten(-1, (-1, block[1])).unflatten(-3, (-1, block[0])).transpose(-2, -3)
    filled = cells.sum((-2, -1))
    full: tuple = (None, None)
    part = filled > 0
    if separate_full_blocks:
        whole = filled == block[0] * block[1]
        full, part = ordered(whole), part & ~whole
    return BlockMask.from_kv_blocks(*ordered(part), *full, BLOCK_SIZE=block, mask_mod=mask_mod, seq_lengths=(Q_LEN, KV_LEN))


def _check(query: Tensor, key: Tensor, value: Tensor, block_mask: BlockMask | None, enable_gqa: bool) -> None:
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError("Expect query and key/value to have the same embedding dimension but got "
                         f"E={query.shape[-1]} and E={key.shape[-1]}.")
    if block_mask is None and query.shape[0] != key.shape[0]:
        raise ValueError("Expect query and key/value to have the same batch size, or non-none block_mask, but got block_mask=None, "
                         f"Bq={query.shape[0]}, and Bkv={key.shape[0]}.")
    heads, of_keys = query.shape[1], key.shape[1]
    if not enable_gqa and heads != of_keys:
        raise ValueError(f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={of_keys}. Try "
                         "setting enable_gqa=True for GQA.")
    if heads % of_keys:
        raise ValueError("Expect number of query heads to be a multiple of kv heads for GQA but got "
                         f"Hq={heads} and Hkv={of_keys}.")
    if block_mask is not None and block_mask.shape[-2:] != (query.shape[-2], key.shape[-2]):
        raise ValueError(f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={query.shape[-2]} and "
                         f"kv_len={key.shape[-2]}. As the block mask was created for a larger length than you're using it for, you "
                         "can either 1. create a new block mask with the correct length, or 2. 'adjust' the existing block mask to "
                         "the correct length by calling block_mask._adjust(q_len, kv_len). This essentially 'crops' the block mask "
                         "to the upper left corner, which does not work for all mask_mods!")


def flex_attention(query: Tensor, key: Tensor, value: Tensor, score_mod: Callable | None = None,
                   block_mask: BlockMask | None = None, scale: float | None = None, enable_gqa: bool = False,
                   return_lse: bool = False, kernel_options: FlexKernelOptions | None = None, *,
                   return_aux: AuxRequest | None = None) -> Any:
    """softmax(score_mod(query key^T * scale)) value, with what `block_mask` hides left out; a row with nothing left gives zeros.

    query (B, Hq, L, E), key (B, Hkv, S, E), value (B, Hkv, S, Ev): (B, Hq, L, Ev). score_mod: a function of (score, batch, head,
    query, key), all 0-dim. enable_gqa: several heads of queries share one of keys. return_lse: also the log of the sum of the
    exponentials of the scores (B, Hq, L); return_aux: AuxOutput with what it asks for. Computed in float32, or float64.
    Errors: torch's, for sizes and dtypes that do not fit.
    """
    _check(query, key, value, block_mask, enable_gqa)
    sizes = (query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    key, value = key.to(query.dtype), value.to(query.dtype)
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    wide = torch.float64 if query.dtype is torch.float64 else torch.float32
    scores = (query @ key.mT).to(wide) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if score_mod is not None:
        scores = _everywhere(score_mod, sizes, query.device, scores)
    if block_mask is not None and block_mask.mask_mod is not noop_mask:
        scores = scores.masked_fill(~_everywhere(block_mask.mask_mod, sizes, query.device), -float("inf"))
    hidden = scores.isneginf().all(-1, keepdim=True)
    weights = scores.masked_fill(hidden, 0).softmax(-1).masked_fill(hidden, 0)
    out = weights.to(query.dtype) @ value
    if return_aux is None:
        return (out, scores.logsumexp(-1)) if return_lse else out
    return out, AuxOutput(scores.logsumexp(-1) if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None)


__getattr__ = missing("torch.nn.attention.flex_attention", globals())
