"""torch.signal.windows: the windows of signal processing, symmetric or (sym=False) one period of a periodic one.

In: a length, the parameters of the shape, a floating dtype.  Out: a 1-D tensor.
Source: https://docs.pytorch.org/docs/stable/signal.html
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import Any

import numpy as np

from .. import dtypes
from ..creation import finish_new, from_array
from ..devices import chosen
from ..layouts import strided
from ..missing import missing
from ..ops.check import require
from ..tensor import Tensor

__all__ = ["bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
           "kaiser", "nuttall"]


def _window(name: str, M: int, sym: bool, dtype: Any, layout: Any, device: Any, requires_grad: bool,
            values: Callable[[np.ndarray, int], np.ndarray]) -> Tensor:
    """values(0 to M - 1, last place of the whole window) in `dtype`, after torch's checks."""
    dtype = dtypes.default.float if dtype is None else dtype
    require(M >= 0, f"{name} requires non-negative window length, got M={M}", ValueError)
    require(layout is strided, f"{name} is implemented for strided tensors only, got: {layout}", ValueError)
    require(dtype in (dtypes.float32, dtypes.float64), f"{name} expects float32 or float64 dtypes, got: {dtype}", ValueError)
    n = np.arange(index(M), dtype=np.float64)
    made = np.ones(M) if M < 2 else values(n, M - 1 if sym else M)
    return finish_new(from_array(made.astype(dtype.np)), None, chosen(device), requires_grad)


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None,
                layout: Any = strided, device: Any = None, requires_grad: bool = False) -> Tensor:
    """exp(-|n - center| / tau)."""
    require(tau > 0, f"Tau must be positive, got: {tau} instead.", ValueError)
    require(not sym or center is None, "Center must be None for symmetric windows", ValueError)

    def values(n: np.ndarray, last: int) -> np.ndarray:
        return np.exp(-np.abs(n - (last / 2 if center is None else center)) / tau)
    return _window("exponential", M, sym, dtype, layout, device, requires_grad, values)


def cosine(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """sin(pi (n + 1/2) / M)."""
    return _window("cosine", M, sym, dtype, layout, device, requires_grad,
                   lambda n, last: np.sin(np.pi * (n + 0.5) / (last + 1)))


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """exp(-((n - middle) / std)^2 / 2)."""
    require(std > 0, f"Standard deviation must be positive, got: {std} instead.", ValueError)
    return _window("gaussian", M, sym, dtype, layout, device, requires_grad,
                   lambda n, last: np.exp(-((n - last / 2) / std) ** 2 / 2))


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """i0(beta sqrt(1 - (2 n / N - 1)^2)) / i0(beta)."""
    require(beta >= 0, f"beta must be non-negative, got: {beta} instead.", ValueError)
    return _window("kaiser", M, sym, dtype, layout, device, requires_grad,
                   lambda n, last: np.i0(beta * np.sqrt(np.maximum(1 - (2 * n / last - 1) ** 2, 0))) / np.i0(float(beta)))


def bartlett(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """1 - |2 n / N - 1|."""
    return _window("bartlett", M, sym, dtype, layout, device, requires_grad, lambda n, last: 1 - np.abs(2 * n / last - 1))


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, dtype: Any = None, layout: Any = strided,
                   device: Any = None, requires_grad: bool = False) -> Tensor:
    """The sum of (-1)^i a_i cos(2 pi i n / N)."""
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = [float(w) for w in a]
    require(bool(weights), "Coefficients cannot be empty", ValueError)

    def values(n: np.ndarray, last: int) -> np.ndarray:
        return np.sum([(-1) ** i * w * np.cos(2 * np.pi * i * n / last) for i, w in enumerate(weights)], axis=0)
    return _window("general_cosine", M, sym, dtype, layout, device, requires_grad, values)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None, layout: Any = strided,
                    device: Any = None, requires_grad: bool = False) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi n / N)."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hamming(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
            requires_grad: bool = False) -> Tensor:
    """0.54 - 0.46 cos(2 pi n / N)."""
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """(1 - cos(2 pi n / N)) / 2."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def blackman(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def nuttall(M: int, *, sym: bool = True, dtype: Any = None, layout: Any = strided, device: Any = None,
            requires_grad: bool = False) -> Tensor:
    """The cosine window with weights 0.3635819, 0.4891775, 0.1365995, 0.0106411."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)


__getattr__ = missing("torch.signal.windows", globals())
