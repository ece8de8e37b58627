"""Adaptive pooling: windows chosen so that the output has the size asked for.

In: input (N, C, *size) or (C, *size) and the output size (None keeps a dim).  Out: (N, C, *output_size).
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .check import listing, prod, require
from .matmul_check import PRECISION
from .pool_window import Grid, first_max, reduce_windows
from .precision import dtype_name, inexact, need_float
from .table import Array, Dims, composite, op

__all__ = ["adaptive_average"]


def _sizes(name: str, x: jax.Array, n: int, output_size: Any) -> tuple[int, ...]:
    require(n == 1 or isinstance(output_size, int) or len(output_size or ()) < x.ndim,
            f"Input dimension should be at least {n + 1}", ValueError)
    maximum = name.startswith("adaptive_max")
    require(x.ndim in (n + 1, n + 2) or (not maximum and output_size == 1 and x.ndim >= n > 1),
            f"Expected {n + 1} to {n + 2} dimensions, but got {x.ndim}-dimensional tensor for argument #1 'self' "
            f"(while checking arguments for {name})" if n == 1 else
            f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got{':' * maximum} {listing(x.shape)}")
    sizes = (output_size,) * n if output_size is None or isinstance(output_size, int) else tuple(output_size)
    require(len(sizes) == n, f"{name}() argument 'output_size' should contain one int (got {len(sizes)})" if n == 1 else
            f"{name}(): internal error: output_size.size() must be {n}" if maximum else f"{name}: output_size must be {n}")
    sizes = tuple(have if want is None else want for want, have in zip(sizes, x.shape[-n:], strict=True))
    require(min(sizes) >= 0 or not maximum, f"Trying to create tensor with negative dimension {min(sizes)}: "
                                            f"{listing((*x.shape[:-n], *sizes))}")
    if maximum:
        _refuse_empty(name, x.shape, 1)
    require(prod(x.shape[:-n] + sizes) * x.dtype.itemsize < 2**63, "Storage size calculation overflowed with sizes="
            f"{listing((*x.shape[:-n], *(1,) * (n == 1), *sizes))}" if maximum else "numel: integer multiplication overflow")
    require(min(sizes) >= 0, f"adaptive_avg_pool{max(n, 2)}d: elements of output_size must be greater than or equal to 0 but "
            f"received {{{', '.join(map(str, (1, *sizes) if n == 1 else sizes))}}}")
    return sizes


def _refuse_empty(name: str, shape: tuple[int, ...], first: int) -> None:
    empty = next((d for d in range(first, len(shape)) if not shape[d]), None)
    require(empty is None, f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{listing(shape)} with dimension {empty} being empty")


def _bounds(have: int, want: int) -> list[tuple[int, int]]:
    return [(i * have // want, -(-(i + 1) * have // want)) for i in range(want)]


def adaptive_average(x: jax.Array, sizes: tuple[int, ...]) -> jax.Array:
    """The means of the windows that make the last dims have `sizes`."""
    n, dtype = len(sizes), x.dtype
    lead, have = x.shape[:-n], x.shape[-n:]
    wide = x.astype(jnp.float32) if dtype.itemsize == 2 else x
    if all(w and h % w == 0 for w, h in zip(sizes, have, strict=True)):
        split = [m for w, h in zip(sizes, have, strict=True) for m in (w, h // w)]
        axes = tuple(len(lead) + 2 * i + 1 for i in range(n))
        return wide.reshape(*lead, *split).mean(axes).astype(dtype)
    for i, (w, h) in enumerate(zip(sizes, have, strict=True)):
        matrix = np.zeros((h, w))
        for j, (start, end) in enumerate(_bounds(h, w)):
            matrix[start:end, j] = 1 / (end - start)
        axis = len(lead) + i
        wide = jnp.moveaxis(jnp.tensordot(wide, jnp.asarray(matrix, wide.dtype), (axis, 0), precision=PRECISION), -1,
                            axis)
    return wide.astype(dtype)


def _adaptive_max(x: jax.Array, sizes: tuple[int, ...], *, indices: bool) -> tuple[jax.Array, ...]:
    """The maxima of the windows and their places in the flattened plane."""
    n = len(sizes)
    lead, have = x.ndim - n, x.shape[-n:]
    if 0 in sizes:
        none = jnp.zeros(x.shape[:lead] + sizes, x.dtype)
        return (none, none.astype(jnp.int64)) if indices else (none,)
    parts = (x,)
    if indices:
        parts += (jnp.arange(prod(have), dtype=jnp.int64).reshape(*(1,) * lead, *have),)
    kernel = []
    for i, (w, h) in enumerate(zip(sizes, have, strict=True)):
        bounds = _bounds(h, w)
        longest = max(end - start for start, end in bounds)
        kernel.append(longest)
        if w * longest != h:
            # windows side by side; shorter ones repeat their last element, which loses to its equal
            where = np.array([[min(s + k, e - 1) for k in range(longest)] for s, e in bounds]).reshape(-1)
            parts = tuple(jnp.take(p, where, axis=lead + i) for p in parts)
    one = (1,) * n
    windows = Grid(tuple(kernel), tuple(kernel), one, (0,) * n, (0,) * n, sizes)
    values, *places = reduce_windows(parts, windows, first_max)
    return values, *(jnp.broadcast_to(p, values.shape) for p in places)


def _avg_rule(n: int) -> Callable[[Any, Any], str]:
    def name(avals: Any, attributes: Any) -> str:
        wanted = attributes["output_size"]
        if n > 1 and (wanted == 1 or wanted == (1,) * n):
            return "MeanBackward1"
        return "SqueezeBackward1" if n == 1 else f"AdaptiveAvgPool{n}DBackward0"
    return name


def _declare(n: int) -> None:
    size = (7, 6, 5)[:n]

    def average(input: Array, output_size: Dims | tuple) -> Array:
        sizes = _sizes(f"adaptive_avg_pool{n}d", input, n, output_size)
        if set(sizes) == {1}:
            require(inexact(input), "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
                                    f"dtype. Got: {dtype_name(input)}")
        else:
            shape = (*input.shape[:-1], 1, input.shape[-1]) if n == 1 else input.shape
            _refuse_empty(f"adaptive_avg_pool{max(n, 2)}d", shape, 1 if n == 3 else len(shape) - 2)
            need_float("adaptive_avg_pool3d_cpu" if n == 3 else "adaptive_avg_pool2d", input)
        return adaptive_average(input, sizes)

    def maxima(x: Array, output_size: Dims | tuple, indices: bool) -> tuple:
        sizes = _sizes(f"adaptive_max_pool{n}d", x, n, output_size)
        need_float("adaptive_max_pool3d_cpu" if n == 3 else "adaptive_max_pool2d", x)
        return _adaptive_max(x, sizes, indices=indices)

    def values(input: Array, output_size: Dims | tuple) -> Array:
        return maxima(input, output_size, False)[0]

    def with_indices(input: Array, output_size: Dims | tuple, return_indices: bool = False) -> Array:
        return maxima(input, output_size, True)

    def public(t: Any, input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return getattr(t, f"adaptive_max_pool{n}d_{'with_indices' if return_indices else 'values'}")(input, output_size)

    average.__doc__ = f"Means over {n} spatial dim{'s'[:n > 1]} with the output size given."
    values.__doc__ = f"Maxima over {n} spatial dim{'s'[:n > 1]} with the output size given."
    with_indices.__doc__ = public.__doc__ = values.__doc__[:-1] + ", and their places in the flattened plane (int64)."
    rule = "SqueezeBackward1" if n == 1 else f"AdaptiveMaxPool{n}DBackward0"
    op(name=f"adaptive_avg_pool{n}d", autocast="float cpu" if n == 3 else None, strides="format" if n == 2 else None,
        forms="function F" if n == 1 else "F",
        rule=_avg_rule(n), saves=False,
       samples=lambda t: [((t(2, 3, *size), 3), {}), ((t(2, 3, *size), 1), {})])(average)
    op(name=f"adaptive_max_pool{n}d_values", autocast="float cpu" if n == 3 else None, strides="format" if n == 2 else None,
        forms="", rule=rule,
        samples=lambda t: [((t(2, 3, *size), 3), {})])(values)
    op(name=f"adaptive_max_pool{n}d_with_indices", autocast="float cpu" if n == 3 else None, strides="format" if n == 2 else None,
        forms="F", rule=rule,
       samples=lambda t: [((t(2, 3, *size), 3), {})])(with_indices)
    composite(name=f"adaptive_max_pool{n}d", forms="function F" if n == 1 else "F")(public)


for _n in (1, 2, 3):
    _declare(_n)
