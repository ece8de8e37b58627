"""Normalisations: layer_norm, batch_norm, group_norm, instance_norm, rms_norm, normalize, local_response_norm.

In: an array with channels in dim 1 (layer_norm, rms_norm: the last dims) and affine parameters.  Out: the same shape.

Statistics of images are summed over the inner dims first and the batch last,
which XLA's CPU backend does about twice as fast as
one sum over all.  Halves are computed in float32.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import from_numpy
from .check import listing, prod, require
from .einsum import vector_norm
from .into import CASTS
from .precision import dtype_name, expect_inexact, floating, inexact, need_float, need_inexact, wide
from .table import Array, Dims, Number, cast, composite, op

__all__ = ["standardise"]


@jax.custom_jvp
def standardise(x: jax.Array, eps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(x - mean) / sqrt(var + eps) over the last dim, and 1 / sqrt(var + eps).

    The explicit tangent saves a quarter to a third of the time of going back through mean and variance.
    """
    centred = x - x.mean(-1, keepdims=True)
    scale = lax.rsqrt((centred * centred).mean(-1, keepdims=True) + eps)
    return centred * scale, scale


@standardise.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    x, eps = primals
    dx, deps = tangents
    out, scale = standardise(x, eps)
    along = (dx * out).mean(-1, keepdims=True)
    by_eps = -0.5 * scale * scale * deps
    d_out = scale * (dx - dx.mean(-1, keepdims=True) - out * along) + out * by_eps
    return (out, scale), (d_out, scale * by_eps - scale * scale * along)


def _same_or_wide(x: jax.Array, *parameters: jax.Array | None) -> None:
    """Parameters have the input's dtype, or float32 beside a half input."""
    given = [p for p in parameters if p is not None]
    if all(p.dtype == x.dtype for p in given):
        return
    if any(p.dtype != given[0].dtype for p in given) or x.dtype == np.float64:
        raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype." if x.dtype == np.float64 else
                           f"mixed dtype (CPU): expect parameter to have scalar type of {dtype_name(x)}")
    require(x.dtype.itemsize == 2 and given[0].dtype == np.float32, "mixed dtype (CPU): expect parameter to have "
                                                                    "scalar type of "
                                                                   "Float")


def _layer_shape(x: jax.Array, shape: tuple[int, ...], star: str) -> None:
    require(len(shape) > 0, "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
                            "element, "
                            "but got normalized_shape = []")
    inner = ", ".join(map(str, shape))
    require(x.shape[-len(shape):] == shape and x.ndim >= len(shape), f"Given normalized_shape={listing(shape)}, "
                                                                     "expected input "
            f"with shape [*{star}{inner}], but got input of size{listing(x.shape)}")


def _of_layer(label: str, p: jax.Array | None, shape: tuple[int, ...]) -> None:
    require(p is None or p.shape == shape, f"Expected {label} to be of same shape as normalized_shape, but got {label} "
                                           "of shape "
            f"{'' if p is None else listing(p.shape)} and normalized_shape = {listing(shape)}")


@op(autocast="float cuda", forms="function F", rule="NativeLayerNormBackward0", samples=lambda t: [
    ((t(2, 5), (5,), t(5), t(5)), {}), ((t(2, 3, 4), (3, 4), t(3, 4), t(3, 4)), {}), ((t(2, 5), (5,)), {})])
def layer_norm(input: Array, normalized_shape: Dims, weight: Array | None = None, bias: Array | None = None,
               eps: Number = 1e-5) -> Array:
    """(input - mean) / sqrt(var + eps) * weight + bias over the last dims."""
    require(not isinstance(normalized_shape, int), "layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, "
            "not int", TypeError)
    shape = tuple(normalized_shape)
    _layer_shape(input, shape, ", ")
    _of_layer("weight", weight, shape)
    _of_layer("bias", bias, shape)
    need_float("LayerNormKernelImpl", input)
    _same_or_wide(input, weight, bias)
    x = wide(input)
    rows = x.reshape(*x.shape[:x.ndim - len(shape)], prod(shape))
    out = standardise(rows, cast(eps, rows.dtype))[0].reshape(x.shape)
    if weight is not None:
        if x.size >= 1 << 20 and jax.default_backend() == "cpu":
            # kept whole, the sums over rows in weight's gradient read it once: 0.6 of the time on large inputs
            out = lax.optimization_barrier(out)
        out = out * weight
    if bias is not None:
        out = out + bias
    return out.astype(input.dtype)


@op(forms="function F", rule="MulBackward0", turns=("weight",),
    samples=lambda t: [((t(2, 5), (5,), t(5)), {}), ((t(2, 5), (5,)), {})])
def rms_norm(input: Array, normalized_shape: Dims, weight: Array | None = None, eps: float | None = None) -> Array:
    """input / sqrt(mean of squares + eps) * weight over the last dims; eps None is the machine's epsilon."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    _layer_shape(input, shape, "")
    _of_layer("weight", weight, shape)
    need_inexact("rms_norm", input)
    x = wide(input)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    small = float(jnp.finfo(x.dtype).eps) if eps is None else eps
    out = x * lax.rsqrt((x * x).mean(axes, keepdims=True) + small)
    if weight is not None:
        out = out * weight
    return out.astype(input.dtype if weight is None else jnp.promote_types(input.dtype, weight.dtype))


def _channel_mean(x: jax.Array) -> jax.Array:
    """The mean over all dims but dim 1, kept as dims of size 1."""
    inner = x.mean(tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else x
    return inner.mean(0, keepdims=True)


def _channels(label: str, p: jax.Array | None, x: jax.Array) -> None:
    n = x.shape[1] if x.ndim > 1 else 0
    require(p is None or p.size == n, f"{label} should contain {n} elements not {0 if p is None else p.size}")


def _per_channel(p: jax.Array, x: jax.Array) -> jax.Array:
    return p.reshape(1, -1, *(1,) * (x.ndim - 2))


def _affine(out: jax.Array, scale: jax.Array, weight: jax.Array | None, bias: jax.Array | None) -> jax.Array:
    if weight is not None:
        scale = scale * _per_channel(weight, out)
    out = out * scale
    return out if bias is None else out + _per_channel(bias, out)


def _batch_norm_inputs(x: jax.Array, mean: jax.Array | None, var: jax.Array | None, weight: jax.Array | None,
                       bias: jax.Array | None) -> None:
    for label, p in (("running_mean", mean), ("running_var", var), ("weight", weight), ("bias", bias)):
        _channels(label, p, x)
    need_float("batch_norm", x)
    _same_or_wide(x, mean, var, weight, bias)


def _running(x: jax.Array, fresh: tuple, running_mean: jax.Array | None, running_var: jax.Array | None,
             momentum: Number) -> tuple[jax.Array, jax.Array]:
    """(1 - momentum) * running + momentum * fresh; without running statistics the fresh ones."""
    m = cast(momentum, x.dtype)
    pairs = zip(fresh, (running_mean, running_var), strict=True)
    mean, var = (new if old is None else ((1 - m) * old + m * new).astype(old.dtype) for new, old in pairs)
    return mean, var


@op(name="_batch_norm_train", strides="format", forms="", rule="NativeBatchNormBackward0",
    samples=lambda t: [((t(4, 3, 2, 2), t(3), t(3), 1e-5), {})])
def batch_norm_train(input: Array, weight: Array | None, bias: Array | None, eps: Number) -> Array:
    """Normalisation by the batch's own mean and (biased) variance."""
    _batch_norm_inputs(input, None, None, weight, bias)
    x = wide(input)
    if not x.size:
        return _affine(x, jnp.ones((), x.dtype), weight, bias).astype(input.dtype)     # its gradients are 0: there is no variance
    centred = x - _channel_mean(x)
    var = _channel_mean(centred * centred)
    return _affine(centred, lax.rsqrt(var + cast(eps, x.dtype)), weight, bias).astype(input.dtype)


@op(name="_batch_norm_stats", forms="", returns=("mean", "var"), differentiable=False,
    samples=lambda t: [((t(4, 3, 2), t(3), t(3, low=1, high=2), 0.1), {})])
def batch_norm_stats(input: Array, running_mean: Array | None, running_var: Array | None, momentum: Number) -> Array:
    """The running mean and (unbiased) variance after one more batch; XLA shares the sums with _batch_norm_train."""
    _batch_norm_inputs(input, running_mean, running_var, None, None)
    x = wide(input)
    mean = _channel_mean(x)
    centred = x - mean
    n = x.size // x.shape[1]
    fresh = (mean.reshape(-1), _channel_mean(centred * centred).reshape(-1) * (n / max(n - 1, 1)))
    return _running(x, fresh, running_mean, running_var, momentum)


@op(name="_batch_norm_eval", strides="format", forms="", rule="NativeBatchNormBackward0",
    samples=lambda t: [((t(4, 3, 2), t(3), t(3), t(3), t(3, low=1, high=2), 1e-5), {})])
def batch_norm_eval(input: Array, weight: Array | None, bias: Array | None, running_mean: Array | None,
                    running_var: Array | None, eps: Number) -> Array:
    """Normalisation by running statistics."""
    require(running_mean is not None, "running_mean must be defined in evaluation mode")
    require(running_var is not None, "running_var must be defined in evaluation mode")
    _batch_norm_inputs(input, running_mean, running_var, weight, bias)
    x = wide(input)
    scale = lax.rsqrt(running_var + cast(eps, running_var.dtype))
    return _affine(x - _per_channel(running_mean, x), _per_channel(scale, x), weight, bias).astype(input.dtype)


@op(autocast="float cuda", strides="format", forms="function F", rule="NativeGroupNormBackward0", samples=lambda t: [
    ((t(2, 6, 3), 3, t(6), t(6)), {}), ((t(2, 4, 2, 2), 2), {})])
def group_norm(input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None,
               eps: Number = 1e-5) -> Array:
    """Normalisation over each group of channels and all places, then weight and bias for each channel."""
    require(input.ndim >= 2, f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    n, c = input.shape[:2]
    require(num_groups > 0, "Expected num groups to be greater than 0, got " + str(num_groups))
    require(c % num_groups == 0, "Expected number of channels in input to be divisible by num_groups, but got input of "
                                 "shape "
                                 f"{listing(input.shape)} and num_groups={num_groups}")
    for label, p in (("weight", weight), ("bias", bias)):
        require(p is None or p.shape == (c,), f"Expected {label} to be a vector of size equal to the number of "
                                              "channels in "
                f"input, but got {label} of shape {'' if p is None else listing(p.shape)} and input of shape "
                f"{listing(input.shape)}")
    need_float("GroupNormKernelImpl", input)
    require(input.size != n * num_groups or n * c // num_groups * prod(input.shape[2:]) != 1,
            f"Expected more than 1 value per channel when training, got input size {listing(input.shape)}", ValueError)
    _same_or_wide(input, weight, bias)
    x = wide(input)
    out = standardise(x.reshape(n, num_groups, c // num_groups * prod(x.shape[2:])), cast(eps, x.dtype))[0].reshape(x.shape)
    if weight is not None:
        out = out * _per_channel(weight, x)
    if bias is not None:
        out = out + _per_channel(bias, x)
    return out.astype(input.dtype)


@op(name="_instance_norm", forms="", rule="ViewBackward0", samples=lambda t: [((t(2, 3, 4), t(3), t(3), 1e-5), {})],
    turns=("input", "bias", "weight"))
def instance_norm_train(input: Array, weight: Array | None, bias: Array | None, eps: Number) -> Array:
    """Normalisation of each channel of each sample by itself."""
    _batch_norm_inputs(input, None, None, weight, bias)
    x = wide(input)
    out = standardise(x.reshape(*x.shape[:2], prod(x.shape[2:])), cast(eps, x.dtype))[0].reshape(x.shape)
    if weight is not None:
        out = out * _per_channel(weight, x)
    if bias is not None:
        out = out + _per_channel(bias, x)
    return out.astype(input.dtype)


@op(name="_instance_norm_stats", forms="", returns=("mean", "var"), differentiable=False,
    samples=lambda t: [((t(2, 3, 4), t(3), t(3, low=1, high=2), 0.1), {})])
def instance_norm_stats(input: Array, running_mean: Array | None, running_var: Array | None, momentum: Number) -> Array:
    """The running statistics after one more batch: means over its samples."""
    x = wide(input)
    flat = x.reshape(*x.shape[:2], prod(x.shape[2:]))
    fresh = (flat.mean((0, 2)), flat.var(2, ddof=min(1, flat.shape[2] - 1)).mean(0))
    return _running(x, fresh, running_mean, running_var, momentum)


def _more_than_one(x: Any, per: str, count: int) -> None:
    require(count != 1, f"Expected more than 1 {per} when training, got input size {x.shape!r}", ValueError)


BATCHED = (
    "Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated in place, were not "
    "batched.\nIf you are using a module and do not need eval mode, please set `track_running_stats` to be False.If you are using "
    "a prebuilt module and do not need eval mode, please see the functorch website for resources on how to patch your module to "
    "work with vmap")


@composite(forms="F")
def batch_norm(t: Any, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    """Normalisation of each channel by the batch (and the running statistics updated in place) or by running ones."""
    if eps <= 0 and (training or eps < 0):
        raise ValueError(f"batch_norm eps must be {'positive during training' if training else 'non-negative'}, but got {eps}")
    shape = input.shape
    if len(shape) == 1 and not shape[0]:        # no channels
        return input.clone()
    if not training:
        return t._batch_norm_eval(input, weight, bias, running_mean, running_var, eps)
    _more_than_one(input, "value per channel", shape[0] * prod(shape[2:]))
    try:
        out = t._batch_norm_train(input, weight, bias, eps)
    except RuntimeError:
        for label, p in (("running_mean", running_mean), ("running_var", running_var)):     # torch looks at these first
            require(p is None or len(shape) < 2 or p.numel() == shape[1],
                    f"{label} should contain {[*shape, 0, 0][1]} elements not {None if p is None else p.numel()}")
        raise
    if running_mean is not None and 0 not in shape:
        t._assign((running_mean, running_var), t._batch_norm_stats(input, running_mean, running_var, momentum), refusal=BATCHED)
    return out


@composite(forms="F")
def instance_norm(t: Any, input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
                  bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    """Normalisation of each channel of each sample, by itself or by running statistics."""
    if not use_input_stats:
        require(running_mean is not None and running_var is not None,
                "Expected running_mean and running_var to be defined when use_input_stats is false")
        return t._batch_norm_eval(input, weight, bias, running_mean, running_var, eps)
    _more_than_one(input, "spatial element", prod(input.shape[2:]))
    out = t._instance_norm(input, weight, bias, eps)
    if running_mean is not None:
        t._assign((running_mean, running_var), t._instance_norm_stats(input, running_mean, running_var, momentum))
    return out


@op(strides="first", forms="F out", rule="DivBackward0", samples=lambda t: [((t(3, 4), 2.0, 1, 1e-12), {})], into=CASTS)
def normalize(input: Array, p: float = 2.0, dim: Dims = 1, eps: Number = 1e-12) -> Array:
    """input / max(its p-norm along dim, eps); gradient 0 through a norm of 0."""
    x = wide(input)
    expect_inexact("linalg.vector_norm", from_numpy(x.dtype))
    size = vector_norm(x, p, dim, keepdim=True)
    small = cast(eps, size.dtype)
    return (x / jnp.where(size >= small, size, small)).astype(input.dtype)


@op(strides="first", forms="F", rule="DivBackward0", samples=lambda t: [((t(2, 6, 3), 3), {}), ((t(2, 5, 3), 2), {"alpha": 0.5})])
def local_response_norm(input: Array, size: int, alpha: Number = 1e-4, beta: Number = 0.75, k: Number = 1.0) -> Array:
    """input / (k + alpha * mean of squares over neighbouring channels)^beta."""
    x = input
    require(x.ndim >= 3, f"Expected 3D or higher dimensionality                          input (got {x.ndim} "
                         "dimensions)",
            ValueError)
    squares = jnp.pad(x * x, ((0, 0), (size // 2, (size - 1) // 2), *((0, 0),) * (x.ndim - 2)))
    total = sum(lax.slice_in_dim(squares, i, i + x.shape[1], axis=1) for i in range(size))
    if x.size == 0:
        return x
    if not inexact(x):          # torch's average of integers is an integer
        total = floating(lax.div(total, jnp.full_like(total, size)) * size)
    dtype = total.dtype
    return x / (total * (cast(alpha, dtype) / size) + cast(k, dtype)) ** cast(beta, dtype)
