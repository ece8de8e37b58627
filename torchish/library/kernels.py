"""What ATen computes under names that PyTorch's Python has not: resizing, padding, losses with their weight, transforms, products.

In: tensors and the arguments that ATen's schema has.  Out: `KERNELS`, name -> function.
Source: https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/torch.compiler_ir.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import fft, linalg, native
from ..namespace import namespace as t
from ..nn import functional as F
from ..ops.check import require
from ..tensor import Tensor

__all__ = ["KERNELS", "REDUCTIONS"]

REDUCTIONS = ("none", "mean", "sum")
# what ATen calls a transform's scale: none, 1 / sqrt(n), 1 / n
SCALES = {True: ("backward", "ortho", "forward"), False: ("forward", "ortho", "backward")}
SPATIAL = {"linear": "1d", "bilinear": "2d", "bicubic": "2d", "trilinear": "3d"}


def _resized(mode: str, antialias: bool = False) -> Callable:
    """upsample_...: `output_size` and where sources lie, a scale for each dimension; or (overload vec) one of size and scales."""
    def upsample(input: Tensor, output_size: Sequence[int] | None, align_corners: bool | None, *scales: Any,
                 scale_factors: Sequence[float] | None = None, **named: float | None) -> Tensor:
        if scales and isinstance(scales[0], (list, tuple)):
            scale_factors = scales[0]
        if output_size is None:
            require(scale_factors is not None, "Must specify exactly one of output_size and scale_factors")
            return F.interpolate(input, None, tuple(scale_factors), mode, align_corners, antialias=antialias)   # type: ignore[arg-type]
        given = [s for s in (*scales, *named.values()) if s is not None]
        wanted = tuple(output_size)
        if len(given) == len(wanted) and tuple(int(n * s) for n, s in zip(input.shape[2:], given, strict=True)) == wanted:
            return F.interpolate(input, None, tuple(given), mode, align_corners, antialias=antialias)
        return F.interpolate(input, wanted, None, mode, align_corners, antialias=antialias)

    if "nearest" not in mode:
        return upsample
    return lambda input, output_size, *scales, **named: upsample(input, output_size, None, *scales, **named)


def _nll_loss_forward(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int,
                      ignore_index: int) -> tuple[Tensor, Tensor]:
    """nll_loss, and the sum of the weights that its mean divides by (0 where nothing is averaged)."""
    loss = F.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=REDUCTIONS[reduction])
    if reduction == 0:
        return loss, input.new_zeros(())
    kept = target != ignore_index
    counted = kept.to(input.dtype) if weight is None else t.where(kept, weight[t.where(kept, target, 0)], 0)
    return loss, counted.sum()


def _log_sigmoid_forward(input: Tensor) -> tuple[Tensor, Tensor]:
    """logsigmoid, and exp(-abs(input)), which the backward wants."""
    return F.logsigmoid(input), t.exp(-input.abs())


def _batch_norm_with_update(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor, running_var: Tensor,
                            momentum: float, eps: float) -> tuple[Tensor, ...]:
    """native_batch_norm in training; the last result is room that only cuDNN uses."""
    made = native.native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return *made, t.empty(0, dtype=t.uint8, device=input.device)


def _batch_norm_functional(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor, running_var: Tensor,
                           *args: Any) -> tuple[Tensor, ...]:
    """(..., training, momentum, eps): native_batch_norm whose new running statistics are results."""
    mean, var = running_mean.clone(), running_var.clone()
    return *native.native_batch_norm(input, weight, bias, mean, var, *args), mean, var


def _batch_norm_inference(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor, running_var: Tensor,
                          momentum: float, eps: float) -> tuple[Tensor, ...]:
    return native.native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)


def _fused_rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None,
                    eps: float | None) -> tuple[Tensor, Tensor]:
    """rms_norm, and 1 / the roots of the mean squares."""
    axes = tuple(range(-len(normalized_shape), 0))
    least = t.finfo(input.dtype).eps if eps is None else eps
    squares = input.detach().square().mean(axes, keepdim=True)
    return F.rms_norm(input, tuple(normalized_shape), weight, eps), t.rsqrt(squares + least)


def _attention(query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0, is_causal: bool = False, *,
               attn_mask: Tensor | None = None, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """scaled_dot_product_attention, and the logarithms of the sums of exponentials of each row of scores."""
    out = F.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale)
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        ahead = t.ones(scores.shape[-2:], dtype=t.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
    if attn_mask is not None:
        scores = scores + attn_mask
    return out, scores.float().logsumexp(-1)


def _unique2(input: Tensor, sorted: bool = True, return_inverse: bool = False,
             return_counts: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """unique with three results in any case."""
    values, inverse, counts = t.unique(input, sorted, True, True)
    none = t.empty(0, dtype=t.int64, device=input.device)
    return values, inverse if return_inverse or return_counts else none, counts if return_counts else none


def _fft(function: Callable, goes_forward: bool, last: bool = False) -> Callable:
    def transform(input: Tensor, dim: Sequence[int], normalization: int, more: Any) -> Tensor:
        forward = more if function is fft.fftn else goes_forward
        size = [*(input.shape[d] for d in dim[:-1]), more] if last else None
        made = fft.ifftn if function is fft.fftn and not forward else function
        return made(input, size, tuple(dim), norm=SCALES[bool(forward)][normalization])
    return transform


def _fft_r2c(input: Tensor, dim: Sequence[int], normalization: int, onesided: bool) -> Tensor:
    return (fft.rfftn if onesided else fft.fftn)(input, None, tuple(dim), norm=SCALES[True][normalization])


def _convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int], padding: Sequence[int],
                 dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int, *flags: bool) -> Tensor:
    """convolution; the flags say which library may do it."""
    return native.convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)


KERNELS: dict[str, Callable] = {
    **{f"upsample_{mode}{n}": _resized(mode) for mode, n in SPATIAL.items()},
    **{f"upsample_nearest{n}d": _resized("nearest") for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": _resized("nearest-exact") for n in (1, 2, 3)},
    **{f"_upsample_{mode}2d_aa": _resized(mode, True) for mode in ("bilinear", "bicubic")},
    **{f"{name}_pad{n}d": partial(F.pad, mode=mode) for n in (1, 2, 3)
       for name, mode in (("reflection", "reflect"), ("replication", "replicate"))},
    "im2col": F.unfold, "col2im": F.fold,
    "_unsafe_index": lambda input, indices: input[tuple([slice(None) if i is None else i for i in indices])],
    "_adaptive_avg_pool2d": F.adaptive_avg_pool2d, "_adaptive_avg_pool3d": F.adaptive_avg_pool3d,
    "nll_loss_forward": _nll_loss_forward, "nll_loss2d_forward": _nll_loss_forward, "log_sigmoid_forward": _log_sigmoid_forward,
    "_batch_norm_with_update": _batch_norm_with_update,
    "_native_batch_norm_legit_functional": _batch_norm_functional, "_native_batch_norm_legit_no_training": _batch_norm_inference,
    "_fused_rms_norm": _fused_rms_norm, "_scaled_dot_product_flash_attention_for_cpu": _attention, "_unique2": _unique2,
    "_convolution": _convolution,     "_linalg_eigh": lambda A, UPLO="L", compute_v=True: linalg.eigh(A, UPLO), "_linalg_svd":
        lambda A, full_matrices=False, compute_uv=True, *, driver=None: linalg.svd(A, full_matrices),
    "_fft_c2c": _fft(fft.fftn, True), "_fft_c2r": _fft(fft.irfftn, False, True), "_fft_r2c": _fft_r2c,
    "_prelu_kernel": lambda input, weight: t.where(input > 0, input, weight * input), "_stack": t.stack,
    "_euclidean_dist": t.cdist, "_cdist_forward": lambda x1, x2, p, compute_mode: t.cdist(x1, x2, p),
    "_reshape_alias": lambda input, size, stride: input.reshape(size), "lift_fresh": lambda input: input,
    "lift": lambda input: input}
