"""Window functions: hann, hamming, blackman, bartlett, kaiser.

In: a length, a dtype.  Out: a 1-D tensor.
"""
from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import dtypes
from ..dtypes import dtype as DType
from .check import require
from .create import dense_only, finish, known
from .table import Array, composite, op


def _cosines(x: np.ndarray, *weights: float) -> np.ndarray:
    return sum(w * (-1) ** k * np.cos(2 * np.pi * k * x) for k, w in enumerate(weights))


@op(name="_window", forms="private", saves=False, differentiable=False)
def window(kind: str, length: int, periodic: bool, options: tuple, *, dtype: DType) -> Array:
    """`length` values of a window; a periodic one is that of length + 1 without its last value."""
    if length <= 1:
        return jnp.ones(length, dtype.np)
    n = np.arange(length, dtype=np.float64)
    last = length if periodic else length - 1
    x = n / last
    if kind == "kaiser":
        values = np.i0(options[0] * np.sqrt(np.maximum(1 - (2 * x - 1) ** 2, 0))) / np.i0(options[0])
    elif kind == "bartlett":
        values = 1 - np.abs(2 * x - 1)
    else:
        values = _cosines(x, *options)
    return jnp.asarray(values, dtype.np)


def _make(t: Any, kind: str, length: int, periodic: bool, options: tuple, dtype: Any, layout: Any, device: Any,
          grad: bool, out: Any = None) -> Any:
    name = f"{kind}_window"
    dense_only(name, layout, f"{name} is not implemented for sparse types")
    require(length >= 0, f"{name} requires non-negative window_length, got window_length={length}")
    dtype = known(name, dtype, dtypes.default.float)
    require(dtype.is_floating_point, f"{name} expects floating point dtypes, got: {dtype}")
    return finish(t._made_on(device, t._window, kind, int(length), bool(periodic), options, dtype=dtype), out, device, grad)


@composite(forms="function")
def hann_window(t, window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                requires_grad=False):
    """(1 - cos(2 pi n / N)) / 2."""
    return _make(t, "hann", window_length, periodic, (0.5, 0.5), dtype, layout, device, requires_grad)


@composite(forms="function")
def hamming_window(t, window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None,
                   pin_memory=False, requires_grad=False):
    """alpha - beta cos(2 pi n / N)."""
    return _make(t, "hamming", window_length, periodic, (float(alpha), float(beta)), dtype, layout, device, requires_grad)


@composite(forms="function")
def blackman_window(t, window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return _make(t, "blackman", window_length, periodic, (0.42, 0.5, 0.08), dtype, layout, device, requires_grad)


@composite(forms="function")
def bartlett_window(t, window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    """1 - |2 n / N - 1|."""
    return _make(t, "bartlett", window_length, periodic, (), dtype, layout, device, requires_grad)


@composite(forms="function")
def kaiser_window(t, window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, pin_memory=False,
                  requires_grad=False):
    """i0(beta sqrt(1 - (2 n / N - 1)^2)) / i0(beta)."""
    return _make(t, "kaiser", window_length, periodic, (float(beta),), dtype, layout, device, requires_grad)
