"""torch.linalg.ldl_factor, ldl_factor_ex, ldl_solve: symmetric matrices that need not be positive definite.

In: matrices, whose values are read (this ends the step).  Out: LAPACK's own factors and pivots; no gradient, as in torch.
Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html
"""
from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from . import dtypes
from .creation import from_array
from .errors import LinAlgError
from .ops.check import require
from .ops.into import EXACT
from .ops.precision import expect_inexact
from .recorder import hooks
from .returned import named
from .tensor import Tensor

__all__ = ["ldl_factor", "ldl_factor_ex", "ldl_solve"]

Factor = named("linalg_ldl_factor", ("LD", "pivots"))
FactorEx = named("linalg_ldl_factor_ex", ("LD", "pivots", "info"))


def _lapack(names: tuple[str, ...], arrays: tuple) -> Any:
    """LAPACK's functions for the dtype of these arrays. scipy, which JAX brings, is slow to load, so only who factors pays."""
    return import_module("scipy.linalg").get_lapack_funcs(names, arrays)


def _checked(x: Tensor) -> np.ndarray:
    require(x.dim() >= 2, "torch.linalg.ldl_factor_ex: The input tensor A must have at least 2 dimensions.")
    m, n = x.shape[-2:]
    require(m == n, f"torch.linalg.ldl_factor_ex: A must be batches of square matrices, but they are {m} by {n} matrices")
    expect_inexact("torch.linalg.ldl_factor_ex", x.dtype)
    if x.itemsize == 2:
        raise NotImplementedError(f"\"ldl_factor_kernel_cpu\" not implemented for '{dtypes.c_name(x.dtype)}'")
    return x.detach()._numpy()


def _stored(out: Any, made: Any) -> Any:
    return made if out is None else hooks.store_out(out, made, "linalg_ldl", into=EXACT)


def ldl_factor_ex(input: Tensor, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """L and D in one matrix, LAPACK's pivots, and 0 or the place (from 1) of the first zero block of D."""
    a = _checked(input)
    trf, = _lapack(("hetrf" if hermitian and input.is_complex() else "sytrf",), (a,))
    packed, pivots = np.empty(a.shape, a.dtype), np.empty(a.shape[:-1], np.int32)
    info = np.zeros(a.shape[:-2], np.int32)
    for place in np.ndindex(a.shape[:-2]):
        if a.shape[-1]:
            packed[place], pivots[place], info[place] = trf(np.tril(a[place]), lower=1)
    if check_errors and info.any():
        raise LinAlgError("torch.linalg.ldl_factor_ex: The factorization could not be completed because D is singular "
                          f"(info {int(info.max())})")
    return _stored(out, FactorEx(*(from_array(v) for v in (np.tril(packed), pivots, info))))


def ldl_factor(input: Tensor, *, hermitian: bool = False, out: Any = None) -> Any:
    """L and D in one matrix, and LAPACK's pivots; LinAlgError where D has a zero block."""
    packed, pivots, _ = ldl_factor_ex(input, hermitian=hermitian, check_errors=True)
    return _stored(out, Factor(packed, pivots))


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False, out: Any = None) -> Tensor:
    """X with A X = B from what ldl_factor gave of A."""
    require(B.dim() >= 2, "torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has "
                          f"{B.dim()} dimensions instead")
    factor, order, b = LD.detach()._numpy(), pivots._numpy(), B.detach()._numpy()
    batch = np.broadcast_shapes(factor.shape[:-2], b.shape[:-2])
    factor, b = (np.broadcast_to(v, batch + v.shape[-2:]) for v in (factor, b))
    order = np.broadcast_to(order, batch + order.shape[-1:])
    trs, = _lapack(("hetrs" if hermitian and LD.is_complex() else "sytrs",), (factor,))
    found = np.empty(b.shape, b.dtype)
    for place in np.ndindex(batch):
        if b[place].size:
            found[place] = trs(factor[place], order[place], b[place], lower=1)[0]
    return _stored(out, from_array(found))
