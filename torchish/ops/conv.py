"""Convolutions: conv1d, conv2d, conv3d and their transposes.

In: input (N, C, *size) or (C, *size), weight, bias and torch's arguments.  Out: (N, O, *size) or (O, *size).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..dtypes import from_numpy
from .check import listing, prod, require
from .conv_grad import Window, convolve, plain, transposed
from .matmul_check import cpp_name
from .precision import dtype_name, inexact, no_bool, unlike
from .table import Array, Dims, Op, op

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _each(name: str, value: int | Sequence[int], n: int) -> tuple[int, ...]:
    """One int for each spatial dim."""
    values = (value,) if isinstance(value, int) else tuple(value)
    require(len(values) in (1, n), f"expected {name} to be a single integer value or a list of {n} values to match the "
                                   f"convolution dimensions, but got {name}={listing(values)}")
    return values if len(values) == n else values * n


def _operands(name: str, n: int, x: jax.Array, w: jax.Array, bias: jax.Array | None, named: bool = False) -> None:
    """Ranks and dtypes must fit; `named`: the padding is a word, which torch resolves first."""
    require(x.ndim in (n + 1, n + 2), f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got "
                                      "input of "
                                      f"size: {listing(x.shape)}")
    require(w.ndim >= 3, "weight should have at least three dimensions")
    require(w.ndim == n + 2 or not named, f"Expected {w.ndim}-dimensional input for {w.ndim}-dimensional weight{listing(w.shape)}, "
            f"but got {n + 2}-dimensional input of size {listing(x.shape if x.ndim == n + 2 else (1, *x.shape))} instead")
    require(w.ndim == n + 2, f"expected stride to be a single integer value or a list of {w.ndim - 2} values to match "
                             "the "
                             f"convolution dimensions, but got stride={listing((1,) * n)}")
    require(bias is None or bias.dtype == x.dtype or "transpose" in name, f"Input type ({cpp_name(x)}) and bias type "
            f"({'' if bias is None else cpp_name(bias)}) should be the same")
    if x.dtype == jnp.bfloat16 or jnp.iscomplexobj(x):      # these go another way, which has a text of its own
        require(x.dtype == w.dtype, f"Input type (CPU{dtype_name(x)}Type) and weight type (torch.{dtype_name(w)}Tensor) should "
                "be the same" + ("" if jnp.iscomplexobj(x) else " or input should be a MKLDNN tensor and weight is a dense tensor"))
    require(x.dtype == w.dtype, f"expected scalar type {dtype_name(x)} but found {dtype_name(w)}")
    require(bias is None or bias.dtype == x.dtype, f"expected scalar type {dtype_name(x)} but found "
            f"{'' if bias is None else dtype_name(bias)}")


def _positive(stride: Sequence[int], dilation: Sequence[int], padding: Sequence[int], groups: int) -> None:
    require(min(padding) >= 0, "negative padding is not supported")
    require(min(stride) > 0, "non-positive stride is not supported")
    shown = listing(dilation if len(dilation) > 1 else (1, *dilation))
    require(min(dilation) > 0, "dilation should be greater than zero" + (f", but got {shown}" if 0 in dilation else ""))
    require(groups > 0, "non-positive groups is not supported")


def _filled(kernel: Sequence[int]) -> None:
    n = len(kernel)
    shown = f": {' x '.join(map(str, kernel))} (TxHxW)" if n == 3 else " " + " ".join(
        f"kernel_{axis}: {k}" for axis, k in zip(("height", "width"), (1, *kernel)[-2:], strict=True))
    require(0 not in kernel, "kernel size should be greater than zero, but got" + shown)


def _channels(shape: tuple[int, ...], w: jax.Array, bias: jax.Array | None, groups: int, transposed: bool) -> None:
    """Channels of input, weight, bias and groups must fit."""
    given = f"transposed={int(transposed)}" if transposed else f"groups={groups}"
    wanted = w.shape[0] if transposed else w.shape[1] * groups
    size = listing(w.shape)
    require(w.shape[0] >= groups, f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
                                  "got "
                                  f"weight of size {size} instead")
    require(w.shape[0] % groups == 0, f"Given groups={groups}, expected weight to be divisible by {groups} at "
                                      "dimension 0, but "
                                      f"got weight of size [{size}] instead")
    require(shape[1] == wanted, f"Given {given}, weight of size {size}, expected input{listing(shape)} to have "
                                f"{wanted} "
                                f"channels, but got {shape[1]} channels instead")
    out = w.shape[1] * groups if transposed else w.shape[0]
    require(bias is None or bias.shape == (out,), f"Given {'transposed=1, ' if transposed else ''}weight of size "
                                                  f"{size}, "
            f"expected bias to be 1-dimensional with {out} elements, but got bias of size "
            f"{'' if bias is None else listing(bias.shape)} instead")


def _by(values: Sequence[int]) -> str:
    return "(" + " x ".join(map(str, values)) + ")"


def _pads(padding: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> tuple[tuple[int, int],
                                                                                                        ...]:
    """Padding before and after each spatial dim."""
    n = len(kernel)
    if isinstance(padding, str):
        require(padding in ("same", "valid"), f"Invalid padding string: '{padding}'")
        if padding == "valid":
            return ((0, 0),) * n
        require(all(s == 1 for s in stride), "padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in _each("padding", padding, n))


def _finish(compute: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, w: jax.Array, bias: jax.Array | None,
            batched: bool) -> jax.Array:
    """Runs `compute` in a type that sums well, adds the bias and drops the batch dim that was added."""
    dtype = x.dtype
    # halves on CPU are computed in float32: XLA would sum them in half precision or not at all
    half = dtype.itemsize == 2 and from_numpy(dtype).is_floating_point and jax.default_backend() == "cpu"
    y = compute(x.astype(jnp.float32), w.astype(jnp.float32)) if half else compute(x, w)
    if bias is not None:
        y = y + bias.astype(y.dtype).reshape(-1, *(1,) * (y.ndim - 2))
    if not x.shape[1]:      # torch makes no channels of none
        y = y[:, :0]
    return (y if batched else y[0]).astype(dtype)


def _convolution(n: int, x: jax.Array, w: jax.Array, bias: jax.Array | None, stride: Any, padding: Any, dilation: Any,
                 groups: int) -> jax.Array:
    _operands(f"conv{n}d", n, x, w, bias, isinstance(padding, str))
    batched = x.ndim == n + 2
    x = x if batched else x[None]
    stride, dilation = _each("stride", stride, n), _each("dilation", dilation, n)
    kernel = w.shape[2:]
    pads = _pads(padding, kernel, stride, dilation)
    _positive(stride, dilation, [p for pair in pads for p in pair], groups)
    _channels(x.shape, w, bias, groups, False)
    padded = [s + a + b for s, (a, b) in zip(x.shape[2:], pads, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    require(all(p >= r for p, r in zip(padded, reach, strict=True)), "Calculated padded input size per channel: "
                                                                     f"{_by(padded)}. "
            f"Kernel size: {_by(reach)}. Kernel size can't be greater than actual input size")
    _filled(kernel)
    no_bool("compute_columns3d" if n == 3 else "slow_conv2d_cpu", x)
    window = Window(stride, pads, dilation, groups)
    return _finish(lambda a, b: convolve(a, b, window), x, w, bias, batched)


def _transposed(n: int, x: jax.Array, w: jax.Array, bias: jax.Array | None, stride: Any, padding: Any,
                output_padding: Any,
                groups: int, dilation: Any) -> jax.Array:
    _operands(f"conv_transpose{n}d", n, x, w, bias)
    batched = x.ndim == n + 2
    x = x if batched else x[None]
    stride, dilation = _each("stride", stride, n), _each("dilation", dilation, n)
    padding, extra = _each("padding", padding, n), _each("output_padding", output_padding, n)
    _positive(stride, dilation, padding, groups)
    require(min(extra) >= 0, "negative output_padding is not supported")
    _channels(x.shape, w, bias, groups, True)
    _filled(w.shape[2:])
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        names = ("depth", "height", "width")[-max(n, 2):]
        shown = [[1] * (len(names) - n) + list(v) for v in (extra, stride, dilation)]
        shown[0][:len(names) - n] = [0] * (len(names) - n)
        raise RuntimeError("output padding must be smaller than either stride or dilation, but got " + " ".join(
            f"{label}_{axis}: {v}" for label, values in zip(("output_padding", "stride", "dilation"), shown,
                                                            strict=True)
            for axis, v in zip(names, values, strict=True)))
    if not inexact(x) and x.dtype != jnp.int64:
        raise unlike(f"slow_conv_transpose{max(n, 2)}d_out_cpu", x)
    reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    pads = tuple((r - p, r - p + e) for r, p, e in zip(reach, padding, extra, strict=True))
    window = Window((1,) * n, pads, dilation, groups)

    ones = prod(stride) == 1 and all(min(pair) >= 0 for pair in pads)
    size = tuple([(i - 1) * s + 1 + sum(pair) - r for i, s, pair, r in zip(x.shape[2:], stride, pads, reach, strict=True)])
    forward = Window(stride, tuple((p, p) for p in padding), dilation, groups)      # the convolution whose gradient this is

    def compute(a: jax.Array, b: jax.Array) -> jax.Array:
        if not ones and all(e < s for e, s in zip(extra, stride, strict=True)):
            found = transposed(a, b, forward, size)
            if found is not None:
                return found
        # the kernel turned around, with input and output channels exchanged within each group
        inputs, outputs = b.shape[0] // groups, b.shape[1]
        turned = jnp.flip(b, range(2, n + 2)).reshape(groups, inputs, outputs, *b.shape[2:])
        turned = jnp.swapaxes(turned, 1, 2).reshape(groups * outputs, inputs, *b.shape[2:])
        return convolve(a, turned, window) if ones else plain(a, turned, window, spread=stride)

    return _finish(compute, x, w, bias, batched)


def _node(n: int) -> Callable[[Any, Any], str | tuple]:
    """Unbatched input passes through a batch of one, which torch squeezes last; uneven padding is a node of its own."""
    def rule(avals: Any, attributes: Any) -> str | tuple:
        batched = len(avals[0].shape) == n + 2
        input = 0 if batched else ("UnsqueezeBackward0", 0)
        pads = _pads(attributes["padding"], avals[1].shape[2:], (1,) * n, _each("dilation", attributes["dilation"], n))
        if any(before != after for before, after in pads):
            input = ("ConstantPadNdBackward0", input)
        tree = ("ConvolutionBackward0", input, 1, 2)
        return tree if batched else ("SqueezeBackward1", tree)
    return rule


def _declare(n: int) -> tuple[Op, Op]:
    """conv{n}d and conv_transpose{n}d."""
    size, kernel = (6, 5, 4)[:n], (3, 2, 3)[:n]

    def conv(input: Array, weight: Array, bias: Array | None = None, stride: Dims = 1, padding: Dims | str = 0,
             dilation: Dims = 1, groups: int = 1) -> Array:
        return _convolution(n, input, weight, bias, stride, padding, dilation, groups)

    def conv_transpose(input: Array, weight: Array, bias: Array | None = None, stride: Dims = 1, padding: Dims = 0,
                       output_padding: Dims = 0, groups: int = 1, dilation: Dims = 1) -> Array:
        return _transposed(n, input, weight, bias, stride, padding, output_padding, groups, dilation)

    conv.__doc__ = f"Cross-correlation over {n} dim(s): (N, C, *size), (O, C / groups, *kernel) -> (N, O, *size)."
    conv_transpose.__doc__ = f"The gradient of conv{n}d with respect to its input: weight (C, O / groups, *kernel)."
    forward = op(name=f"conv{n}d", strides="any format", autocast="low", forms="function F",
                 rule=_node(n), samples=lambda t: [
        ((t(2, 4, *size), t(6, 4, *kernel), t(6)), {"padding": 1}),
        ((t(2, 4, *size), t(6, 2, *kernel), t(6)), {"stride": 2, "padding": 2, "groups": 2})])(conv)
    backward = op(name=f"conv_transpose{n}d", strides="any format", autocast="low", forms="function F",
                  rule=_node(n), samples=lambda t: [
        ((t(2, 4, *size), t(4, 3, *kernel), t(3)), {"stride": 2, "padding": 1, "output_padding": 1})])(conv_transpose)
    return forward, backward


conv1d, conv_transpose1d = _declare(1)
conv2d, conv_transpose2d = _declare(2)
conv3d, conv_transpose3d = _declare(3)
