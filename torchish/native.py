"""The functions of torch.nn.functional under the names and signatures that torch itself has for them.

In: tensors, options as numbers (a reduction is 0, 1 or 2 for none, mean or sum; a mode is its place in a list).  Out: tensors.
Composed of the functions of `spaces["F"]`; PyTorch publishes these names without documentation. Its schema says that the mean
is the default reduction, its parser takes none.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .namespace import namespace as t
from .ops.check import require, wrap_dim
from .ops.into import PLAIN
from .recorder import hooks
from .storage import in_place
from .tensor import Tensor
from .wiring import spaces

__all__ = ["_chunk_cat", "_native_batch_norm_legit", "_unsafe_masked_index", "_unsafe_masked_index_put_accumulate",
           "affine_grid_generator", "batch_norm", "batch_norm_update_stats", "binary_cross_entropy_with_logits", "conv_tbc",
           "convolution", "cosine_embedding_loss", "ctc_loss", "embedding_bag", "embedding_renorm_", "frobenius_norm",
           "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm", "hinge_embedding_loss", "instance_norm", "kl_div",
           "layer_norm", "margin_ranking_loss", "max_pool1d_with_indices", "native_batch_norm", "native_channel_shuffle",
           "native_group_norm", "native_layer_norm", "norm_except_dim", "nuclear_norm", "poisson_nll_loss", "rrelu", "rrelu_",
           "triplet_margin_loss"]

F = spaces["F"]
REDUCTIONS = ("none", "mean", "sum")
BAGS = ("sum", "mean", "max")
GRIDS, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def _reduction(function: str, position: int, reduction: Any) -> str:
    if not isinstance(reduction, int):
        raise TypeError(f"{function}(): argument 'reduction' (position {position}) must be int, not {type(reduction).__name__}")
    require(0 <= reduction <= 2, f"{reduction} is not a valid value for reduction")
    return REDUCTIONS[reduction]


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """F.kl_div."""
    return F["kl_div"](input, target, reduction=_reduction("kl_div", 3, reduction), log_target=log_target)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """F.poisson_nll_loss."""
    how = _reduction("poisson_nll_loss", 6, reduction)
    return F["poisson_nll_loss"](input, target, log_input, full, eps=eps, reduction=how)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """F.hinge_embedding_loss."""
    return F["hinge_embedding_loss"](input, target, margin, reduction=_reduction("hinge_embedding_loss", 4, reduction))


def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0) -> Tensor:
    """F.cosine_embedding_loss."""
    how = _reduction("cosine_embedding_loss", 5, reduction)
    return F["cosine_embedding_loss"](input1, input2, target, margin, reduction=how)


def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0) -> Tensor:
    """F.margin_ranking_loss."""
    how = _reduction("margin_ranking_loss", 5, reduction)
    return F["margin_ranking_loss"](input1, input2, target, margin, reduction=how)


def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-06, swap: bool = False, reduction: int = 0) -> Tensor:
    """F.triplet_margin_loss."""
    how = _reduction("triplet_margin_loss", 8, reduction)
    return F["triplet_margin_loss"](anchor, positive, negative, margin, p, eps, swap, reduction=how)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     pos_weight: Tensor | None = None, reduction: int = 0) -> Tensor:
    """F.binary_cross_entropy_with_logits."""
    how = _reduction("binary_cross_entropy_with_logits", 5, reduction)
    return F["binary_cross_entropy_with_logits"](input, target, weight, reduction=how, pos_weight=pos_weight)


def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: int = 0,
             zero_infinity: bool = False) -> Tensor:
    """F.ctc_loss."""
    how = _reduction("ctc_loss", 6, reduction)
    return F["ctc_loss"](log_probs, targets, input_lengths, target_lengths, blank, how, zero_infinity)


def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-05, cudnn_enable: bool = True) -> Tensor:
    """F.layer_norm."""
    return F["layer_norm"](input, normalized_shape, weight, bias, eps)


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05,
               cudnn_enabled: bool = True) -> Tensor:
    """F.group_norm."""
    return F["group_norm"](input, num_groups, weight, bias, eps)


def batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
               running_var: Tensor | None, training: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """F.batch_norm."""
    return F["batch_norm"](input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
                  running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """F.instance_norm."""
    return F["instance_norm"](input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _statistics(input: Tensor, axes: tuple[int, ...], eps: float, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Mean, and 1 / standard deviation, as the native norms give them."""
    var, mean = t._var_mean(input, axes, 0, keepdim)
    return mean, t.rsqrt(var + eps)


def native_layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None,
                      eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """F.layer_norm, the means and 1 / the standard deviations."""
    out = F["layer_norm"](input, normalized_shape, weight, bias, eps)
    return out, *_statistics(input.detach(), tuple(range(-len(normalized_shape), 0)), eps, True)


def native_group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int,
                      eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """F.group_norm, the means and 1 / the standard deviations of each group; these have gradients, too."""
    out = F["group_norm"](input, group, weight, bias, eps)
    return out, *_statistics(input.reshape(N, group, C // group * HxW), (2,), eps, False)


def native_batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
                      running_var: Tensor | None, training: bool, momentum: float, eps: float, *,
                      out: Any = None) -> tuple[Tensor, ...]:
    """F.batch_norm, the means and 1 / the standard deviations of the batch (none where the running ones are used)."""
    normalized = F["batch_norm"](input, running_mean, running_var, weight, bias, training, momentum, eps)
    axes = (0, *range(2, input.dim()))
    stats = _statistics(input.detach(), axes, eps, False) if training else (input.new_empty(0), input.new_empty(0))
    made = (normalized, *stats)
    return made if out is None else hooks.store_out(out, made)


def _native_batch_norm_legit(input: Tensor, weight: Tensor | None, bias: Tensor | None, *args: Any, out: Any = None,
                             **named: Any) -> tuple[Tensor, ...]:
    """native_batch_norm with (running_mean, running_var, training, momentum, eps), or without the first two."""
    running = () if len(args) + len(named) == 5 else (None, None)
    return native_batch_norm(input, weight, bias, *running, *args, **named, out=out)


def batch_norm_update_stats(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
                            momentum: float) -> tuple[Tensor, Tensor]:
    """Mean and variance of the batch; the running ones take them in."""
    require(input.numel() > 0, f"input tensor must have at least one element, but got input_sizes = {list(input.shape)}")
    axes = (0, *range(2, input.dim()))
    var, mean = t.var_mean(input, axes, correction=0)
    count = input.numel() // input.shape[1]
    with t.no_grad():
        for running, fresh in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
            if running is not None:
                running.lerp_(fresh, momentum)
    return mean, var


def embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False, mode: int = 0,
                  sparse: bool = False, per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """F.embedding_bag, the bag of each index and the size of each bag (twice: places of maxima are not told)."""
    out = F["embedding_bag"](indices, weight, offsets, None, 2, scale_grad_by_freq, BAGS[mode], sparse, per_sample_weights,
                             include_last_offset, padding_idx)
    starts = offsets[:-1] if include_last_offset else offsets
    bag = t.searchsorted(starts.contiguous(), t.arange(indices.numel(), dtype=starts.dtype, device=starts.device), right=True) - 1
    counted = t.ones_like(bag) if padding_idx is None else (indices != padding_idx).to(bag.dtype)
    sizes = t.zeros(starts.numel(), dtype=bag.dtype, device=bag.device).index_add(0, bag, counted)
    return out, bag.to(indices.dtype), sizes.to(indices.dtype), sizes.to(indices.dtype)


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Rows of a table that are looked up, scaled down in place to the norm `max_norm` where theirs is larger."""
    return in_place(input, t._embedding_renorm(input, indices, float(max_norm), float(norm_type)), PLAIN)


def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """F.grid_sample."""
    return F["grid_sample"](input, grid, GRIDS[interpolation_mode], PADDINGS[padding_mode], align_corners)


def grid_sampler_2d(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """F.grid_sample of images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """F.grid_sample of volumes."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """F.affine_grid."""
    return F["affine_grid"](theta, size, align_corners)


def convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int], padding: Sequence[int],
                dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int) -> Tensor:
    """F.conv1d to F.conv_transpose3d, as the dimensions of `weight` say."""
    n = weight.dim() - 2
    if transposed:
        return F[f"conv_transpose{n}d"](input, weight, bias, tuple(stride), tuple(padding), tuple(output_padding), groups,
                                        tuple(dilation))
    return F[f"conv{n}d"](input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """A convolution over time of (time, batch, channels), weight (width, channels in, channels out)."""
    require(input.dim() == 3, "Input must have 3 dims: time, batch, in_channel")
    require(weight.dim() == 3, "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    require(bias.dim() == 1, "Bias must be 1-D")
    return F["conv1d"](input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad).permute(2, 0, 1)


def max_pool1d_with_indices(input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
                            ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """F.max_pool1d and the places of the maxima."""
    return F["max_pool1d_with_indices"](input, kernel_size, stride if stride != () else None, padding, dilation, ceil_mode)


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """F.channel_shuffle."""
    return F["channel_shuffle"](input, groups)


def rrelu(input: Tensor, lower: float = 0.125, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Tensor:
    """F.rrelu; its slopes are drawn from the default generator."""
    require(generator is None, "rrelu: slopes are drawn from the default generator")
    return F["F_rrelu"](input, lower, upper, training)


def rrelu_(input: Tensor, lower: float = 0.125, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Tensor:
    """rrelu in place."""
    return in_place(input, rrelu(input, lower, upper, training, generator), PLAIN)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over all dimensions but `dim`, which are kept; over all of them for -1."""
    if dim == -1:
        return t.vector_norm(v, pow)
    return t.vector_norm(v, pow, tuple(d for d in range(v.dim()) if d != dim % v.dim()), keepdim=True)


def _chunk_cat(tensors: Sequence[Tensor], dim: int, num_chunks: int, *, out: Tensor | None = None) -> Tensor:
    """Each tensor in `num_chunks` flat parts from `dim` on, filled up with zeros; equal parts of all tensors in one row."""
    require(len(tensors) > 0, "_chunk_cat expects a non-empty input tensor list")
    require(num_chunks >= 1, "_chunk_cat expects positive num_chunks")
    require(dim >= 0 or len({x.dim() for x in tensors}) == 1,
            "_chunk_cat expects non-negative dim when input tensors have different ndims")
    d = wrap_dim(dim, tensors[0].dim())
    require(all(d < x.dim() for x in tensors), "_chunk_cat expects dim < ndim for all input tensors")
    rows = []
    for x in tensors:
        require(x.numel() > 0, "_chunk_cat expects non-empty tensor")
        require(x.dtype is tensors[0].dtype, "_chunk_cat expects all input tensors with the same dtype")
        require(x.shape[:d] == tensors[0].shape[:d], "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors")
        filled = F["pad"](x, [0, 0] * (x.dim() - 1 - d) + [0, -x.shape[d] % num_chunks])
        rows.append(filled.reshape(*x.shape[:d], num_chunks, -1))
    made = t.cat(rows, d + 1)
    return made if out is None else out._store(made, "cat")


def _in_range(input: Tensor, indices: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(i.clamp(-n, n - 1) for i, n in zip(indices, input.shape, strict=False))


def _unsafe_masked_index(input: Tensor, mask: Tensor, indices: Sequence[Tensor], fill: Any) -> Tensor:
    """input[indices] where `mask` holds, else `fill`; indices may be out of bounds where it does not hold."""
    return t.where(mask, input[_in_range(input, indices)], t.scalar_tensor(fill, dtype=input.dtype))


def _unsafe_masked_index_put_accumulate(input: Tensor, mask: Tensor, indices: Sequence[Tensor], values: Tensor) -> Tensor:
    """`input`, `values` added at `indices` where `mask` holds."""
    return input.index_put(_in_range(input, indices), values.masked_fill(~mask, 0), accumulate=True)


def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The 2-norm over one or two dimensions."""
    made = t.vector_norm(input, 2, tuple(dim) if not isinstance(dim, int) else dim, keepdim)
    return made if out is None else out._store(made)


def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The sum of the singular values of each matrix."""
    made = t.norm(input, "nuc", tuple(dim), keepdim)
    return made if out is None else out._store(made)
