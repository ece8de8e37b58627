"""Losses of classes: nll_loss, cross_entropy, multi_margin_loss, multilabel losses.

In: input (N, C, *places) or (C), targets as class indices (N, *places) or as probabilities.
Out: a 0-dim array, or (N, *places).

The target's entry is picked by comparing with the class numbers: it fuses with the softmax, while a gather's gradient
is a scatter.  A target out of range is refused where its value is known; elsewhere the loss is nan.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import FLOAT
from .check import listing, refuse_outside, require
from .precision import dtype_name, need_float, wide
from .reduction import last_node, legacy, reduced
from .table import Array, Number, Steps, cast, op

__all__ = ["cross_entropy", "nll_loss"]


def _indices(x: jax.Array, target: jax.Array, weight: jax.Array | None) -> None:
    """Class indices must fit the input (N, C, *places)."""
    if x.ndim == 1:
        require(target.ndim <= 1, "multi-target not supported")
    elif x.shape[0] != target.shape[:1][0] if target.ndim else True:
        raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size "
                         f"({target.shape[0] if target.ndim else 0}).")
    if x.ndim == 2:
        require(target.ndim == 1, "0D or 1D target tensor expected, multi-target not supported")
    if x.ndim == 3:
        require(target.shape == (x.shape[0], x.shape[2]),
                f"Expected target size {listing((x.shape[0], *x.shape[2:]))}, got {listing(target.shape)}")
    if x.ndim >= 4:
        require(target.ndim == x.ndim - 1, "only batches of spatial targets supported (3D tensors) but got targets of "
                                           "dimension: "
                                           f"{target.ndim}")
        require(target.shape == (x.shape[0], *x.shape[2:]), f"size mismatch (got input: {listing(x.shape)} , target: "
                                                            f"{listing(target.shape)}")
    require(target.dtype in (jnp.int64, jnp.uint8), "expected target dtype to be Long or Byte, but got "
                                                    f"{dtype_name(target)}")
    _weights(x, weight)


def _weights(x: jax.Array, weight: jax.Array | None) -> None:
    n = x.shape[min(1, x.ndim - 1)]
    require(weight is None or weight.shape == (n,), f"weight tensor should be defined either for all {n} classes or no "
                                                    "classes "
            f"but got weight tensor of shape: {'' if weight is None else listing(weight.shape)}")
    require(weight is None or weight.dtype == x.dtype, f"expected scalar type {dtype_name(x)} but found "
            f"{'' if weight is None else dtype_name(weight)}")


def _picked(x: jax.Array, target: jax.Array, axis: int) -> jax.Array:
    """x at the target's class, along the class axis; nan where there is no such class."""
    classes = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    found = jnp.where(classes == jnp.expand_dims(target.astype(jnp.int32), axis), x, 0).sum(axis)
    return jnp.where((target >= 0) & (target < x.shape[axis]), found, jnp.nan)


def _nll(values: jax.Array, target: jax.Array, weight: jax.Array | None, ignore_index: int) -> tuple:
    """Unreduced losses with ignored places zero and weights applied; what their sum is divided by for the mean."""
    keep = target != ignore_index
    if weight is None:
        return jnp.where(keep, values, 0), keep.sum(dtype=values.dtype)
    each = jnp.where(keep, weight[jnp.clip(target, 0, weight.shape[0] - 1)], 0)
    return jnp.where(keep, values, 0) * each, each.sum()


def _reduced(values: jax.Array, total: jax.Array, reduction: str) -> jax.Array:
    return values.sum() / total if reduction == "mean" else reduced(values, reduction)


def _class_rule(avals: Any, attributes: Any) -> str:
    ndim = len(avals[0].shape)
    if ndim in (1, 2):
        return "NllLossBackward0"
    # torch folds other places into two dims, and unfolds unreduced losses
    return "ViewBackward0" if ndim != 4 and attributes["reduction"] == "none" else "NllLoss2DBackward0"


def _look(input: Any, target: Any, weight: Any, size_average: Any, ignore_index: int, *others: Any) -> None:
    """Refuses known targets that are no class."""
    n = input.shape[min(1, len(input.shape) - 1)]

    def refuse(place: int) -> Exception:
        return IndexError(f"Target {place} is out of bounds.")
    try:
        refuse_outside(target, n, refuse)
    except IndexError:
        refuse_outside(target[target != ignore_index], n, refuse)


def _one(input: jax.Array, target: jax.Array) -> jax.Array:
    """The classes; that of a single sample without dims, though it may come in a list of one."""
    return target.reshape(()) if input.ndim == 1 else target


@op(autocast="float", forms="F", rule=_class_rule, look=_look, samples=lambda t: [
    ((t(4, 3), t(4, dtype="int64", low=0, high=3)), {}),
    ((t(2, 3, 4), t(2, 4, dtype="int64", low=0, high=3)), {"weight": t(3, low=1, high=2), "ignore_index": 1})])
def nll_loss(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """-weight[target] input[target] for log-probabilities, reduced; the mean is over the weights."""
    how = legacy(size_average, reduce, reduction)
    require(input.ndim >= 1, f"Expected 1 or more dimensions (got {input.ndim})", ValueError)
    _indices(input, target, weight)
    need_float("nll_loss_out_frame" if input.ndim < 3 else "nll_loss2d_forward_out_frame", input)
    target = _one(input, target)
    values = -_picked(input, target, min(1, input.ndim - 1))
    return _reduced(*_nll(values, target, weight, ignore_index), how)


def _cross_entropy_rule(avals: Any, attributes: Any) -> str | tuple:
    if avals[1].dtype.category >= FLOAT:
        return "DivBackward1" if attributes["reduction"] == "mean" else "NegBackward0"
    return "AddBackward0" if attributes["label_smoothing"] else (_class_rule(avals, attributes), ("LogSoftmaxBackward0", 0))


def _turns(outs: list, attributes: dict) -> Steps:
    """Smoothed probabilities are a node of their own; the weights are multiplied first."""
    return [(0,), (1,), (2, ~0), (~2, ~1)] if attributes["label_smoothing"] else [(0,), (2, ~0), (1, ~1)]


def _log_sum_exp(x: jax.Array, axis: int) -> jax.Array:
    """The log of the sum of exponentials, dim kept; one pass of exp, which the gradient uses again."""
    top = lax.stop_gradient(x.max(axis, keepdims=True, initial=-jnp.inf))
    top = jnp.where(jnp.isfinite(top), top, 0)
    return jnp.log(jnp.exp(x - top).sum(axis, keepdims=True)) + top


@op(autocast="float", forms="F", rule=_cross_entropy_rule, look=_look, turns=_turns, samples=lambda t: [
    ((t(4, 3), t(4, dtype="int64", low=0, high=3)), {}),
    ((t(2, 3, 4), t(2, 4, dtype="int64", low=0, high=3)), {"label_smoothing": 0.1, "ignore_index": 1}),
    ((t(4, 3), t(4, 3, low=0, high=1)), {"reduction": "sum"})])
def cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Array:
    """-log softmax(input)[target] (or -sum of target log softmax(input)), weighted, smoothed and reduced."""
    how = legacy(size_average, reduce, reduction)
    require(0 <= label_smoothing <= 1, f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    axis = min(1, input.ndim - 1)
    if input.shape == target.shape and (input.ndim > 1 or jnp.issubdtype(target.dtype, jnp.floating)):
        return _of_probabilities(input, target, weight, ignore_index, how, label_smoothing)
    require(input.ndim > 0, "Expected floating point type for target with class probabilities, got "
                            f"{dtype_name(target)}")
    _indices(input, target, weight)
    need_float("log_softmax_lastdim_kernel_impl" if axis == input.ndim - 1 else "log_softmax_kernel_impl", input)
    x, target = wide(input), _one(input, target)
    normaliser = _log_sum_exp(x, axis)
    values = normaliser.squeeze(axis) - _picked(x, target, axis)
    values, total = _nll(values, target, None if weight is None else wide(weight), ignore_index)
    result = _reduced(values, total, how)
    if label_smoothing:
        spread = normaliser - x
        if weight is not None:
            spread = spread * wide(weight).reshape(-1, *(1,) * (x.ndim - axis - 1))
        smooth = jnp.where(target != ignore_index, spread.sum(axis), 0)
        result = (1 - label_smoothing) * result + label_smoothing / x.shape[axis] * _reduced(smooth, total, how)
    return result.astype(input.dtype)


def _of_probabilities(input: jax.Array, target: jax.Array, weight: jax.Array | None, ignore_index: int, how: str,
                      label_smoothing: float) -> jax.Array:
    require(jnp.issubdtype(target.dtype, jnp.floating),
            f"Expected floating point type for target with class probabilities, got {dtype_name(target)}")
    require(ignore_index < 0, "ignore_index is not supported for floating point target")
    _weights(input, weight)
    axis, x, t = min(1, input.ndim - 1), wide(input), wide(target)
    n = x.shape[axis]
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / n
    log_p = x - _log_sum_exp(x, axis)
    if weight is not None:
        t = t * weight.reshape(-1, *(1,) * (x.ndim - axis - 1))
    values = -(log_p * t).sum(axis)
    result = values.sum() / (x.size // n if n else 0) if how == "mean" else reduced(values, how)
    return result.astype(jnp.promote_types(input.dtype, target.dtype))


def _rows(x: jax.Array) -> tuple[int, int]:
    """How many samples, how many classes; a vector or a number is one sample."""
    require(x.ndim <= 2 and (x.ndim == 0 or x.shape[-1] > 0),
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {listing(x.shape)}")
    return (x.shape[0] if x.ndim == 2 else 1), (x.shape[-1] if x.ndim else 1)


def _long(target: jax.Array) -> None:
    require(target.dtype == jnp.int64, f"expected scalar type Long but found {dtype_name(target)}")


def _look_at_class(input: Any, target: Any, *others: Any) -> None:
    if len(input.shape) in (1, 2):
        refuse_outside(target, input.shape[-1], lambda place: RuntimeError("target out of range"))


@op(autocast="float", forms="F", rule="MultiMarginLossBackward0", look=_look_at_class,
    samples=lambda t: [((t(4, 3), t(4, dtype="int64", low=0, high=3)), {})])
def multi_margin_loss(input: Array, target: Array, p: int = 1, margin: Number = 1.0, weight: Array | None = None,
                      size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """Mean over the other classes of max(0, margin - input[target] + input)^p, weighted, reduced."""
    how = legacy(size_average, reduce, reduction)
    require(p in (1, 2), "only p == 1 and p == 2 supported", ValueError)
    n, classes = _rows(input)
    require(weight is None or weight.ndim == 1, "weight must be one-dimensional", ValueError)
    require(weight is None or weight.size == classes,
            f"inconsistent weight size, expected {classes} but got {'' if weight is None else listing(weight.shape)}")
    require(target.ndim <= 1 and target.size == n, "multi_margin_loss: target tensor should be 1-D with size equal to the number "
            f"of input samples (batch size). Expected target size [{n}], but got {listing(target.shape)}. Input has shape "
            f"{listing(input.shape)}.")
    _long(target)
    need_float("multi_margin_loss_cpu_kernel", input)
    x, t = input.reshape(n, classes), target.reshape(n)
    gap = cast(margin, x.dtype) - _picked(x, t, 1)[:, None] + x
    other = lax.broadcasted_iota(jnp.int32, x.shape, 1) != t[:, None]
    values = jnp.where(other & (gap > 0), gap if p == 1 else gap * gap, 0)
    if weight is not None:
        values = values * weight[t][:, None]
    return reduced((values.sum(1) / x.shape[1]).reshape(target.shape), how)


def _look_at_labels(input: Any, target: Any, *others: Any) -> None:
    if len(input.shape) in (1, 2) and isinstance(target, np.ndarray):
        refuse_outside(target + 1, input.shape[-1] + 1, lambda place: RuntimeError("argument #2 'target' is out of range"))


@op(autocast="float", forms="F", rule="MultilabelMarginLossBackward0", look=_look_at_labels,
    samples=lambda t: [((t(2, 4), t(2, 4, dtype="int64", low=-1, high=4)), {})])
def multilabel_margin_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
                           reduction: str = "mean") -> Array:
    """Sum over labels y and other classes i of max(0, 1 - input[y] + input[i]) / C; labels end at the first -1."""
    how = legacy(size_average, reduce, reduction)
    n, classes = _rows(input)
    require(target.size == input.size and target.ndim <= input.ndim and (input.ndim < 2 or target.shape == input.shape),
            f"inconsistent target size: {listing(target.shape)} for input of size: {listing(input.shape)}")
    _long(target)
    need_float("multilabel_margin_loss_forward_out_frame", input)
    x, t = input.reshape(n, classes), target.reshape(n, classes)
    named = jnp.cumsum(t < 0, axis=1) == 0
    is_label = ((t[:, :, None] == jnp.arange(classes)) & named[:, :, None]).any(1)
    at_label = jnp.take_along_axis(x, jnp.where(named, t, 0), 1)
    gap = 1 - at_label[:, :, None] + x[:, None, :]
    counted = named[:, :, None] & ~is_label[:, None, :] & (gap > 0)
    values = jnp.where(counted, gap, 0).sum((1, 2)) / x.shape[1]
    return reduced(values if input.ndim == 2 else values[0], how)


@op(forms="F", rule=last_node("DivBackward0"), turns=("weight", "target"),
    samples=lambda t: [((t(2, 3), t(2, 3, low=0, high=1)), {})])
def multilabel_soft_margin_loss(input: Array, target: Array, weight: Array | None = None,
                                size_average: bool | None = None, reduce: bool | None = None,
                                reduction: str = "mean") -> Array:
    """Mean over classes of the binary cross entropy with logits, weighted, reduced over the samples."""
    need_float("log_sigmoid_cpu", input)
    x = wide(input)
    values = (1 - wide(target)) * x + jax.nn.softplus(-x)
    if weight is not None:
        values = values * wide(weight)
    return reduced(values.mean(-1), legacy(size_average, reduce, reduction)).astype(input.dtype)
