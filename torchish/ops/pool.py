"""Pooling: max_pool, avg_pool, lp_pool in one, two and three dims.

In: input (N, C, *size) or (C, *size).  Out: (N, C, *counts) or (C, *counts).
"""
from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .check import listing, prod, refuse_outside, require
from .pool_window import Grid, batched, first_max, grid, line, lowest, reduce_windows, spread_padding, windows
from .precision import dtype_name, floating, is_float, need_float, need_real, no_bool, unlike
from .table import Array, Dims, composite, op

__all__ = ["averages", "maxima"]


def _input(kernel: str, x: jax.Array, n: int, *arguments: Any) -> None:
    """Refuses an input of another number of dims, or with an empty dim that is not the batch's; `kernel` is torch's name."""
    ranks = f"{n + 1}D or {n + 2}D (batch mode) tensor"
    filled = prod(x.shape[x.ndim - n - 1:]) > 0
    optional = f"Expected {ranks} with optional 0 dim batch size for input, but got:{listing(x.shape)}"
    if n == 1:
        require(x.ndim in (2, 3) and filled, f"{kernel}: {optional}")
    require(x.ndim in (n + 1, n + 2), f"non-empty {ranks} expected for input")
    windows(kernel, n, *arguments)
    require(filled, optional if n == 2 else f"{kernel}(): Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {listing(x.shape)} and non-batch dimension 0 has length zero!")


def maxima(x: jax.Array, g: Grid, *, indices: bool) -> tuple[jax.Array, ...]:
    """The maximum of each window and, if asked for, its place in the flattened input plane (int64)."""
    parts = (spread_padding(x, g, lowest(x.dtype)),)
    if indices:
        size = x.shape[-len(g.kernel):]
        places = jnp.arange(prod(size), dtype=jnp.int64).reshape(*(1,) * (x.ndim - len(size)), *size)
        parts += (spread_padding(places, g, -1),)
    values, *places = reduce_windows(parts, g, first_max)
    return values, *(jnp.broadcast_to(p, values.shape) for p in places)


def _max_pool(n: int, x: jax.Array, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
              indices: bool) -> tuple[jax.Array, ...]:
    name = f"max_pool{n}d"
    if n == 1 and not indices:
        _input(name, x, 1, 1, 1, 0, 1)
        line(x.shape[-1], kernel, stride, padding, dilation, ceil_mode)
        need_float("max_pool1d_impl", x)
    elif n == 1:        # torch goes through two dims
        require(x.ndim in (2, 3), f"{name}() Expected 2D or 3D input tensor, but got {listing(x.shape)}")
        windows(name, 1, kernel, stride, padding, dilation)
        _input(name, jnp.expand_dims(x, -2), 2, 1, 1, 0, 1)
    else:
        _input(f"{name}_with_indices_out_cpu_template" if n == 3 else name, x, n, kernel, stride, padding, dilation)
    kernel_name = f"max_pool{max(n, 2)}d"
    need_real(kernel_name, x)
    no_bool(kernel_name, x)
    g = grid(name, x.shape[-n:], x.shape[-n - 1], kernel, stride, padding, dilation, ceil_mode)
    return maxima(x, g, indices=indices)


def averages(x: jax.Array, g: Grid, divisor: Any) -> jax.Array:
    """The sum of each window over `divisor`."""
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 and jnp.issubdtype(x.dtype, jnp.floating) else x
    total, = reduce_windows((spread_padding(wide, g, 0),), g, lambda a, b: (a[0] + b[0],))
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jax.lax.div(total, jnp.broadcast_to(jnp.asarray(divisor, x.dtype), total.shape))
    if np.ndim(divisor) == 0:
        return (total * (1 / divisor)).astype(x.dtype)
    return (total / jnp.asarray(divisor, total.dtype)).astype(x.dtype)


def _divisors(size: tuple[int, ...], g: Grid, count_include_pad: bool) -> Any:
    """How many elements each window counts: one number, or an array where windows differ."""
    table = np.ones(())
    for i, n in enumerate(size):
        start = np.arange(g.counts[i]) * g.stride[i] - g.before[i]
        end = np.minimum(start + g.kernel[i],
                         n + g.before[i])     # windows of ceil_mode do not count beyond the padding
        count = end - start if count_include_pad else np.minimum(end, n) - np.maximum(start, 0)
        table = table[..., None] * count
    return table.flat[0] if (table == table.flat[0]).all() else table


def _avg_pool(n: int, x: jax.Array, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
              divisor: int | None) -> jax.Array:
    name = f"avg_pool{n}d"
    if n == 1 and x.ndim in (2, 3):     # torch goes through two dims
        windows(name, 1, kernel, stride, padding, 1)
        _input(name, jnp.expand_dims(x, -2), 2, 1, 1, 0, 1)
    else:
        _input(name, x, n, kernel, stride, padding, 1)
    require(divisor != 0, "divisor must be not zero")
    if not is_float(x) and x.dtype != jnp.int64:
        raise unlike("avg_pool3d_out_frame" if n == 3 else "avg_pool2d", x)
    size = x.shape[-n:]
    g = grid(name, size, x.shape[-n - 1], kernel, stride, padding, 1, ceil_mode)
    return averages(x, g, _divisors(size, g, count_include_pad) if divisor is None else divisor)


def _names(n: int, base: str) -> Any:
    """One dim goes through two in torch, and is squeezed last."""
    return "SqueezeBackward1" if n == 1 else f"{base}{n}DBackward0"


def _declare_max(n: int) -> None:
    size = (8, 7, 6)[:n]

    def plain(input: Array, kernel_size: Dims, stride: Dims | None = None, padding: Dims = 0,
              dilation: Dims = 1, ceil_mode: bool = False) -> Array:
        return _max_pool(n, input, kernel_size, stride, padding, dilation, ceil_mode, False)[0]

    def with_indices(input: Array, kernel_size: Dims, stride: Dims | None = None, padding: Dims = 0,
                     dilation: Dims = 1, ceil_mode: bool = False, return_indices: bool = False) -> Array:
        return _max_pool(n, input, kernel_size, stride, padding, dilation, ceil_mode, True)

    def public(t: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
        chosen = with_name if return_indices else plain_name
        return getattr(t, chosen)(input, kernel_size, stride, padding, dilation, ceil_mode)

    plain_name, with_name = f"max_pool{n}d_values", f"max_pool{n}d_with_indices"
    rule = "SqueezeBackward1" if n == 1 else f"MaxPool{n}DWithIndicesBackward0"
    dims = f"{n} spatial dim{'s'[:n > 1]}"
    plain.__doc__ = f"The maximum of each window over {dims}; the first of equals gets the gradient."
    with_indices.__doc__ = f"The maximum of each window over {dims} and its place in the flattened plane (int64)."
    public.__doc__ = f"The maximum of each window over {dims}, with its place if return_indices."
    op(name=plain_name, autocast="float cpu" if n == 3 else None, strides="format" if n > 1 else None, forms="", rule=rule,
        samples=lambda t: [((t(2, 3, *size), 2), {}), ((t(2, 3, *size), 3, 2, 1),
                                                                                            {})])(plain)
    op(name=with_name, strides="format" if n > 1 else None, forms="F", rule=rule,
       samples=lambda t: [((t(2, 3, *size), 3, 2, 1), {"ceil_mode": True})])(with_indices)
    composite(name=f"max_pool{n}d", forms="function F")(public)


for _n in (1, 2, 3):
    _declare_max(_n)


@op(forms="function F", rule=_names(1, "AvgPool"), samples=lambda t: [((t(2, 3, 8), 3), {"stride": 2, "padding": 1})])
def avg_pool1d(input: Array, kernel_size: Dims, stride: Dims | None = None, padding: Dims = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Array:
    """The mean of each window over one dim: (N, C, L) -> (N, C, count)."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def _declare_avg(n: int) -> Callable:
    size = (6, 5, 4)[:n]

    def avg(input: Array, kernel_size: Dims, stride: Dims | None = None, padding: Dims = 0,
            ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Array:
        return _avg_pool(n, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    avg.__doc__ = f"The mean of each window over {n} spatial dims, or its sum over divisor_override."
    return op(name=f"avg_pool{n}d", autocast="float cpu" if n == 3 else None, strides="format" if n == 2 else None,
        forms="F out", rule=_names(n, "AvgPool"), saves=False,
        samples=lambda t: [
        ((t(2, 3, *size), 2), {}), ((t(2, 3, *size), 3), {"stride": 2, "padding": 1, "count_include_pad": False})])(avg)


avg_pool2d, avg_pool3d = _declare_avg(2), _declare_avg(3)


def _lp_node(n: int, norm_type: float) -> str:
    if abs(norm_type) != inf:
        return "PowBackward0"
    return "NegBackward0" if norm_type < 0 else f"MaxPool{n}DWithIndicesBackward0" if n > 1 else "SqueezeBackward1"


def _declare_lp(n: int) -> Callable:
    def lp(input: Array, norm_type: float, kernel_size: Dims, stride: Dims | None = None,
           ceil_mode: bool = False) -> Array:
        x = input if isinstance(norm_type, int) else floating(input)    # the mean of integers is an integer
        g = grid(f"lp_pool{n}d", x.shape[-n:], x.shape[-n - 1], kernel_size, stride, 0, 1, ceil_mode)
        if abs(norm_type) == inf:
            sign = 1 if norm_type > 0 else -1
            return sign * maxima(sign * jnp.abs(x), g, indices=False)[0]
        mean = floating(averages(x ** norm_type, g, _divisors(x.shape[-n:], g, True)))
        return (jnp.sign(mean) * jnp.where(mean == 0, 0, jnp.abs(mean)) * prod(g.kernel)) ** (1 / norm_type)

    lp.__doc__ = f"(sum of x^p)^(1/p) of each window over {n} spatial dim{'s'[:n > 1]}."
    return op(name=f"lp_pool{n}d", autocast="float cpu" if n == 3 else None, strides="format" if n == 2 else None,
        forms="F", rule=lambda avals, attributes: _lp_node(n, attributes["norm_type"]),
              samples=lambda t: [((t(2, 3, *(6, 5, 4)[:n], low=0.5, high=2), 2.0, 2), {})])(lp)


lp_pool1d, lp_pool2d, lp_pool3d = map(_declare_lp, (1, 2, 3))


def _unpooled_size(n: int, size: tuple[int, ...], kernel: Any, stride: Any, padding: Any,
                   output_size: Any) -> tuple[int, ...]:
    full = [(v,) * n if isinstance(v, int) else tuple(v) for v in (kernel, kernel if stride is None else stride, padding)]
    for name, values in zip(("kernel_size", "stride", "padding"), full, strict=True):
        require(len(values) == n, f"There should be exactly {('one', 'two', 'three')[n - 1]} element{'s'[:n > 1]} "
                                  f"({', '.join(('depth', 'height', 'width')[3 - n:])}) in {name}, but got {len(values)} elements.")
    usual = tuple((s - 1) * st - 2 * p + k for s, k, st, p in zip(size, *full, strict=True))
    if output_size is None:
        negative = next((k for k, u in enumerate(usual) if u < 0), None)
        require(negative is None, "max_unpooling: output_size must contain non-negative spatial dimensions, but got "
                                  f"output_size[{negative}]={usual[negative or 0]}", ValueError)
        return usual
    wanted = (output_size,) * n if isinstance(output_size, int) else tuple(output_size)
    require(len(wanted) in (n, n + 2), f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length "
                                       f"of '{len(wanted)}'", ValueError)
    wanted = wanted[-n:]
    for i, (w, u, st) in enumerate(zip(wanted, usual, full[1], strict=True)):
        require(u - st < w < u + st, f"invalid output_size \"{wanted}\" (dim {i} must be between {u - st} and "
                                     f"{u + st})",
                ValueError)
    return wanted


def _corners(n: int) -> np.ndarray:
    """Places in which windows of size 2 keep their first element: the indices of a sample."""
    size = (3, 2, 2)[:n]
    places = np.ravel_multi_index(tuple(np.indices(size) * 2), tuple(2 * s for s in size))
    return np.broadcast_to(places, (1, 2, *size)).astype(np.int64)


def _declare_unpool(n: int) -> Callable:
    def unpool(input: Array, indices: Array, kernel_size: Dims, stride: Dims | None = None, padding: Dims = 0,
               output_size: Dims | None = None) -> Array:
        need_float("max_unpool3d" if n == 3 else "max_unpool2d", input)
        x, places = batched(input, n), batched(indices, n)
        require(input.shape == indices.shape, f"Expected shape of indices to be same as that of the input tensor "
                                              f"({listing(input.shape)}) but got indices tensor with shape: "
                                              f"{listing(indices.shape)}")
        require(indices.dtype == jnp.int64, f"elements in indices should be type int64 but got: {dtype_name(indices)}")
        size = _unpooled_size(n, x.shape[2:], kernel_size, stride, padding, output_size)
        flat = jnp.zeros((prod(x.shape[:2]), prod(size)), x.dtype)
        rows = jnp.arange(flat.shape[0])[:, None]
        plane = (flat.shape[0], prod(x.shape[2:]))
        at, values = flat.at[rows, places.reshape(plane)], x.reshape(plane)
        fixed = jax.lax.stop_gradient(values)
        filled = at.set(fixed) + at.add(values - fixed)     # torch's gradient reaches those that were written over, too
        return filled.reshape(*input.shape[:-n], *size)

    def look(input: Array, indices: Any, kernel_size: Dims, stride: Dims | None, padding: Dims, output_size: Dims | None) -> None:
        if input.ndim in (n + 1, n + 2) and input.shape == indices.shape:
            size = _unpooled_size(n, input.shape[-n:], kernel_size, stride, padding, output_size)
            refuse_outside(indices, prod(size), lambda place: RuntimeError(
                f"Found an invalid max index: {place} (output volumes are of size {'x'.join(map(str, (*size, 1)[:max(n, 2)]))})"))

    unpool.__doc__ = f"Puts each maximum back to its place among zeros: the partial inverse of max_pool{n}d."
    return op(name=f"max_unpool{n}d", autocast="float cpu", strides="format" if n == 2 else None, forms="F", look=look,
        samples=lambda t: [((t(1, 2, *(3, 2, 2)[:n]), _corners(n), 2), {})],
              rule="SqueezeBackward1" if n == 1 else f"MaxUnpool{n}DBackward0")(unpool)


max_unpool1d, max_unpool2d, max_unpool3d = map(_declare_unpool, (1, 2, 3))
