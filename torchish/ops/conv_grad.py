"""How a convolution is lowered: forward, for the input's gradient and for the weight's gradient.

In: input (N, C, *size), weight (O, C / groups, *kernel) and a `Window`.  Out: (N, O, *size).

On accelerators this is one XLA convolution.  On CPU the fastest of four formulas differs with the shape and with the
direction: ratios measured on LeNet- and ResNet-like shapes are beside each choice.  The gradient's formula is chosen by
writing the tangent in the form whose transpose is wanted, so every order and both modes of differentiation work.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ..xla import apart
from .turns import mapped

__all__ = ["Window", "convolve", "plain", "transposed"]

MOST = 2 ** 26      # elements that windows side by side may have: 256 MiB


class Window(NamedTuple):
    """Where the kernel is put: one entry for each spatial dim."""
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1


def plain(x: jax.Array, w: jax.Array, window: Window, *, spread: tuple[int, ...] | None = None) -> jax.Array:
    """XLA's own convolution; `spread` puts zeros between the elements of the input (transposed convolution)."""
    axes = "DHW"[-len(window.stride):]
    return lax.conv_general_dilated(x, w, window.stride, window.padding, lhs_dilation=spread,
                                    rhs_dilation=window.dilation,
                                    dimension_numbers=("NC" + axes, "OI" + axes, "NC" + axes),
                                    feature_group_count=window.groups)


def _widened(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """The same with a column of padding, cut off again: XLA's CPU path for unpadded input is 1.1 to 3 times slower."""
    last = window.padding[-1]
    if any(map(sum, window.padding)) or window.stride[-1] > 1 or w.shape[-1] == 1:
        return plain(x, w, window)
    padding = (*window.padding[:-1], (last[0], last[1] + 1))
    return plain(x, w, window._replace(padding=padding))[..., :-1]


def _windows(x: jax.Array, w: jax.Array, window: Window) -> list[jax.Array]:
    """The strided slice of the padded input under each position of the kernel."""
    n = len(window.stride)
    if any(map(any, window.padding)):
        x = jnp.pad(x, ((0, 0), (0, 0), *window.padding))
    kernel, size = w.shape[2:], x.shape[2:]
    counts = [(size[i] - window.dilation[i] * (kernel[i] - 1) - 1) // window.stride[i] + 1 for i in range(n)]
    slices = []
    for position in product(*map(range, kernel)):
        starts = [p * d for p, d in zip(position, window.dilation, strict=True)]
        slices.append(x[(slice(None), slice(None), *(
            slice(a, a + (c - 1) * s + 1, s) for a, c, s in zip(starts, counts, window.stride, strict=True)))])
    return slices


def _taps(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """The sum of the windows, each times its element of the kernel (one input channel to each output channel)."""
    columns = w.reshape(*w.shape[:1], -1)
    spatial = (1,) * len(window.stride)
    return sum(part * columns[:, i].reshape(-1, *spatial) for i, part in enumerate(_windows(x, w, window)))


def _elementwise(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """One input channel to each output channel: sums of scaled slices, which XLA fuses into one loop.

    The loop stands apart: a step of LeNet repeated it five times and took 1.9 times as long.
    """
    repeats = w.shape[0] // window.groups
    if window.groups > 1 and repeats > 1:
        x = jnp.repeat(x, repeats, axis=1)
    return apart(_taps, x, w, window=window)


def _unrolled(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """Matrix products of the kernel with all windows (im2col)."""
    parts = _windows(x, w, window)
    n, _, *size = parts[0].shape
    if prod(size) >= max(128, prod(w.shape[1:])):       # an image at a time, as it lies: 0.5 to 0.9 of the time
        columns = jnp.stack(parts, 2).reshape(n, -1, prod(size))
        matrices = jnp.broadcast_to(w.reshape(w.shape[0], -1), (n, w.shape[0], columns.shape[1]))
        return (matrices @ columns).reshape(n, w.shape[0], *size)
    parts = [jnp.moveaxis(part, 1, -1) for part in parts]
    rows = (parts[0] if len(parts) == 1 else jnp.concatenate(parts, -1)).reshape(n * prod(size), -1)
    matrix = jnp.moveaxis(w, (0, 1), (-1, -2)).reshape(-1, w.shape[0])
    return jnp.moveaxis((rows @ matrix).reshape(n, *size, w.shape[0]), -1, 1)


def _choose(x: jax.Array, w: jax.Array, window: Window, direction: str) -> Callable[..., jax.Array]:
    """The formula for one direction ("forward", "input", "weight") on CPU."""
    channels, groups, taps = w.shape[1], window.groups, prod(w.shape[2:])
    if taps == 1 and groups == 1:
        return _unrolled                                            # a matrix product: 0.6 of the time
    if len(window.stride) == 3 and _fits(x.size, w, window):
        return _unrolled                                            # volumes: 0.02 to 0.6
    if taps > 64 or groups > 1:
        return _elementwise if channels == 1 and taps <= 64 else _widened     # depthwise: 0.05 to 0.8
    if channels == 1:                                               # grey images: 0.2, 0.3, 0.5
        return {"forward": _elementwise, "input": _unrolled, "weight": _widened}[direction]
    if channels <= 4 or (channels <= 8 and direction == "input"):
        return _unrolled                                            # colour images: 0.5 to 0.7
    return _widened


def _fits(elements: int, w: jax.Array, window: Window) -> bool:
    """Whether all windows of an input of so many elements may stand side by side: few taps, at most `MOST`."""
    taps = prod(w.shape[2:])
    return window.groups == 1 and taps <= 64 and elements * taps // prod(window.stride) <= MOST


def _fast(x: jax.Array, w: jax.Array) -> bool:
    """Whether one of the formulas for the CPU is wanted."""
    return bool(jax.default_backend() == "cpu" and jnp.issubdtype(x.dtype, jnp.floating) and x.size and w.size)


def transposed(x: jax.Array, w: jax.Array, window: Window, size: tuple[int, ...]) -> jax.Array | None:
    """The gradient of `convolve` by an input of `size` for the cotangent x; None where XLA's own formula is as good.

    XLA's gradients of a convolution whose input is spread out take up to 20 times as long, in three dims itself, too.
    Where the windows of the batch are too many, those of one image after the other are taken.
    """
    shape = (x.shape[0], w.shape[1], *size)
    if not _fast(x, w) or not _fits(prod(shape[1:]), w, window):
        return None

    def spread(part: jax.Array) -> jax.Array:
        made = jax.ShapeDtypeStruct((part.shape[0], *shape[1:]), x.dtype)
        return jax.linear_transpose(lambda y: _unrolled(y, w, window), made)(part)[0]

    return spread(x) if _fits(prod(shape), w, window) else mapped(lambda image: spread(image[None])[0], x)


def _lower(x: jax.Array, w: jax.Array, window: Window, direction: str) -> jax.Array:
    return (_choose(x, w, window, direction) if _fast(x, w) else plain)(x, w, window)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def convolve(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """The convolution (cross-correlation) of x with w."""
    return _lower(x, w, window, "forward")


def _tangent(window: Window, primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    (x, w), (dx, dw) = primals, tangents
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_lower(dx, w, window, "input"))
    if not isinstance(dw, SymbolicZero):
        parts.append(_lower(x, dw, window, "weight"))
    out = convolve(x, w, window)
    return out, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(out)


convolve.defjvp(_tangent, symbolic_zeros=True)
