"""Windows that slide: sizes, padding and the reduction of their elements, one spatial dim after the other.

In: arrays (N, C, *size) and torch's arguments.  Out: arrays (N, C, *counts).

A window's maximum or sum is taken along one dim, then along the next: strided slices joined by an elementwise op, which
XLA fuses on every backend (`reduce_window` and its gradient are 2 to 6 times slower on CPU).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .check import require

__all__ = ["Grid", "batched", "first_max", "grid", "line", "lowest", "reduce_windows", "spread_padding", "windows"]


class Grid(NamedTuple):
    """The windows along each spatial dim: before and after are the padding that the windows reach into."""
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    counts: tuple[int, ...]


_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


def _each(op: str, name: str, value: int | Sequence[int], n: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    require(len(values) in (1, n), f"{op}: {name} must either be a single int, or a tuple of {_WORDS[n]}")
    return values if len(values) == n else values * n


def line(size: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> None:
    """The refusals of max_pool1d without places, which has a kernel of its own."""
    kernel = _each("max_pool1d", "kernel_size", kernel, 1)[0]
    stride = kernel if stride is None or stride == () else _each("max_pool1d", "stride", stride, 1)[0]
    padding, dilation = _each("max_pool1d", "padding", padding, 1)[0], _each("max_pool1d", "dilation", dilation, 1)[0]
    for name, value in (("kernel_size", kernel), ("stride", stride)):
        require(value > 0, f"max_pool1d() {name} must be greater than zero, but got {value}")
    require(padding >= 0, f"max_pool1d() padding must be non-negative, but got {padding}")
    require(padding <= kernel // 2, "max_pool1d() padding should be at most half of kernel size, but got "
                                    f"padding={padding} and kernel_size={kernel}")
    require(dilation > 0, f"max_pool1d() dilation must be greater than zero, but got {dilation}")
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    require(count >= 1, f"max_pool1d() Invalid computed output size: {count}")


def windows(op: str, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding and dilation for each spatial dim, checked; an absent or empty stride is the kernel."""
    kernel = _each(op, "kernel_size", kernel, n)
    stride = kernel if stride is None or stride == () else _each(op, "stride", stride, n)
    padding, dilation = _each(op, "padding", padding, n), _each(op, "dilation", dilation, n)
    require(min(stride) > 0, "stride should not be zero" if 0 in stride else f"stride must be greater than zero, got {stride}")
    require(min(kernel) > 0, f"kernel size should be greater than zero, but got kernel size {kernel}")
    shown = zip("THW"[-max(n, 2):], dilation if n > 1 else (1, *dilation), strict=True)
    require(min(dilation) > 0, "dilation should be greater than zero, but got " + " ".join(f"dilation{x}: {d}" for x, d in shown))
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        require(p >= 0, f"pad must be non-negative, but got pad: {p}")
        require(p <= (d * (k - 1) + 1) // 2, "pad should be at most half of effective kernel size, but got "
                                             f"pad={p}, kernel_size={k} and dilation={d}")
    return kernel, stride, padding, dilation


def grid(op: str, size: Sequence[int], channels: int, kernel: Any, stride: Any, padding: Any, dilation: Any,
         ceil_mode: bool) -> Grid:
    """The checked windows over spatial dims of `size`."""
    n = len(size)
    kernel, stride, padding, dilation = windows(op, n, kernel, stride, padding, dilation)
    counts, after = [], []
    for i in range(n):
        k, s, p, d = kernel[i], stride[i], padding[i], dilation[i]
        room = size[i] + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= size[i] + p:        # the last window must start inside the input
            count -= 1
        counts.append(count)
        after.append(max(0, (count - 1) * s + d * (k - 1) + 1 - size[i] - p))
    one = "1x" * (n == 1)       # torch's windows over one dim are images of height 1
    require(min(counts) >= 1, f"Given input size: ({channels}x{one}{'x'.join(map(str, size))}). Calculated output size: "
            f"({channels}x{one}{'x'.join(map(str, counts))}). Output size is too small")
    return Grid(kernel, stride, dilation, padding, tuple(after), tuple(counts))


def batched(x: jax.Array, n: int) -> jax.Array:
    """(C, *size) as (1, C, *size)."""
    return x[None] if x.ndim == n + 1 else x


def lowest(dtype: Any) -> Any:
    """What a maximum never picks."""
    return -np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def spread_padding(x: jax.Array, g: Grid, value: Any) -> jax.Array:
    """`x` with the padding that the windows reach into."""
    if not any(g.before) and not any(g.after):
        return x
    lead = x.ndim - len(g.kernel)
    config = [(0, 0, 0)] * lead + [(a, b, 0) for a, b in zip(g.before, g.after, strict=True)]
    return lax.pad(x, jnp.asarray(value, x.dtype), config)


def reduce_windows(parts: tuple[jax.Array, ...], g: Grid, join: Callable[[tuple, tuple], tuple]) -> tuple[jax.Array,
                                                                                                          ...]:
    """Joins the elements of each window of (already padded) arrays, from left to right, last dim first."""
    lead = parts[0].ndim - len(g.kernel)
    for i in reversed(range(len(g.kernel))):
        total = None
        for j in range(g.kernel[i]):
            start = j * g.dilation[i]
            piece = tuple(lax.slice_in_dim(p, start, start + (g.counts[i] - 1) * g.stride[i] + 1, g.stride[i], lead + i)
                          for p in parts)
            total = piece if total is None else join(total, piece)
        parts = total
    return parts


def first_max(left: tuple[jax.Array, ...], right: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """The larger values with what goes with them; equal: the left, whose gradient alone it is; NaN wins."""
    a, b = left[0], right[0]
    take = b > a
    if jnp.issubdtype(a.dtype, jnp.floating):
        take |= b != b
    return tuple(jnp.where(take, r, x) for x, r in zip(left, right, strict=True))
