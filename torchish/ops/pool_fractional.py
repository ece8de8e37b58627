"""Fractional max pooling: windows of one size whose places are drawn, so that any output size is reached.

In: input (N, C, *size) or (C, *size), an output size or ratio, and a number of [0, 1) for each batch, channel and dim.  Out: (N, C,
*output_size), and the maxima's places in the flattened plane.  Source: B. Graham, Fractional Max-Pooling, arXiv 1412.6071.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .check import listing, prod, require
from .precision import need_float
from .table import Array, Dims, composite, op

__all__: list[str] = []

DIMS = {2: ("height", "width"), 3: ("time", "height", "width")}


def _each(n: int, name: str, value: Any) -> tuple[int, ...]:
    found = (value,) * n if isinstance(value, int) else tuple(value)
    require(len(found) == n, f"fractional_max_pool{n}d: {name} must either be a single Int or tuple of "
                             f"{'three ' * (n == 3)}Ints")
    return found


def _checked(n: int, x: jax.Array, samples: jax.Array, kernel: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    where = f"fractional_max_pool{n}d{'_out' * (n == 3)}()"
    require(x.ndim in (n + 1, n + 2), f"{where}: Expected {n + 1}D or {n + 2}D tensor, but got: {listing(x.shape)}")
    empty = next((d for d in range(x.ndim - n - 1, x.ndim) if not x.shape[d]), None)
    require(empty is None, f"{where}: Expected input to have non-zero size for non-batch dimensions, but got{listing(x.shape)} "
                           f"with dimension {empty} being empty.")
    for name, have, pool, want in zip(DIMS[n], x.shape[-n:], kernel, sizes, strict=True):
        require(want + pool - 1 < have + (n == 2), f"{where}: pool {name} {pool} too large relative to input {name} {have}")
    require(samples.dtype == x.dtype, "Expect _random_samples to have the same dtype as input")
    require(samples.ndim == 3, f"Expect _random_samples to have 3 dimensions, got {samples.ndim}")
    batch = x.shape[0] if x.ndim == n + 2 else 1
    require(samples.shape[0] >= batch, "Expect _random_samples.size(0) no less then input batch size.")
    require(samples.shape[1] == x.shape[-n - 1], "Expect _random_samples.size(1) equals to input channel size.")
    require(samples.shape[2] == n, f"Expect _random_samples.size(2) equals to {n}; got {samples.shape[2]}.")


def _starts(sample: jax.Array, have: int, pool: int, want: int) -> jax.Array:
    """Where the windows of one dim begin: (N, C) -> (N, C, want).  The last one ends where the input ends."""
    step = jnp.asarray((have - pool) / max(want - 1, 1), sample.dtype)
    places = (jnp.arange(want) + sample[..., None]) * step
    found = places.astype(jnp.int64) - (sample * step).astype(jnp.int64)[..., None]
    return found.at[..., want - 1:].set(have - pool)


def _pooled(n: int, x: jax.Array, samples: jax.Array, kernel_size: Any, output_size: Any) -> tuple[jax.Array, jax.Array]:
    kernel, sizes = _each(n, "kernel_size", kernel_size), _each(n, "output_size", output_size)
    _checked(n, x, samples, kernel, sizes)
    need_float(f"fractional_max_pool{n}d_out_frame", x)
    size, lead = x.shape[-n:], x.shape[:-n]
    planes = x.reshape(-1, x.shape[-n - 1], prod(size))
    drawn = samples[:planes.shape[0]]
    flat = jnp.zeros((*planes.shape[:2], *(1,) * (2 * n)), jnp.int64)       # (N, C, *output_size, *kernel)
    for d in range(n):
        # numbers belong to the dims in order, but in two dims to the width first
        starts = _starts(drawn[..., d if n == 3 else 1 - d], size[d], kernel[d], sizes[d])
        spread = [m if k % n == d else 1 for k, m in enumerate((*sizes, *kernel))]
        flat = flat * size[d] + (starts[..., None] + jnp.arange(kernel[d])).reshape(*planes.shape[:2], *spread)
    flat = flat.reshape(*planes.shape[:2], prod(sizes), prod(kernel))
    windows = jnp.take_along_axis(planes[:, :, None], flat, -1)
    first = jnp.argmax(windows, -1, keepdims=True)      # the first NaN, where there is one
    values, places = (jnp.take_along_axis(a, first, -1).reshape(*lead, *sizes) for a in (windows, flat))
    return values, places


def _declare(n: int) -> None:
    name = f"fractional_max_pool{n}d"
    size = (7, 6, 5)[:n]

    def pooled(input: Array, samples: Array, kernel_size: Dims, output_size: Dims) -> Array:
        return _pooled(n, input, samples, kernel_size, output_size)

    def with_indices(t: Any, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                     return_indices: bool = False, _random_samples: Any = None) -> Any:
        require(output_size is not None or output_ratio is not None,
                f"{name} requires specifying either an output_size or an output_ratio", ValueError)
        if output_size is None:
            ratio = tuple(output_ratio) if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
            require(len(ratio) <= n, f"{name} requires output_ratio to either be a single Int or tuple of Ints.", ValueError)
            output_size = tuple(int(input.size(d - n) * ratio[d]) for d in range(n))
        if _random_samples is None:
            batch = 1 if input.dim() == n + 1 else input.size(0)
            _random_samples = t.rand(batch, input.size(-n - 1), n, dtype=input.dtype, device=input.device)
        return getattr(t, f"_{name}")(input, _random_samples, kernel_size, output_size)

    def public(t: Any, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
               return_indices: bool = False, _random_samples: Any = None) -> Any:
        found = with_indices(t, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
        return found if return_indices else found[0]

    pooled.__doc__ = f"The maximum of each of the windows drawn in {n} spatial dims, and its place in the flattened plane (int64)."
    with_indices.__doc__ = pooled.__doc__
    public.__doc__ = f"The maximum of each of the windows drawn in {n} spatial dims, with its place if return_indices."
    op(name=f"_{name}", autocast="float cpu", forms="private", rule=f"FractionalMaxPool{n}DBackward0",
       samples=lambda t: [((t(2, 3, *size), t(2, 3, n, low=0, high=1, seed=1), 2, 3), {})])(pooled)
    composite(name=f"{name}_with_indices", forms="F")(with_indices)
    composite(name=name, forms="F")(public)


for _n in (2, 3):
    _declare(_n)
