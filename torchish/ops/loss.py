"""Losses of values: mse, l1, smooth_l1, huber, binary cross entropies, kl_div, gaussian and poisson likelihoods.

In: input, target, perhaps weights.  Out: a 0-dim array, or one loss for each element (reduction "none").
"""
from __future__ import annotations

from collections.abc import Callable
from math import log, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..dtypes import c_type, from_numpy
from ..warned import warn
from .check import broadcast_shapes, common, require
from .pointwise import BOOL_SUBTRACTION, refuse_bools
from .precision import dtype_name, floating, inexact, is_float, magnitude, need_float, wide
from .reduction import last_node, legacy, reduced, size_of, warn_sizes
from .special import times_log
from .table import Array, Number, cast, composite, op

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div", "mse_loss"]


def _weighted(values: jax.Array, weight: jax.Array | None, reduction: str, like: jax.Array) -> jax.Array:
    """Reduced values; with weights the mean is over the sum of the weights."""
    if weight is None:
        return reduced(values, reduction)
    require(weight.shape == like.shape, "Weights and input must have the same size.", ValueError)
    values = values * weight
    return floating(values.sum()) / floating(weight.sum()) if reduction == "mean" else reduced(values, reduction)


def _pair(t: object) -> list:
    return [((t(3, 4), t(3, 4, seed=1)), {}), ((t(3, 4), t(3, 4, seed=1)), {"reduction": "none"})]


def _weighted_rule(plain: Callable[[dict], str]) -> Callable[[Any, dict], str]:
    """Weights are applied by further ops."""
    return lambda avals, attributes: plain(attributes) if len(avals) < 3 or avals[2] is None else {
        "mean": "DivBackward0", "sum": "SumBackward0"}.get(attributes["reduction"], "MulBackward0")


@op(autocast="float", forms="F", promote="arith", samples=_pair, turns=("weight",),
    rule=_weighted_rule(lambda attributes: "MseLossBackward0"))
def mse_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Array | None = None) -> Array:
    """(input - target)^2, reduced."""
    warn_sizes(input, target)
    if weight is None:
        need_float("mse_cpu", input)
    d = input - target
    return _weighted(d * d, weight, legacy(size_average, reduce, reduction), input)


@op(autocast="float", forms="F", promote="arith", samples=_pair, turns=("weight",), rule=_weighted_rule(last_node("AbsBackward0")))
def l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Array | None = None) -> Array:
    """|input - target|, reduced; gradient 0 at 0."""
    warn_sizes(input, target)
    return _weighted(magnitude(input - target), weight, legacy(size_average, reduce, reduction), input)


def _huber(d: jax.Array, delta: float) -> jax.Array:
    size = jnp.abs(d)
    near = jnp.where(size <= delta, d, 0)       # no square of infinity, whose gradient would be no number
    return jnp.where(size <= delta, 0.5 * near * near, delta * (size - 0.5 * delta))


@op(autocast="float", forms="F", promote="arith", check=refuse_bools, samples=_pair, rule=lambda attributes: (
    "SmoothL1LossBackward0" if attributes["beta"] else last_node("AbsBackward0")(attributes)))
def smooth_l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Array:
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, reduced; d = input - target."""
    require(beta >= 0, "smooth_l1_loss does not support negative values for beta.")
    warn_sizes(input, target)
    d = input - target
    return reduced(magnitude(d) if beta == 0 else _huber(d, beta) / beta, legacy(size_average, reduce, reduction))


@op(autocast="float cpu", forms="F", promote="arith", samples=_pair, turns=("weight",), rule=lambda avals, attributes: (
    "HuberLossBackward0" if len(avals) < 3 or avals[2] is None else last_node("MulBackward0")(attributes)))
def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0,
               weight: Array | None = None) -> Array:
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), reduced; d = input - target."""
    require(delta > 0, "huber_loss does not support non-positive values for delta.")
    warn_sizes(input, target)
    need_float("huber_cpu", input)
    values = _huber(input - target, delta)
    if weight is not None:
        require(weight.shape == input.shape, "Weights and input must have the same size.", ValueError)
        values = values * weight
    return reduced(values, legacy(None, None, reduction))


@jax.custom_jvp
def _bernoulli(p: jax.Array, t: jax.Array) -> jax.Array:
    """-(t log p + (1 - t) log(1 - p)) with logarithms not below -100."""
    return -(t * jnp.maximum(jnp.log(p), -100) + (1 - t) * jnp.maximum(jnp.log1p(-p), -100))


@_bernoulli.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    (p, t), (dp, dt) = primals, tangents
    # torch's own gradient: finite where p is 0 or 1
    by_p = (p - t) / jnp.maximum((1 - p) * p, 1e-12)
    by_t = jnp.maximum(jnp.log1p(-p), -100) - jnp.maximum(jnp.log(p), -100)
    return _bernoulli(p, t), by_p * dp + by_t * dt


def _look_at_probabilities(input: Any, target: Any, *others: Any) -> None:
    for name, x in (("input", input), ("target", target)):
        if isinstance(x, np.ndarray) and x.size and not (x.min() >= 0 and x.max() <= 1):      # nan is neither
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")


@op(autocast="float cpu", strides="elementwise", forms="F", look=_look_at_probabilities, looks="values",
    samples=lambda t: [((t(3, 4, low=0.1, high=0.9), t(3, 4, low=0.1, high=0.9, seed=1)), {})])
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Array:
    """-(target log(input) + (1 - target) log(1 - input)), reduced; both lie in [0, 1], which is checked of known values."""
    require(input.shape == target.shape, f"Using a target size ({size_of(target)}) that is different to the input size "
            f"({size_of(input)}) is deprecated. Please ensure they have the same size.", ValueError)
    require(input.dtype == target.dtype, f"Found dtype {dtype_name(target)} but expected {dtype_name(input)}")
    need_float("binary_cross_entropy", input)
    values = _bernoulli(input, target)
    if weight is not None:
        values = values * weight
    return reduced(values, legacy(size_average, reduce, reduction)).astype(input.dtype)


@op(autocast="float", strides="elementwise", forms="F", samples=lambda t: [((t(3, 4), t(3, 4, low=0, high=1)), {}),
                                  ((t(3, 4), t(3, 4, low=0, high=1)),
                                   {"reduction": "none", "pos_weight": t(4, low=1, high=2)})])
def binary_cross_entropy_with_logits(input: Array, target: Array, weight: Array | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean",
                                     pos_weight: Array | None = None) -> Array:
    """binary_cross_entropy of sigmoid(input), without overflow; pos_weight multiplies the positive part."""
    require(target.shape == input.shape, f"Target size ({size_of(target)}) must be the same as input size "
                                         f"({size_of(input)})",
            ValueError)
    dtype = jnp.promote_types(input.dtype, target.dtype)
    require(jnp.issubdtype(target.dtype, jnp.floating), f"result type {dtype_name(input)} can't be cast to the desired "
                                                        "output "
                                                        f"type {dtype_name(target)}")
    x, t = wide(input), wide(target)
    tail = jax.nn.softplus(-x)
    if pos_weight is not None:
        broadcast_shapes(pos_weight.shape, t.shape)
        tail = tail * (1 + (pos_weight - 1) * t)
    values = (1 - t) * x + tail
    if weight is not None:
        values = values * weight
    return reduced(values, legacy(size_average, reduce, reduction)).astype(dtype)


@op(autocast="float", forms="F", turns=("target",),
    samples=lambda t: [((t(3, 4), t(3, 4, low=0.1, high=1)), {"reduction": "batchmean"})],
    rule=lambda avals, attributes: {"mean": "MeanBackward0", "batchmean": "DivBackward0", "sum": "SumBackward0"}.get(
        attributes["reduction"], "MulBackward0" if attributes["log_target"] else "SubBackward0"))
def kl_div(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Array:
    """target (log target - input), reduced; input (and target, if log_target) are logarithms."""
    if reduction == "mean" and size_average is None and reduce is None:
        warn("reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only by "
             "the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' "
             "in the next major release.")
    broadcast_shapes(target.shape, input.shape)
    require(inexact(input) and inexact(target), "kl_div: Integral inputs not supported.")
    require(is_float(input) and is_float(target), "kl_div: Complex inputs not supported.")
    input, target = common([input, target])
    if log_target:
        values = jnp.exp(target) * (target - input)
    else:
        values = times_log(target, target, 0) - target * input
    if reduction == "batchmean":
        return values.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(values, legacy(size_average, reduce, reduction))


@op(name="_gaussian_nll_loss", autocast="float cuda", forms="", promote="arith", rule=last_node("MulBackward0"),
    samples=lambda t: [((t(3, 4), t(3, 4, seed=1), t(3, 4, low=0.5, high=2), True, 1e-6, "mean"), {})])
def gaussian_nll(input: Array, target: Array, var: Array, full: bool, eps: float, reduction: str) -> Array:
    """(log var + (input - target)^2 / var) / 2, reduced; var not less than eps."""
    require(inexact(var), "result type Float can't be cast to the desired output type " + c_type(from_numpy(var.dtype)))
    v = var + jax.lax.stop_gradient(jnp.maximum(var, eps) - var)         # the floor hides no gradient
    values = 0.5 * (jnp.log(v) + (input - target) ** 2 / v)
    return reduced(values + 0.5 * log(2 * pi) if full else values, reduction)


@composite(forms="F")
def gaussian_nll_loss(t: Any, input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Any:
    """(log var + (input - target)^2 / var) / 2, reduced; var is not less than eps (its sign is not checked)."""
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = t.full_like(input.detach(), var)
    elif var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(v for n, v in zip(input.shape, var.shape, strict=True) if n != v) != 1:
            raise ValueError("var is of incorrect size")        # one dimension of 1 may be broadcast
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    return t._gaussian_nll_loss(input, target, var, full, eps, reduction)


@op(autocast="float", forms="F", rule=last_node("SubBackward0"), turns=("target",),
    samples=lambda t: [((t(3, 4), t(3, 4, low=0, high=3)), {}), ((t(3, 4, low=0.5, high=2), t(3, 4, low=0, high=3)),
                                                               {"log_input": False, "full": True})])
def poisson_nll_loss(input: Array, target: Array, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: Number = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Array:
    """exp(input) - target input (or input - target log(input + eps)), plus Stirling's term if full; reduced."""
    broadcast_shapes(target.shape, input.shape)
    x, y = common([input, target])
    require(x.dtype != bool, BOOL_SUBTRACTION)
    input, target = floating(x), floating(y)
    values = jnp.exp(input) - target * input if log_input else input - target * jnp.log(input + cast(eps, input.dtype))
    if full:
        big = jnp.where(target > 1, target, 2)
        values = values + jnp.where(target > 1, big * jnp.log(big) - big + 0.5 * jnp.log(2 * pi * big), 0)
    return reduced(values, legacy(size_average, reduce, reduction))
