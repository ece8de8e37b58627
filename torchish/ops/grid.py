"""Sampling at places: grid_sample, affine_grid; and bilinear forms of two inputs.

In: images (N, C, *size) and places in [-1, 1] (N, *out, dims).  Out: (N, C, *out).
"""
from __future__ import annotations

from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..dtypes import from_numpy
from ..warned import warn
from .check import listing, require, wrap_dim
from .create import spaced
from .matmul_check import PRECISION, same_types
from .precision import is_float, need_float, no_bool
from .table import Array, Shape, op

__all__ = ["affine_grid", "grid_sample"]

CHANGED = ("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
           "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.")
UNIT = ("Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an "
        "intended use case of affine_grid. See the documentation of affine_grid for details.")


def _reflected(x: jax.Array, low: float, high: float) -> jax.Array:
    """x folded back at the borders low and high as often as needed."""
    span = high - low
    if span == 0:
        return jnp.zeros_like(x)
    away = jnp.abs(x - low)
    extra = away % span
    return jnp.where(jnp.floor(away / span) % 2 == 0, extra + low, high - extra)


def _place(x: jax.Array, n: int, align_corners: bool) -> jax.Array:
    """Places in [-1, 1] as places among n elements, rounded as torch does: on which side of an element one is decides its slope."""
    return (x + 1) * ((n - 1) / 2) if align_corners else (x + 1) * (n / 2) - 0.5


def _source(x: jax.Array, n: int, padding_mode: str, align_corners: bool) -> jax.Array:
    """The same, and moved into the image where the padding mode says so."""
    x = _place(x, n, align_corners)
    if padding_mode == "reflection":
        x = _reflected(x, 0, n - 1) if align_corners else _reflected(x, -0.5, n - 0.5)
    return x if padding_mode == "zeros" else jnp.clip(x, 0, n - 1)


def _cubic(part: jax.Array) -> list[jax.Array]:
    a = -0.75

    def near(x: jax.Array) -> jax.Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: jax.Array) -> jax.Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(part + 1), near(part), near(1 - part), far(2 - part)]


def _pick(x: jax.Array, places: list[jax.Array]) -> jax.Array:
    """x[n, :, places] with zeros outside: (N, C, *out)."""
    inside, clipped = True, []
    for p, n in zip(places, x.shape[2:], strict=True):
        inside = inside & (p >= 0) & (p <= n - 1)
        clipped.append(jnp.clip(p, 0, n - 1).astype(jnp.int32))
    found = jax.vmap(lambda image, *at: image[(slice(None), *at)])(x, *clipped)
    return jnp.where(inside[:, None], found, 0)


def _bicubic(x: jax.Array, places: list[jax.Array], padding_mode: str, align_corners: bool) -> jax.Array:
    """4 x 4 neighbours, each moved into the image by itself."""
    plain = [_place(p, n, align_corners) for p, n in zip(places, x.shape[2:], strict=True)]
    first = [jnp.floor(p) for p in plain]
    weights = [_cubic(p - f) for p, f in zip(plain, first, strict=True)]
    total = 0
    for i, j in product(range(4), range(4)):
        at = [first[0] + (i - 1), first[1] + (j - 1)]
        if padding_mode != "zeros":
            at = [_moved(a, n, padding_mode, align_corners) for a, n in zip(at, x.shape[2:], strict=True)]
        total = total + _pick(x, at) * (weights[0][i] * weights[1][j])[:, None]
    return total


def _moved(x: jax.Array, n: int, padding_mode: str, align_corners: bool) -> jax.Array:
    if padding_mode == "reflection":
        x = _reflected(x, 0, n - 1) if align_corners else _reflected(x, -0.5, n - 0.5)
    return jnp.clip(x, 0, n - 1)


def _grid_rule(avals: Any, attributes: Any) -> str:
    return f"GridSampler{len(avals[0].shape) - 2}DBackward0"


@op(name="grid_sample", autocast="float cpu", forms="F", rule=_grid_rule, samples=lambda t: [
    ((t(2, 3, 4, 5), t(2, 3, 2, 2, low=-0.9, high=0.9)), {"align_corners": False})])
def grid_sample(input: Array, grid: Array, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Array:
    """The input at the places of the grid, whose last dim is (x, y) or (x, y, z)."""
    n = input.ndim - 2
    require(mode in ("bilinear", "nearest", "bicubic"), "nn.functional.grid_sample(): expected mode to be 'bilinear', "
                                                        "'nearest' "
            f"or 'bicubic', but got: '{mode}'", ValueError)
    require(padding_mode in ("zeros", "border", "reflection"), "nn.functional.grid_sample(): expected padding_mode to "
                                                               "be 'zeros',"
            f" 'border', or 'reflection', but got: '{padding_mode}'", ValueError)
    if align_corners is None:
        warn(CHANGED)
    require(grid.shape[0] == input.shape[0], "grid_sampler(): expected grid and input to have same batch size, but got "
                                             "input "
            f"with sizes {listing(input.shape)} and grid with sizes {listing(grid.shape)}")
    require(grid.shape[-1] == n, f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with "
                                 "sizes "
                                 f"{listing(grid.shape)}")
    require(n in (2, 3) and grid.ndim == input.ndim, f"grid_sampler(): expected {f'{n + 2}D' if n in (2, 3) else '4D or 5D'} "
            "input and grid with same number of dimensions, but got input with "
            f"sizes {listing(input.shape)} and grid with sizes {listing(grid.shape)}")
    empty = next((d for d in range(2, input.ndim) if not input.shape[d]), None)
    require(empty is None, "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                           f"{listing(input.shape)} with dimension {empty} being empty")
    need_float("grid_sampler_2d_cpu_kernel_impl" if n == 2 else "grid_sampler3d_cpu", input)
    same_types("expected scalar type {} but found {}", input, grid)
    align = bool(align_corners)
    require(mode != "bicubic" or n == 2, "grid_sampler(): bicubic interpolation only supports 4D input")
    places = [grid[..., n - 1 - i] for i in range(n)]
    if mode == "bicubic":
        return _bicubic(input, places, padding_mode, align)
    places = [_source(p, s, padding_mode, align) for p, s in zip(places, input.shape[2:], strict=True)]
    if mode == "nearest":
        return _pick(input, [jnp.round(p) for p in places])
    first = [jnp.floor(p) for p in places]
    total = 0
    for corner in product((0, 1), repeat=n):
        weight = 1
        for c, p, f in zip(corner, places, first, strict=True):
            weight = weight * (p - f if c else 1 - (p - f))
        total = total + _pick(input, [f + c for f, c in zip(first, corner, strict=True)]) * weight[:, None]
    return total


@op(autocast="low", forms="F", rule="AffineGridGeneratorBackward0", saves=False,
    samples=lambda t: [((t(2, 2, 3), (2, 1, 3, 4)), {"align_corners": False})])
def affine_grid(theta: Array, size: Shape, align_corners: bool | None = None) -> Array:
    """The places of an image of `size` (N, C, *out) moved by affine maps: (N, n, n + 1) -> (N, *out, n)."""
    n = len(size) - 2
    require(is_float(theta), f"Expected theta to have floating point type, but got torch.{from_numpy(theta.dtype).name}",
            ValueError)
    require(n in (2, 3), "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
                         f"{tuple(size)}.", NotImplementedError)
    require(min(size) > 0, f"Expected non-zero, positive output size. Got {tuple(size)}", ValueError)
    if align_corners is None:
        warn(CHANGED)
    elif align_corners and 1 in size[2:]:
        warn(UNIT)
    require(theta.shape == (size[0], n, n + 1), f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for "
                                                "size "
            f"{tuple(size)}. Got {'torch.Size(' + listing(theta.shape) + ')'}.", ValueError)

    def line(k: int) -> np.ndarray:
        # by numpy: XLA would multiply by 1 / k, which rounds otherwise
        steps = spaced(-1, 1, k, from_numpy(theta.dtype), np) if k > 1 else np.zeros(1, theta.dtype)
        return steps if align_corners else (steps * np.asarray(k - 1, theta.dtype) / np.asarray(k, theta.dtype)).astype(theta.dtype)

    axes = jnp.meshgrid(*[line(k) for k in size[2:]], indexing="ij")
    base = jnp.stack([*axes[::-1], jnp.ones_like(axes[0])], -1)
    return jnp.einsum("...k,njk->n...j", base, theta, precision=PRECISION)


@op(autocast="promote cuda", forms="function F", rule="AddBackward0",
    samples=lambda t: [((t(2, 3), t(2, 4), t(5, 3, 4), t(5)), {})], turns=("bias", "weight", "input2"))
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """input1 weight[o] input2 + bias[o] for each output o: (*, i), (*, j), (o, i, j) -> (*, o)."""
    require(input1.ndim == input2.ndim, f"bilinear(): input dimensions do not match: got {input1.ndim} and "
                                        f"{input2.ndim}")
    apart = next((d for d, (a, b) in enumerate(zip(input1.shape[:-1], input2.shape, strict=False)) if a != b), None)
    require(apart is None, f"bilinear(): input batch dimensions do not match at dim {apart}: got {input1.shape[apart or 0]} and "
            f"{input2.shape[apart or 0]}")
    for k, x, want in ((k, x, weight.shape[wrap_dim(k, weight.ndim)]) for k, x in ((1, input1), (2, input2))):
        require(x.shape[-1] == want, f"bilinear(): input{k} size does not match weight size: got {x.shape[-1]} but "
                                     "expected "
                                     f"{want}")
    require(bias is None or bias.shape[0] == weight.shape[0], "bilinear(): bias size does not match weight size: got "
            f"{0 if bias is None else bias.shape[0]} but expected {weight.shape[0]}")
    no_bool("bmm", input1)
    out = jnp.einsum("...i,oij,...j->...o", input1, weight, input2, precision=PRECISION)
    return out if bias is None else out + bias
