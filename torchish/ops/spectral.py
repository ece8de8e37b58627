"""torch.fft: discrete Fourier transforms.

In: arrays, lengths, dims, a normalisation.  Out: spectra; each public function is one op over `jnp.fft`.
Source: https://docs.pytorch.org/docs/stable/fft.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import dtypes
from ..dtypes import dtype as DType
from .check import require, wrap_dim, wrap_dims
from .create import dense_only, finish, known, warn_count
from .into import Into
from .precision import dtype_name, floating
from .table import Array, Dims, composite, op

NORMS = (None, "forward", "backward", "ortho")
C2R, R2C, C2C = "FftC2RBackward0", "FftR2CBackward0", "FftC2CBackward0"


def _prepared(x: jax.Array, name: str, kind: str, norm: str | None) -> jax.Array:
    """`x` in the type the transform works in; `kind` is its rule."""
    require(norm in NORMS, f'Invalid normalization mode: "{norm}"')
    if kind == R2C and jnp.iscomplexobj(x):
        require(name not in ("ihfftn", "ihfft2"), f"Only supports floating-point dtypes, but found: {dtype_name(x)}")
        word = "real-valued" if name.endswith("n") else "real"
        raise RuntimeError(f"{name} expects a {word} input tensor, but got {dtype_name(x)}")
    x = floating(x)
    require(x.dtype.itemsize > 2, f"Unsupported dtype {dtype_name(x)}")
    if kind == C2R and not jnp.iscomplexobj(x):
        x = x.astype(jnp.complex64 if x.dtype == jnp.float32 else jnp.complex128)
    return x


_INVERSE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}     # whose scale a conjugate has


def _whole(x: jax.Array, s: list[int] | None, dims: list[int], norm: str | None, inverse: bool = False) -> jax.Array:
    """The spectrum of a real `x` from its half, the rest mirrored: half the work, and what is to be zero is exactly zero."""
    half = jnp.fft.rfftn(x, s, dims, _INVERSE[norm] if inverse else norm)
    points, last = (x.shape[dims[-1]] if s is None else s[-1]), dims[-1]
    rest = jnp.conj(jax.lax.slice_in_dim(half, 1, (points + 1) // 2, axis=last))
    mirrored = jnp.roll(jnp.flip(rest, dims), [1] * (len(dims) - 1), dims[:-1])
    full = jnp.concatenate([half, mirrored], last)
    return jnp.conj(full) if inverse else full


def _fft(x: jax.Array, n: int | None, dim: int, norm: str | None) -> jax.Array:
    return jnp.fft.fft(x, n, dim, norm) if jnp.iscomplexobj(x) else _whole(x, None if n is None else [n], [dim], norm)


def _ifft(x: jax.Array, n: int | None, dim: int, norm: str | None) -> jax.Array:
    return jnp.fft.ifft(x, n, dim, norm) if jnp.iscomplexobj(x) else _whole(x, None if n is None else [n], [dim], norm, True)


def _dim(x: jax.Array, dim: int) -> int:
    return wrap_dim(dim, x.ndim, scalar=False)


def _into(name: str, kind: str) -> Into:
    """What the transform torch calls `name` is written into."""
    if kind == C2R:
        return Into(f"{name} expects a floating point output tensor, but got {{got}}", "alike")
    return Into(f"{name} expects a complex output tensor, but got {{got}}", "safe")


def _one(name: str, fn: Callable, kind: str, doc: str) -> None:
    """A transform along one dimension."""
    into = _into(name, kind)
    real = "ConjBackward0" if name.startswith("i") else R2C      # torch turns a real transform around by conjugation

    def rule(avals: Any, attributes: Any) -> str:
        return kind if avals[0].dtype.is_complex or kind == C2R else real

    @op(name=f"fft_{name}", autocast="float cpu", forms="fft private out", rule=rule, saves=False,
        samples=lambda t: [((t(3, 4),), {}), ((t(3, 4), 6, 0), {})], into=into)
    def body(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
        x = _prepared(input, name, kind, norm)
        d = _dim(input, dim)
        points = n if n is not None else 2 * (input.shape[d] - 1) if kind == C2R else input.shape[d]
        require(points >= 1, f"Invalid number of data points ({points}) specified")
        return fn(x, n, d, norm)
    body.doc = doc


_one("fft", _fft, C2C, "The discrete Fourier transform along `dim`; `n` cuts or pads it first.")
_one("ifft", _ifft, C2C, "The inverse of fft.")
_one("rfft", jnp.fft.rfft, R2C, "fft of a real input: the n // 2 + 1 coefficients that are not redundant.")
_one("irfft", jnp.fft.irfft, C2R, "The inverse of rfft: real, `n` long (2 (size - 1) unless told).")
_one("hfft", jnp.fft.hfft, C2R, "fft of a Hermitian signal of which one half is given: real.")
_one("ihfft", jnp.fft.ihfft, R2C, "The inverse of hfft.")


def _dims(x: jax.Array, s: Any, dim: Any, name: str, kind: str) -> tuple[list[int] | None, list[int]]:
    """Lengths (None: as they are) and dims of an n-dimensional transform."""
    s = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is None:
        if s is not None:
            require(len(s) <= x.ndim, f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
        dims = list(range(x.ndim - len(s), x.ndim) if s is not None else range(x.ndim))
    else:
        dims = [_dim(x, d) for d in ((dim,) if isinstance(dim, int) else dim)]
        require(len(set(dims)) == len(dims), "FFT dims must be unique")
        require(s is None or len(s) == len(dims), "When given, dim and shape arguments must have the same length")
    require(dims or kind == C2C, f"{name} must transform at least one axis")
    whole = [x.shape[d] for d in dims]
    whole[-1:] = [2 * (n - 1) if kind == C2R else n for n in whole[-1:]]
    s = None if s is None else [w if n == -1 else n for n, w in zip(s, whole, strict=True)]
    for n in whole if s is None else s:
        require(n >= 1, f"Invalid number of data points ({n}) specified")
    return s, dims


def _hfftn(x: jax.Array, s: Any, axes: Any, norm: Any) -> jax.Array:
    lengths = s if s is not None else [x.shape[d] for d in axes[:-1]] + [None]
    for n, d in zip(lengths[:-1], axes[:-1], strict=True):
        x = jnp.fft.fft(x, n, d, norm)
    return jnp.fft.hfft(x, lengths[-1], axes[-1], norm)


def _ihfftn(x: jax.Array, s: Any, axes: Any, norm: Any) -> jax.Array:
    lengths = s if s is not None else [None] * len(axes)
    x = jnp.fft.ihfft(x, lengths[-1], axes[-1], norm)
    for n, d in zip(lengths[:-1], axes[:-1], strict=True):
        x = jnp.fft.ifft(x, n, d, norm)
    return x


def _many(name: str, fn: Callable, kind: str, doc: str) -> None:
    """A transform along several dimensions, and its form along the last two."""
    into = _into(f"{name}n" if name != "ifft" else "fftn", kind)     # so torch says it

    def compute(label: str, x: jax.Array, s: Any, dim: Any, norm: str | None) -> jax.Array:
        x = _prepared(x, label, kind, norm)
        s, dims = _dims(x, s, dim, label, kind)
        if kind == C2C and dims and not jnp.iscomplexobj(x):
            if len(dims) <= 3:
                return _whole(x, s, dims, norm, name == "ifft")
            x = x.astype(jnp.result_type(x, jnp.complex64))
        if len(dims) > 3 and fn not in (_hfftn, _ihfftn):
            return _by_steps(fn, x, s, dims, norm)
        return fn(x, s, dims, norm)

    @op(name=f"fft_{name}n", autocast="float cpu", forms="fft private out",
        rule=C2C if fn is _ihfftn else kind, saves=False,
        samples=lambda t: [((t(3, 4),), {})], into=into)
    def over_all(input: Array, s: Dims | None = None, dim: Dims | None = None, norm: str | None = None) -> Array:
        return compute(f"{name}n", input, s, dim, norm)

    @op(name=f"fft_{name}2", autocast="float cpu", forms="fft private out",
        rule=C2C if fn is _ihfftn else kind, saves=False,
        samples=lambda t: [((t(2, 3, 4),), {})], into=into)
    def over_two(input: Array, s: Dims | None = None, dim: Dims = (-2, -1), norm: str | None = None) -> Array:
        return compute(f"{name}n", input, s, dim, norm)

    over_all.doc, over_two.doc = f"{doc} along `dim` (None: all).", f"{doc} along two dimensions."


def _by_steps(fn: Callable, x: jax.Array, s: Any, dims: list[int], norm: str | None) -> jax.Array:
    """More than three dimensions: XLA transforms up to three at once."""
    one = {jnp.fft.fftn: jnp.fft.fft, jnp.fft.ifftn: jnp.fft.ifft, jnp.fft.rfftn: jnp.fft.fft, jnp.fft.irfftn: jnp.fft.ifft}[fn]
    lengths = s if s is not None else [None] * len(dims)
    if fn is jnp.fft.rfftn:
        x = jnp.fft.rfft(x, lengths[-1], dims[-1], norm)
    rest = range(len(dims) - 1) if fn in (jnp.fft.rfftn, jnp.fft.irfftn) else range(len(dims))
    for k in rest:
        x = one(x, lengths[k], dims[k], norm)
    return jnp.fft.irfft(x, lengths[-1], dims[-1], norm) if fn is jnp.fft.irfftn else x


_many("fft", jnp.fft.fftn, C2C, "The discrete Fourier transform")
_many("ifft", jnp.fft.ifftn, C2C, "The inverse transform")
_many("rfft", jnp.fft.rfftn, R2C, "The transform of a real input")
_many("irfft", jnp.fft.irfftn, C2R, "The inverse of the transform of a real input")
_many("hfft", _hfftn, C2R, "The transform of a Hermitian signal")
_many("ihfft", _ihfftn, R2C, "The inverse of the transform of a Hermitian signal")


def _shifted(x: jax.Array, dim: Any) -> tuple[int, ...]:
    dims = wrap_dims(dim, x.ndim, every=False)
    require(len(dims) > 0, "`shifts` required")
    return dims


@op(name="fft_fftshift", forms="fft", rule="RollBackward0", saves=False, samples=lambda t: [((t(3, 4),), {})])
def fftshift(input: Array, dim: Dims | None = None) -> Array:
    """The zero frequency moved to the middle."""
    return jnp.fft.fftshift(input, _shifted(input, dim))


@op(name="fft_ifftshift", forms="fft", rule="RollBackward0", saves=False, samples=lambda t: [((t(3, 4),), {})])
def ifftshift(input: Array, dim: Dims | None = None) -> Array:
    """The inverse of fftshift."""
    return jnp.fft.ifftshift(input, _shifted(input, dim))


@op(name="_fftfreq", forms="private", saves=False, differentiable=False)
def frequencies(n: int, d: float, half: bool, *, dtype: DType) -> Array:
    """0, 1, ..., then the negative ones, over n d."""
    k = jnp.arange(n // 2 + 1) if half else jnp.concatenate([jnp.arange((n + 1) // 2), jnp.arange(-(n // 2), 0)])
    return (k.astype(dtype.np) * (np.float64(1) / np.float64(n * d) if n * d else np.inf)).astype(dtype.np)


def _frequencies(name: str, half: bool) -> None:
    def body(t, n, d=1.0, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, out=None):
        dense_only(f"fft_{name}", layout)
        require(hasattr(n, "__index__"), f"fft_{name}(): argument 'n' (position 1) must be int, not {type(n).__name__}", TypeError)
        require(n >= 0, f"Trying to create tensor with negative dimension {n}: [{n}]")
        dtype = known(name, dtype, dtypes.default.float)
        require(dtype.is_floating_point or dtype.is_complex, f"{name} requires a floating point or complex dtype")
        require(not dtype.is_complex, f"\"arange_cpu\" not implemented for '{dtypes.c_name(dtype)}'", NotImplementedError)
        made = t._made_on(device, t._fftfreq, n, d, half, dtype=dtype)
        warn_count(out, made.shape[0])
        return finish(made, out, device, requires_grad)
    body.__doc__ = f"The frequencies of {'rfft' if half else 'fft'} for n samples that lie `d` apart."
    body.__module__ = __name__
    composite(name=f"fft_{name}", forms="fft")(body)


_frequencies("fftfreq", False)
_frequencies("rfftfreq", True)
