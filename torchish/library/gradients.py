"""The backward kernels of ATen (gelu_backward, convolution_backward, ...): what a hand-written backward of a script calls.

In: the gradient of the result, what the forward had, in ATen's order.  Out: `GRADIENTS`, name -> function that gives gradients.
Each can be differentiated again. Most are the pull-back of the forward function, which finds out once more where maxima are.
Source: https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/torch.compiler_ir.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import native
from ..func import vjp
from ..namespace import namespace as t
from ..nn import functional as F
from ..tensor import Tensor
from .kernels import KERNELS, REDUCTIONS

__all__ = ["GRADIENTS"]


def _pulled(forward: Callable, grad: Tensor, *inputs: Tensor) -> Any:
    """The gradients of `forward(*inputs)`: one, or a tuple where there are several inputs."""
    found = vjp(forward, *inputs)[1](grad)
    return found if len(inputs) > 1 else found[0]


def _of(forward: Callable, count: int | None = None) -> Callable:
    """forward_backward(grad_output, input, the forward's arguments): `count` of them, more are what the forward found out."""
    def backward(grad_output: Tensor, input: Tensor, *args: Any, **options: Any) -> Tensor:
        used = args[:count]
        return _pulled(lambda x: forward(x, *used, **options), grad_output, input)
    return backward


def _of_loss(forward: Callable, *more: str) -> Callable:
    """loss_backward(grad_output, input, target, reduction, ...)."""
    def backward(grad_output: Tensor, input: Tensor, target: Tensor, reduction: int, *args: Any) -> Tensor:
        options = dict(zip(more, args, strict=True))
        return _pulled(lambda x: forward(x, target, reduction=REDUCTIONS[reduction], **options), grad_output, input)
    return backward


def _binary_cross_entropy(grad_output: Tensor, input: Tensor, target: Tensor, weight: Tensor | None = None,
                          reduction: int = 1) -> Tensor:
    return _pulled(lambda x: F.binary_cross_entropy(x, target, weight, reduction=REDUCTIONS[reduction]), grad_output, input)


def _nll_loss(grad_output: Tensor, input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int,
              total_weight: Tensor) -> Tensor:
    """`total_weight` is what the forward said that its mean divides by."""
    grad = grad_output / total_weight if REDUCTIONS[reduction] == "mean" else grad_output
    how = "sum" if reduction else "none"
    return _pulled(lambda x: F.nll_loss(x, target, weight, ignore_index=ignore_index, reduction=how), grad, input)


def _into(forward: Callable) -> Callable:
    """name_backward(grad, input_sizes, the forward's arguments): of a function that only picks elements."""
    def backward(grad: Tensor, input_sizes: Sequence[int], *args: Any) -> Tensor:
        return _pulled(lambda x: forward(x, *args), grad, grad.new_zeros(tuple(input_sizes)))
    return backward


def _resized(forward: Callable) -> Callable:
    """upsample_..._backward(grad_output, output_size, input_size, ...)."""
    def backward(grad_output: Tensor, output_size: Sequence[int], input_size: Sequence[int], *args: Any, **options: Any) -> Tensor:
        return _pulled(lambda x: forward(x, output_size, *args, **options), grad_output, grad_output.new_zeros(tuple(input_size)))
    return backward


def _elu(grad_output: Tensor, alpha: float, scale: float, input_scale: float, is_result: bool, self_or_result: Tensor) -> Tensor:
    below = input_scale * (self_or_result + alpha * scale if is_result else alpha * scale * t.exp(self_or_result * input_scale))
    return grad_output * t.where(self_or_result <= 0, below, scale)


def _hardtanh(grad_output: Tensor, input: Tensor, min_val: float, max_val: float) -> Tensor:
    return t.where((input <= min_val) | (input >= max_val), 0, grad_output)


def _log_softmax(grad_output: Tensor, output: Tensor, dim: int, input_dtype: Any) -> Tensor:
    return (grad_output - output.exp() * grad_output.sum(dim, keepdim=True)).to(input_dtype)


def _embedding_dense(grad_output: Tensor, indices: Tensor, num_weights: int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    table = grad_output.new_zeros(num_weights, grad_output.shape[-1])
    return _pulled(lambda w: t.embedding(w, indices, padding_idx, scale_grad_by_freq), grad_output, table)


def _masked(wanted: Sequence[bool], gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    return tuple([g if want else None for g, want in zip(gradients, wanted, strict=True)])


def _several(forward: Callable, grad: Tensor, inputs: Sequence[Tensor | None], wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of those of `inputs` that are there and wanted."""
    places = [k for k, x in enumerate(inputs) if x is not None and wanted[k]]

    def called(*given: Tensor) -> Tensor:
        put = dict(zip(places, given, strict=True))
        return forward(*(put.get(k, x) for k, x in enumerate(inputs)))
    found = vjp(called, *(inputs[k] for k in places))[1](grad) if places else ()
    by_place = dict(zip(places, found, strict=True))
    return tuple([by_place.get(k) for k in range(len(inputs))])


def _convolution(grad_output: Tensor, input: Tensor, weight: Tensor, bias_sizes: Sequence[int] | None, stride: Sequence[int],
                 padding: Sequence[int], dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
                 output_mask: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of input, weight and bias, as far as wanted."""
    channels = grad_output.shape[1]
    bias = grad_output.new_zeros(channels) if output_mask[2] else None
    return _several(lambda x, w, b: native.convolution(x, w, b, stride, padding, dilation, transposed, output_padding, groups),
                    grad_output, (input, weight, bias), output_mask)


def _layer_norm(grad_out: Tensor, input: Tensor, normalized_shape: Sequence[int], mean: Tensor, rstd: Tensor, weight: Tensor | None,
                bias: Tensor | None, output_mask: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of input, weight and bias, as far as wanted, from the mean and 1 / standard deviation that the forward gave."""
    axes = tuple(range(-len(normalized_shape), 0))
    rest = tuple(range(input.dim() - len(normalized_shape)))
    return _normed(grad_out, input, mean, rstd, weight, axes, rest, output_mask)


def _normed(grad_out: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, axes: tuple[int, ...],
            rest: tuple[int, ...], wanted: Sequence[bool], fixed: bool = False) -> tuple[Tensor | None, ...]:
    """Through (input - mean) * rstd * weight + bias: statistics over `axes`, weight and bias over all but `rest`."""
    normal = (input - mean) * rstd
    g = grad_out if weight is None else grad_out * weight
    if not fixed:
        g = g - g.mean(axes, keepdim=True) - normal * (g * normal).mean(axes, keepdim=True)
    of_weight = grad_out * normal
    return _masked(wanted, (g * rstd, of_weight.sum(rest) if rest else of_weight, grad_out.sum(rest) if rest else grad_out))


def _group_norm(grad_out: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, N: int, C: int, HxW: int,
                group: int, output_mask: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of input, weight and bias, as far as wanted, from the mean and 1 / standard deviation of each group."""
    shape = (N, group, C // group, HxW)
    scale = None if weight is None else weight.reshape(1, group, C // group, 1)
    mean, rstd = mean.reshape(N, group, 1, 1), rstd.reshape(N, group, 1, 1)
    g, w, b = _normed(grad_out.reshape(shape), input.reshape(shape), mean, rstd, scale, (2, 3), (0, 3), output_mask)
    return g if g is None else g.reshape(input.shape), w if w is None else w.reshape(C), b if b is None else b.reshape(C)


def _batch_norm(grad_out: Tensor, input: Tensor, weight: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
                save_mean: Tensor | None, save_invstd: Tensor | None, train: bool, eps: float,
                output_mask: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of input, weight and bias, as far as wanted, from the statistics of the batch, or else the running ones."""
    axes, shape = (0, *range(2, input.dim())), (1, -1, *[1] * (input.dim() - 2))
    mean, rstd = (save_mean, save_invstd) if train else (running_mean, t.rsqrt(running_var + eps))      # type: ignore[operator]
    scale = None if weight is None else weight.reshape(shape)
    return _normed(grad_out, input, mean.reshape(shape), rstd.reshape(shape), scale, axes, axes, output_mask, not train)   # type: ignore[union-attr]


def _slice(x: Tensor, dim: int, start: int, end: int, step: int) -> Tensor:
    return x[(slice(None),) * (dim % x.dim()) + (slice(start, end, step),)]


GRADIENTS: dict[str, Callable] = {
    "sigmoid_backward": lambda grad_output, output: grad_output * (output * (1 - output)),
    "tanh_backward": lambda grad_output, output: grad_output * (1 - output * output),
    "threshold_backward": lambda grad_output, input, threshold: t.where(input <= threshold, 0, grad_output),
    "native_dropout_backward": lambda grad_output, mask, scale: grad_output * mask * scale,
    "leaky_relu_backward": lambda grad_output, input, negative_slope, self_is_result: t.where(
        input > 0, grad_output, grad_output * negative_slope),
    "elu_backward": _elu, "hardtanh_backward": _hardtanh, "_log_softmax_backward_data": _log_softmax,
    "log_sigmoid_backward": _of(F.logsigmoid, 0), "logit_backward": _of(t.logit), "glu_backward": _of(F.glu),
    "softplus_backward": _of(F.softplus), "gelu_backward": _of(F.gelu), "silu_backward": _of(F.silu), "mish_backward": _of(F.mish),
    "hardsigmoid_backward": _of(F.hardsigmoid), "hardswish_backward": _of(F.hardswish), "hardshrink_backward": _of(F.hardshrink),
    "softshrink_backward": _of(F.softshrink), "avg_pool2d_backward": _of(F.avg_pool2d), "avg_pool3d_backward": _of(F.avg_pool3d),
    "max_pool2d_with_indices_backward": _of(F.max_pool2d, 5), "max_pool3d_with_indices_backward": _of(F.max_pool3d, 5),
    **{f"_adaptive_avg_pool{n}d_backward": lambda grad_output, input, forward=f, n=n: _pulled(
        lambda x: forward(x, tuple(grad_output.shape[-n:])), grad_output, input)
       for n, f in ((2, F.adaptive_avg_pool2d), (3, F.adaptive_avg_pool3d))},
    **{f"adaptive_max_pool{n}d_backward": lambda grad_output, input, indices, forward=f, n=n: _pulled(
        lambda x: forward(x, tuple(grad_output.shape[-n:])), grad_output, input)
       for n, f in ((2, F.adaptive_max_pool2d), (3, F.adaptive_max_pool3d))},
    **{f"{name}_backward": _of(KERNELS[name]) for name in KERNELS if "_pad" in name},
    **{f"{name}_backward": _resized(KERNELS[name]) for name in KERNELS if "upsample" in name},
    "mse_loss_backward": _of_loss(F.mse_loss), "soft_margin_loss_backward": _of_loss(F.soft_margin_loss),
    "smooth_l1_loss_backward": _of_loss(F.smooth_l1_loss, "beta"), "huber_loss_backward": _of_loss(F.huber_loss, "delta"),
    "binary_cross_entropy_backward": _binary_cross_entropy, "nll_loss_backward": _nll_loss, "nll_loss2d_backward": _nll_loss,
    "select_backward": _into(t.select), "slice_backward": _into(_slice), "diagonal_backward": _into(t.diagonal),
    "index_select_backward": _into(t.index_select), "unfold_backward": _into(lambda x, *args: x.unfold(*args)),
    "trace_backward": _into(t.trace), "embedding_dense_backward": _embedding_dense, "convolution_backward": _convolution,
    "native_layer_norm_backward": _layer_norm, "native_group_norm_backward": _group_norm, "native_batch_norm_backward": _batch_norm}
