"""Patches and channels: unfold, fold, pixel_shuffle, pixel_unshuffle, channel_shuffle.

In: images (N, C, H, W) or (C, H, W).  Out: columns of patches, or images with places and channels exchanged.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp

from .check import listing, prod, require
from .precision import inexact, unlike
from .table import Array, Dims, op

__all__ = ["pixel_shuffle"]


def _two(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _windows(kernel_size: Dims, dilation: Dims, padding: Dims, stride: Dims) -> list[tuple[int, int]]:
    """The checked arguments of a sliding kernel, two numbers each."""
    pairs = [_two(v) for v in (kernel_size, dilation, padding, stride)]
    for name, pair in zip(("kernel_size", "dilation", "padding", "stride"), pairs, strict=True):
        require(len(pair) == 2, f"It is expected {name} equals to 2, but got size {len(pair)}")
    for k, (name, least, short) in enumerate([("kernel size", 1, "kernel"), ("dilation", 1, "dilation"), ("padding", 0, "pad"),
                                              ("stride", 1, "stride")]):
        require(min(pairs[k]) >= least, f"{name} should be {'greater than zero' if least else 'non-negative'}, but got "
                                        f"{short}_height: {pairs[k][0]} {short}_width: {pairs[k][1]}")
    return pairs


def _counts(size: tuple[int, int], kernel: tuple, dilation: tuple, padding: tuple, stride: tuple) -> tuple[int, int]:
    """How many places the kernel has along each dim."""
    return tuple((s + 2 * p - d * (k - 1) - 1) // st + 1
                 for s, k, d, p, st in zip(size, kernel, dilation, padding, stride, strict=True))


def _patches(x: jax.Array, kernel: tuple, dilation: tuple, padding: tuple, stride: tuple) -> jax.Array:
    """(N, C, H, W) -> (N, C * kernel, places)."""
    counts = _counts(x.shape[2:], kernel, dilation, padding, stride)
    x = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    parts = [x[:, :, i * dilation[0]:i * dilation[0] + (counts[0] - 1) * stride[0] + 1:stride[0],
               j * dilation[1]:j * dilation[1] + (counts[1] - 1) * stride[1] + 1:stride[1]]
             for i in range(kernel[0]) for j in range(kernel[1])]
    return jnp.stack(parts, 2).reshape(x.shape[0], x.shape[1] * len(parts), prod(counts))


@op(name="F_unfold", forms="F", rule="Im2ColBackward0", saves=False,
    samples=lambda t: [((t(2, 3, 5, 4), 2), {}), ((t(2, 3, 5, 4), (3, 2)), {"padding": 1, "stride": 2})])
def unfold(input: Array, kernel_size: Dims, dilation: Dims = 1, padding: Dims = 0, stride: Dims = 1) -> Array:
    """Every patch under a sliding kernel as a column: (N, C, H, W) -> (N, C * kernel, places)."""
    kernel, dilation, padding, stride = _windows(kernel_size, dilation, padding, stride)
    require(input.ndim in (3, 4) and prod(input.shape[-3:]) > 0, "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size "
            f"and other non-zero dimensions for input, but got: {listing(input.shape)}")
    x = input if input.ndim == 4 else input[None]
    counts = _counts(x.shape[2:], kernel, dilation, padding, stride)
    require(min(counts) >= 1, f"Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, "
                              f"dilation={dilation}, "
            f"padding={padding}, calculated shape of the array of sliding blocks as {counts}, but its components must be at "
            "least one.")
    if not inexact(x) and x.dtype != bool:
        raise unlike("im2col_out_cpu", x)
    out = _patches(x, kernel, dilation, padding, stride)
    return out if input.ndim == 4 else out[0]


@op(forms="F", rule="Col2ImBackward0", saves=False, samples=lambda t: [((t(2, 12, 6), (4, 3), 2), {})])
def fold(input: Array, output_size: Dims, kernel_size: Dims, dilation: Dims = 1, padding: Dims = 0,
         stride: Dims = 1) -> Array:
    """Adds patches up to images, the transpose of unfold: (N, C * kernel, places) -> (N, C, *output_size)."""
    size, (kernel, dilation, padding, stride) = _two(output_size), _windows(kernel_size, dilation, padding, stride)
    require(len(size) == 2, f"It is expected output_size equals to 2, but got size {len(size)}")
    require(input.ndim in (2, 3) and prod(input.shape[-2:]) > 0, "Expected 2D or 3D (batch mode) tensor for input with possibly "
            f"0 batch size and non-zero dimensions for input, but got: {listing(input.shape)}")
    x = input if input.ndim == 3 else input[None]
    require(x.shape[1] % prod(kernel) == 0, "Expected size of input's dimension 1 to be divisible by the product of "
                                            "kernel_size, "
            f"but got input.size(1)={x.shape[1]} and kernel_size={kernel}.")
    counts = _counts(size, kernel, dilation, padding, stride)
    require(x.shape[2] == prod(counts), f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, "
                                        f"padding={padding}, "
            f"stride={stride}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{counts[0]} "
            f"* {counts[1]} = {prod(counts)}, but got input.size(2)={x.shape[2]}.")
    require(min(counts) >= 1, f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
                              f"stride={stride}, calculated shape of the array of sliding blocks as {counts}, which is too small "
                              "(non-positive)")
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // prod(kernel), *size), x.dtype)
    out, = jax.linear_transpose(lambda v: _patches(v, kernel, dilation, padding, stride), image)(x)
    return out if input.ndim == 3 else out[0]


@op(strides="format", forms="function F", saves=False, samples=lambda t: [((t(2, 8, 2, 3), 2), {})])
def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """(*, C r^2, H, W) -> (*, C, H r, W r)."""
    r = upscale_factor
    require(input.ndim >= 3, "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
                             f"{input.ndim} dimension(s)")
    require(r > 0, f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    require(c % (r * r) == 0, "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                              f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    x = input.reshape(prod(lead), c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(*lead, c // (r * r), h * r, w * r)


@op(strides="format", forms="function F", saves=False, samples=lambda t: [((t(2, 2, 4, 6), 2), {})])
def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """(*, C, H r, W r) -> (*, C r^2, H, W)."""
    r = downscale_factor
    require(input.ndim >= 3, "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
                             f"{input.ndim} dimension(s)")
    require(r > 0, f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    for label, k, n in (("height", -2, h), ("width", -1, w)):
        require(n % r == 0, f"pixel_unshuffle expects {label} to be divisible by downscale_factor, but "
                            f"input.size({k})={n} is "
                            f"not divisible by {r}")
    x = input.reshape(prod(lead), c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(*lead, c * r * r, h // r, w // r)


@op(strides="format", forms="function F", saves=False, samples=lambda t: [((t(2, 6, 3), 2), {})])
def channel_shuffle(input: Array, groups: int) -> Array:
    """Channels (g, C / g) turned into (C / g, g): (N, C, *) -> (N, C, *)."""
    require(input.ndim > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes "
                            f"{listing(input.shape)}")
    require(groups > 0, f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    c = input.shape[1]
    require(c % groups == 0, f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    x = input.reshape(input.shape[0], groups, c // groups, *input.shape[2:])
    return jnp.swapaxes(x, 1, 2).reshape(input.shape)
