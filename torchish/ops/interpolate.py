"""Resizing of images and sequences: interpolate and upsample.

In: an array (N, C, *size) and the size wanted.  Out: (N, C, *size).

Along each dim, linear and cubic interpolation are one product with a static matrix of weights: its transpose,
the gradient, is
again a product, where gathers would give scatters.
"""
from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..warned import warn
from .check import listing, prod, require
from .matmul_check import PRECISION
from .pool_adaptive import adaptive_average
from .precision import is_float, unlike
from .table import Array, Dims, composite, op

__all__ = ["interpolate"]

OLD = "`nn.functional.{}` is deprecated. Use `nn.functional.interpolate` instead."
_MODES = {"nearest": None, "nearest-exact": None, "area": None, "linear": 3, "bilinear": 4, "bicubic": 4,
          "trilinear": 5, "lanczos": 4}
_NODES = {"nearest": "Nearest", "nearest-exact": "NearestExact", "linear": "Linear", "bilinear": "Bilinear",
          "trilinear": "Trilinear", "bicubic": "Bicubic", "lanczos": "Lanczos"}


def _scale(have: int, want: int, factor: float | None, align_corners: bool) -> float:
    """How far apart the sources of neighbouring places are."""
    if align_corners:
        return (have - 1) / (want - 1) if want > 1 else 0.0
    return 1 / factor if factor else have / want


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    return np.where(x <= 1, ((a + 2) * x - (a + 3)) * x * x + 1, np.where(x < 2, ((x - 5) * x + 8) * x * a - 4 * a, 0))


# of antialiasing: how far each filter reaches, and its values
_FILTERS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "bilinear": (1, lambda x: np.maximum(1 - np.abs(x), 0)), "bicubic": (2, lambda x: _cubic(x, -0.5)),
    "lanczos": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0))}


def _matrix(have: int, want: int, factor: float | None, align_corners: bool, mode: str) -> np.ndarray:
    """Weights (have, want) of linear or cubic interpolation."""
    cubic = mode == "bicubic"
    scale, places = _scale(have, want, factor, align_corners), np.arange(want)
    source = places * scale if align_corners else (places + 0.5) * scale - 0.5
    if not cubic:
        source = np.maximum(source, 0)
    first = np.floor(source).astype(int)
    part = source - first
    weights = np.zeros((have, want))
    taps = {k: _cubic(part - k, -0.75) for k in (-1, 0, 1, 2)} if cubic else {0: 1 - part, 1: part}
    for k, w in taps.items():
        np.add.at(weights, (np.clip(first + k, 0, have - 1), places), w)
    return weights


def _smooth_matrix(have: int, want: int, factor: float | None, align_corners: bool, mode: str) -> np.ndarray:
    """Weights (have, want) with the filter widened when shrinking (antialias)."""
    scale = _scale(have, want, factor, align_corners)
    stretch = max(scale, 1.0)
    reach, kernel = _FILTERS[mode]
    support = reach * stretch
    weights = np.zeros((have, want))
    for i in range(want):
        center = scale * (i + 0.5)
        low, high = max(int(center - support + 0.5), 0), min(int(center + support + 0.5), have)
        x = (np.arange(low, high) - center + 0.5) / stretch
        w = kernel(x)
        weights[low:high, i] = w / w.sum()
    return weights


def _nearest(x: jax.Array, axis: int, want: int, factor: float | None, exact: bool) -> jax.Array:
    have = x.shape[axis]
    if want % have == 0 and (factor is None or factor == want / have):
        return jnp.repeat(x, want // have, axis=axis)
    scale = np.float32(1 / factor if factor else have / want)
    source = np.floor((np.arange(want, dtype=np.float32) + np.float32(0.5 if exact else 0)) * scale).astype(int)
    return jnp.take(x, np.minimum(source, have - 1), axis=axis)


def _sizes(x: jax.Array, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[tuple, tuple]:
    """The size wanted and the factors that decide where sources lie."""
    spatial = x.shape[2:]
    n = len(spatial)
    require(size is None or scale_factor is None, "only one of size or scale_factor should be defined", ValueError)
    require(size is not None or scale_factor is not None, "either size or scale_factor should be defined", ValueError)
    what, given = ("output size", size) if size is not None else ("scale_factor", scale_factor)
    values = (given,) * n if isinstance(given, (int, float)) else tuple(given)
    form = "(o1, o2, ...,oK)" if size is not None else "(s1, s2, ...,sK)"
    require(len(values) == n, f"Input and {'output' if size is not None else 'scale_factor'} must have the same number "
                              "of "
            f"spatial dimensions, but got input with spatial dimensions of {list(spatial)} and {what} of "
            f"{'' if size is not None else 'shape '}{values}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
            "format and "
            f"{what} in {form} format.", ValueError)
    if size is not None:
        return values, (None,) * n
    require(all(abs(s * f) < 2**63 for s, f in zip(spatial, values, strict=True)),     # not of NaN, either
            "value cannot be converted to type int64_t without overflow")
    wanted = tuple(floor(s * f) for s, f in zip(spatial, values, strict=True))
    require(prod(x.shape[:2] + wanted) * x.dtype.itemsize < 2**63,
            f"Storage size calculation overflowed with sizes={listing((*x.shape[:2], *wanted))}")
    return wanted, (None,) * n if recompute else tuple(map(float, values))


def _rule(avals: Any, attributes: Any) -> str:
    mode, n = attributes["mode"], len(avals[0].shape) - 2
    if mode == "area":
        return f"AdaptiveAvgPool{n}DBackward0" if n > 1 else "SqueezeBackward1"
    return f"Upsample{_NODES[mode]}{n}D{'Aa' if attributes['antialias'] else ''}Backward0"


def _resample(x: jax.Array, wanted: tuple, factors: tuple, mode: str, align_corners: bool,
              antialias: bool) -> jax.Array:
    make = _smooth_matrix if antialias else _matrix
    for i, (want, factor) in enumerate(zip(wanted, factors, strict=True)):
        axis = i + 2
        if mode.startswith("nearest"):
            x = _nearest(x, axis, want, factor, mode == "nearest-exact")
            continue
        if want == x.shape[axis] and (factor in (None, 1.0)):
            continue
        matrix = jnp.asarray(make(x.shape[axis], want, factor, align_corners, mode), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(x, matrix, (axis, 0), precision=PRECISION), -1, axis)
    return x


def _resample_bytes(x: jax.Array, wanted: tuple, factors: tuple, mode: str, align_corners: bool, antialias: bool) -> jax.Array:
    """As PyTorch resizes bytes: rows first, each pass rounded to bytes, with weights that are multiples of a power of two."""
    make = _smooth_matrix if antialias else _matrix
    for axis in (3, 2):
        have, want = x.shape[axis], wanted[axis - 2]
        if want == have:                # whatever the factor says
            continue
        matrix = make(have, want, factors[axis - 2], align_corners, mode)
        bits = min(int(np.ceil(np.log2((2 ** 15 - 0.5) / matrix.max()))) - 1, 22)      # as many as 16 bits hold
        scaled = matrix * 2 ** bits
        fixed = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
        first = (fixed != 0).argmax(0)
        taps = int((have - (fixed[::-1] != 0).argmax(0) - first).max())
        shape = tuple(want if k == axis else 1 for k in range(4))
        found = jnp.full((), 1 << bits - 1, jnp.int32)
        for k in range(taps):
            source = np.minimum(first + k, have - 1)
            weight = np.where(first + k < have, fixed[source, np.arange(want)], 0).astype(np.int32)
            found = found + jnp.take(x, source, axis=axis).astype(jnp.int32) * weight.reshape(shape)
        x = jnp.clip(found >> bits, 0, 255).astype(jnp.uint8)
    return x


def _known_dtype(x: jax.Array, mode: str) -> None:
    """torch has kernels for floats, and for bytes where an image may be meant."""
    if is_float(x) or x.dtype == jnp.uint8 and mode not in ("area", "linear", "trilinear"):
        return
    if mode == "area":
        raise unlike("adaptive_avg_pool3d_cpu" if x.ndim == 5 else "adaptive_avg_pool2d", x)
    way = "nearest" if mode.startswith("nearest") else "cubic" if mode == "bicubic" else "linear"
    raise unlike(f"compute_indices_weights_{way}", x)


def _named(sizes: tuple[int, ...]) -> str:
    return ", ".join(f"{name}: {n}" for name, n in zip("DHW"[3 - len(sizes):], sizes, strict=True))


@op(strides="format", forms="F", rule=_rule, saves=False, samples=lambda t: [
    ((t(1, 2, 3, 4),), {"scale_factor": 2.0}), ((t(1, 2, 3, 4), (5, 3)), {"mode": "bilinear"}),
    ((t(1, 2, 3, 4), (5, 6)), {"mode": "bicubic", "align_corners": True})])
def interpolate(input: Array, size: Dims | None = None, scale_factor: float | None = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Array:
    """The input resized to `size` or by `scale_factor` over its spatial dims."""
    x = input
    if mode.startswith("nearest") or mode == "area":
        require(align_corners is None, "align_corners option can only be set with the interpolating modes: linear | "
                                       "bilinear | "
                                       "bicubic | trilinear", ValueError)
    require(size is None or scale_factor is not None or not recompute_scale_factor,
            "recompute_scale_factor is not meaningful with an explicit size.", ValueError)
    wanted, factors = _sizes(x, size, scale_factor, recompute_scale_factor)
    require(not antialias or mode in _FILTERS and x.ndim == 4, "Anti-alias option is restricted to bilinear, bicubic, and lanczos "
            "modes and requires a 4-D tensor as input", ValueError)
    if mode not in _MODES or mode in ("bicubic", "lanczos") and x.ndim != 4 or x.ndim not in (3, 4, 5):
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D) for the "
                                  "modes: "
                                  "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact "
                                  "(got "
                                  f"{mode})")
    needed = _MODES[mode]
    if needed not in (None, x.ndim):
        raise NotImplementedError(f"Got {x.ndim}D input, but {mode} mode needs {needed}D input")
    if mode == "lanczos":
        require(antialias, "Lanczos mode requires antialias=True", ValueError)
        require(not align_corners, "Lanczos mode does not support align_corners=True", ValueError)
    require(min(wanted) > 0 and min(x.shape[2:]) > 0, "Input and output sizes should be greater than 0, but got input "
            f"({_named(x.shape[2:])}){' and' if x.ndim == 3 else ''} output ({_named(wanted)})")
    _known_dtype(x, mode)
    if mode == "area":
        return adaptive_average(x, wanted)
    if mode.startswith("nearest") or is_float(x):
        wide = x if mode.startswith("nearest") or x.dtype.itemsize > 2 else x.astype(jnp.float32)
        return _resample(wide, wanted, factors, mode, bool(align_corners), antialias).astype(x.dtype)
    return _resample_bytes(x, wanted, factors, mode, bool(align_corners), antialias)


@composite(forms="F")
def upsample(t: Any, input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Any:
    """torch.nn.functional.interpolate under its old name."""
    warn(OLD.format("upsample"))
    return t.interpolate(input, size, scale_factor, mode, align_corners)


@composite(forms="F")
def upsample_nearest(t: Any, input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """interpolate with mode "nearest"."""
    warn(OLD.format("upsample_nearest"))
    return t.interpolate(input, size, scale_factor, "nearest")


@composite(forms="F")
def upsample_bilinear(t: Any, input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """interpolate with mode "bilinear" and align_corners."""
    warn(OLD.format("upsample_bilinear"))
    return t.interpolate(input, size, scale_factor, "bilinear", True)
