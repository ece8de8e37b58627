"""Statistics: quantile, cov, corrcoef, isin, gradient.

In: arrays.  Out: quantiles, counts, covariances.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..dtypes import c_name, from_numpy
from ..strides import packed
from ..warned import warn
from .check import common, require, wrap_dim, wrap_dims
from .into import Into
from .pointwise import TWO_BOOLS
from .precision import dtype_name, floating, inexact, is_float, need_real
from .table import Array, ArrayLike, Number, cast, composite, op

INTO = Into("quantile() out tensor must be same dtype as the input tensor")
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, x: jax.Array, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool) -> jax.Array:
    require(x.size > 0, "quantile() input tensor must be non-empty")
    require(is_float(x) and x.dtype.itemsize > 2, "quantile() input tensor must be either float or double dtype")
    require(interpolation in METHODS, f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but "
            f"got {interpolation}")
    q = jnp.asarray(q)
    require(q.ndim <= 1, f"{name}() q must be a scalar or 1D tensor")
    axis = None if dim is None else wrap_dim(dim, x.ndim)
    flat = x.reshape(-1) if axis is None else jnp.moveaxis(x, axis, -1) if x.ndim else x.reshape(1)
    require(flat.shape[-1] > 0, f"{name}() input tensor must be non-empty")
    ordered = jnp.sort(flat, axis=-1)                       # NaNs go last
    nan = jnp.isnan(ordered)
    count = jnp.sum(~nan, axis=-1) if skip_nan else jnp.full(ordered.shape[:-1], ordered.shape[-1])
    ordered = ordered if skip_nan else jnp.where(nan.any(-1, keepdims=True), jnp.nan, ordered)
    result = _at_ranks(ordered, q.reshape(-1).astype(x.dtype), count, interpolation)     # (..., q)
    result = jnp.moveaxis(result, -1, 0)
    if keepdim and x.ndim:
        result = result.reshape(-1, *([1] * x.ndim)) if axis is None else jnp.expand_dims(result, axis + 1)
    return result[0] if q.ndim == 0 else result


def _at_ranks(ordered: jax.Array, q: jax.Array, count: jax.Array, interpolation: str) -> jax.Array:
    rank = q * jnp.maximum(count - 1, 0)[..., None].astype(q.dtype)
    below = {"higher": jnp.ceil, "nearest": jnp.round}.get(interpolation, jnp.floor)(rank)
    above = jnp.ceil(rank) if interpolation in ("linear", "midpoint") else below
    low, high = (jnp.take_along_axis(ordered, r.astype(jnp.int64), axis=-1) for r in (below, above))
    if interpolation not in ("linear", "midpoint"):
        return low
    weight = rank - below if interpolation == "linear" else jnp.where(above > below, 0.5, 0).astype(rank.dtype)
    return jnp.where(weight < 0.5, low + weight * (high - low), high - (1 - weight) * (high - low))


def _ranks_inside(avals: list, attributes: dict) -> tuple[int, ...] | None:
    """The quantiles of one slice lie side by side."""
    if attributes["dim"] is None or len(avals) < 2 or not avals[1].shape:
        return None
    kept = list(avals[0].shape)
    if kept:
        at = wrap_dim(attributes["dim"], len(kept))
        kept[at:at + 1] = [1] * attributes["keepdim"]
    return packed((*avals[1].shape, *kept), [0, *range(len(kept), 0, -1)])


def _refuse_levels(input: Any, q: Any, *attributes: Any) -> None:
    require(not isinstance(q, np.ndarray) or bool(((q >= 0) & (q <= 1)).all()), "quantile() q values must be in the range [0, 1]")


@op(name="_quantile", autocast="float cpu", forms="private", rule="SqueezeBackward4", strides=_ranks_inside, turns=("q",),
    look=_refuse_levels, looks="levels",
    samples=lambda t: [((t(3, 5), 0.4, 1, False, "linear", False), {})])
def quantile_op(input: Array, q: ArrayLike, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool) -> Array:
    """The q-quantiles along `dim`."""
    return _quantile("nanquantile" if skip_nan else "quantile", input, q, dim, keepdim, interpolation, skip_nan)


def _asked(name: str, input: Any, q: Any, out: Any) -> Any:
    require(out is None or out.dtype is input.dtype, f"{name}() out tensor must be same dtype as the input tensor")
    if isinstance(q, (int, float)):
        require(0 <= q <= 1, f"{name}() q must be in the range [0, 1] but got {q:g}")
        return q
    if not hasattr(q, "dtype"):
        forms = [f" * (Tensor input, {kind} q, int dim = None, bool keepdim = False, *, str interpolation = \"linear\", "
                 "Tensor out = None)\n" for kind in ("Tensor", "float")]
        raise TypeError(f"{name}() received an invalid combination of arguments - got (Tensor, {type(q).__name__}), but expected "
                        f"one of:\n{''.join(forms)}")
    require(q.dtype is input.dtype, f"{name}() q tensor must be same dtype as the input tensor")
    return q


@composite(into=INTO)
def quantile(t: Any, input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
             out: Any = None) -> Any:
    """The q-quantiles along `dim` (None: of all elements); with a 1-D `q`, its dimension comes first."""
    result = t._quantile(input, _asked("quantile", input, q, out), dim, keepdim, interpolation, False)
    return result if out is None else out._store(result, "quantile")


@composite(into=INTO)
def nanquantile(t: Any, input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
                out: Any = None) -> Any:
    """quantile of what is not NaN."""
    result = t._quantile(input, _asked("nanquantile", input, q, out), dim, keepdim, interpolation, True)
    return result if out is None else out._store(result, "nanquantile")


@op(name="_cov", forms="private", rule="SqueezeBackward0", samples=lambda t: [((t(3, 5), 1, None, None), {})])
def cov_op(input: Array, correction: int, fweights: Array | None, aweights: Array | None) -> Array:
    """The covariance matrix of the rows of a matrix."""
    x = floating(input)
    if aweights is not None:
        x = common([x, aweights])[0]
    w = None if fweights is None else fweights.astype(x.dtype)
    if aweights is not None:
        w = aweights.astype(x.dtype) if w is None else w * aweights.astype(x.dtype)
    total = jnp.asarray(x.shape[1], x.dtype) if w is None else w.sum()
    mean = (x if w is None else x * w).sum(1, keepdims=True) / total
    if aweights is not None and correction != 0:
        norm = total - correction * (w * aweights.astype(x.dtype)).sum() / total
    else:
        norm = total - correction
    gap = x - mean
    return gap @ jnp.conj(gap if w is None else gap * w).T / jnp.maximum(norm, 0)


@composite()
def cov(t: Any, input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables (rows) over observations (columns), with repetition counts and weights."""
    require(input.dim() <= 2, "cov(): expected input to have two or fewer dimensions but got an input with "
                              f"{input.dim()} dimensions")
    require(input.dtype is not t.bool, "cov(): bool dtype is not supported for input")
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is not None:
            _check_weights(name, w, input)
    result = t._cov(input.reshape(1, -1) if input.dim() < 2 else input, correction, fweights, aweights)
    if fweights is None and aweights is None and (input.shape[-1] if input.dim() else 1) <= correction:
        warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.")
    return result.squeeze()


def _check_weights(name: str, w: Any, input: Any) -> None:
    require(w.dim() <= 1, f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.dim()} dimensions")
    whole = name == "fweights"
    fits = not (w.is_floating_point() or w.is_complex()) and w.dtype.name != "bool" if whole else w.is_floating_point()
    require(fits, f"cov(): expected {name} to have {'integral' if whole else 'floating point'} dtype but got {name} with "
                  f"{c_name(w.dtype)} dtype")
    count = input.shape[-1] if input.dim() else 1
    require(w.numel() == count, f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                                f"{w.numel()} != {count}")
    require(not w.numel() or bool((w >= 0).all()), f"cov(): {name} cannot be negative")


@composite()
def corrcoef(t: Any, input: Any) -> Any:
    """The correlation coefficients of variables (rows) over observations (columns)."""
    require(input.dim() <= 2, "corrcoef(): expected input to have two or fewer dimensions but got an input with "
                              f"{input.dim()} dimensions")
    c = t.cov(input)
    if c.dim() == 0:
        return c / c
    spread = t.diagonal(c).real.sqrt() if c.is_complex() else t.diagonal(c).sqrt()
    r = c / spread.unsqueeze(1) / spread.unsqueeze(0)
    return r if r.is_complex() else r.clip(-1, 1)


@op(forms="function out", saves=False,
    names={"elements": "elements element", "test_elements": "test_elements test_element"},
    samples=lambda t: [((t(3, 4, dtype="int64", low=0, high=5), t(2, dtype="int64", low=0, high=5)), {})])
def isin(elements: ArrayLike, test_elements: ArrayLike, *, assume_unique: bool = False, invert: bool = False) -> Array:
    """Whether each element is among `test_elements`."""
    require(isinstance(elements, jax.Array) or isinstance(test_elements, jax.Array), "isin() received an invalid "
            f"combination of arguments - got ({type(elements).__name__}, {type(test_elements).__name__}), but expected "
            "one of:\n * (Tensor elements, Tensor test_elements)\n * (Number element, Tensor test_elements)\n "
            "* (Tensor elements, Number test_element)", TypeError)
    a, b = common([jnp.asarray(elements), jnp.asarray(test_elements)])
    require(jnp.bool_ not in (jnp.asarray(elements).dtype, jnp.asarray(test_elements).dtype),
            "Unsupported input type encountered for isin(): Bool")
    need_real(f"Unsupported input type encountered for isin(): {dtype_name(a)}", a, RuntimeError)
    found = (a[..., None] == b.reshape(-1)).any(-1)
    return ~found if invert else found


@op(name="_differences", forms="private", rule="CatBackward0", saves=False, samples=lambda t: [((t(5), None, 0, 1, 1.0), {})])
def differences(input: Array, coordinates: Array | None, dim: int, edge_order: int, spacing: Number) -> Array:
    """Central differences along `dim`, one-sided at the ends."""
    n = input.shape[dim]
    require(n > edge_order, "torch.gradient expected each dimension size to be at least edge_order+1")
    if coordinates is None:
        x = floating(input)
        if isinstance(spacing, complex):
            x = x.astype(from_numpy(x.dtype).to_complex().np)
        return _uniform(x, cast(spacing, x.dtype), dim, edge_order)
    at = floating(coordinates)      # what is made of these alone has their type, and an input of integers takes it on
    return _uneven(input if inexact(input) else input.astype(at.dtype), at, dim, edge_order)


def _uniform(x: jax.Array, h: jax.Array, dim: int, edge_order: int) -> jax.Array:
    x = jnp.moveaxis(x, dim, 0)
    inner = (x[2:] - x[:-2]) / (2 * h)
    if edge_order == 1:
        first, last = (x[1] - x[0]) / h, (x[-1] - x[-2]) / h
    else:
        first = (-1.5 * x[0] + 2 * x[1] - 0.5 * x[2]) / h
        last = (0.5 * x[-3] - 2 * x[-2] + 1.5 * x[-1]) / h
    return jnp.moveaxis(jnp.concatenate([first[None], inner, last[None]]), 0, dim)


def _uneven(x: jax.Array, at: jax.Array, dim: int, edge_order: int) -> jax.Array:
    x = jnp.moveaxis(x, dim, 0)
    steps = jnp.diff(at).reshape(-1, *([1] * (x.ndim - 1)))
    a, b = steps[:-1], steps[1:]
    inner = (-b / (a * (a + b))) * x[:-2] + ((b - a) / (a * b)) * x[1:-1] + (a / (b * (a + b))) * x[2:]
    if edge_order == 1:
        first, last = (x[1] - x[0]) / steps[0], (x[-1] - x[-2]) / steps[-1]
    else:
        p, q = steps[0], steps[1]
        first = -(2 * p + q) / (p * (p + q)) * x[0] + (p + q) / (p * q) * x[1] - p / (q * (p + q)) * x[2]
        p, q = steps[-2], steps[-1]
        last = q / (p * (p + q)) * x[-3] - (q + p) / (p * q) * x[-2] + (2 * q + p) / (q * (p + q)) * x[-1]
    return jnp.moveaxis(jnp.concatenate([first[None], inner, last[None]]), 0, dim)


@composite(forms="function")
def gradient(t: Any, input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
    """Central differences along each of `dim` (None: all): a tuple of tensors. `spacing`: numbers or coordinates."""
    spacing = 1 if spacing is None else spacing
    dims = wrap_dims(None if dim is None else tuple(dim) if isinstance(dim, list) else dim, input.dim())
    require(input.dtype is not t.uint8, "torch.gradient does not support uint8 input.")
    require(input.dtype is not t.bool, TWO_BOOLS)
    require(edge_order in (1, 2), "torch.gradient only supports edge_order=1 and edge_order=2.")
    each = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    require(len(each) == len(dims), "torch.gradient expected spacing to be unspecified, a scalar" + (
        f", or a list of length equal to 'self.dim() = {input.dim()}', since dim argument was not given, but got a list of length "
        f"{len(each)}" if dim is None else
        f" or it's spacing and dim arguments to have the same length, but got a spacing argument of length {len(each)} and a dim "
        f"argument of length {len(dims)}."))
    for s in each:
        many = s.dim() if isinstance(s, t.Tensor) else 0
        require(many < 2, "torch.gradient expected each element of spacing to have one dimension, but got an element with "
                          f"{many} dimensions!")
        require(not many or s.device == input.device, "torch.gradient expected each tensor to be on the same device, but got "
                                                      f"devices {input.device} and {s.device if many else ''}!")
    coordinates = [s if isinstance(s, t.Tensor) and s.dim() else None for s in each]
    steps = [1.0 if c is not None else s.item() if isinstance(s, t.Tensor) else s for c, s in zip(coordinates, each, strict=True)]
    return tuple(t._differences(input, c, d, edge_order, s if isinstance(s, complex) else float(s))
                 for c, d, s in zip(coordinates, dims, steps, strict=True))
