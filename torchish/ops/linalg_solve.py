"""Inverses, determinants and systems of equations.

In: batches of square matrices, right sides.  Out: what solves them.
Differs from torch: a singular matrix that is large, or still to be computed, gives inf or NaN, where torch raises LinAlgError.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..warned import warn_once
from .check import listing, require
from .into import Into, safely
from .linalg_factor import first_zero, spd, triangles
from .linalg_inverse import rank_tolerance
from .matrix_check import broadcast_batch, lapack, matrix, need_kernel, square, turned
from .precision import dtype_name, inexact
from .singular import refuse_singular
from .table import Array, composite, op

NO_INVERSE = ("linalg.{name}: {at}The diagonal element {k} is zero, the inversion could not be completed because the input matrix "
              "is singular.")
UNSOLVED = "torch.linalg.{name}: {at}The solver failed because the input matrix is singular."
VALUES = ("gels", "gelsd", "gelss")     # drivers of lstsq that give residuals; the last two, singular values


@op(name="linalg_inv", autocast="float cpu", strides="columns", forms="linalg private out", rule="LinalgInvExBackward0",
    look=refuse_singular(NO_INVERSE.replace("{name}", "inv")), looks="matrix", samples=lambda t: [((spd(t),), {})])
def linalg_inv(A: Array) -> Array:
    """The inverse of each matrix."""
    square(A, "linalg.inv")
    lapack(A, "linalg.inv")
    return jnp.linalg.inv(A)


@op(name="linalg_inv_ex", autocast="float cpu", strides=("columns", None), forms="linalg private out", returns=("inverse", "info"),
    look=refuse_singular(NO_INVERSE.replace("{name}", "inv_ex"), if_asked=True), looks="matrix",
    samples=lambda t: [((spd(t),), {})])
def linalg_inv_ex(A: Array, *, check_errors: bool = False) -> tuple[Array, Array]:
    """The inverse, and for each matrix 0, or the place (from 1) of the pivot that is 0."""
    return linalg_inv(A), first_zero(lax.linalg.lu(lax.stop_gradient(A))[0])


@composite()
def inverse(t: Any, input: Any, *, out: Any = None) -> Any:
    """The inverse of each matrix (torch.linalg.inv)."""
    return t.linalg_inv(input, out=out)


@op(name="linalg_det", forms="linalg private out", samples=lambda t: [((spd(t),), {})])
def linalg_det(A: Array) -> Array:
    """The determinant of each matrix."""
    square(A, "linalg.det")
    lapack(A, "linalg.det", "lu_cpu")
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@composite()
def det(t: Any, input: Any) -> Any:
    """The determinant of each matrix (torch.linalg.det)."""
    return t.linalg_det(input)


def _real_sign(attributes: dict, aval: Any) -> tuple[int, ...]:
    """A sign of 1 or -1 has no derivative; that of a complex matrix is a phase."""
    return () if aval.dtype.is_complex else (0,)


@op(name="linalg_slogdet", forms="linalg out", undefined=_real_sign, returns=("sign", "logabsdet"),
    samples=lambda t: [((spd(t),), {})])
def linalg_slogdet(A: Array) -> tuple[Array, Array]:
    """The sign (or phase) and the logarithm of the absolute value of the determinant."""
    square(A, "linalg.slogdet")
    lapack(A, "linalg.slogdet")
    return tuple(jnp.linalg.slogdet(A))


@op(returns=("sign", "logabsdet"), rule="LinalgSlogdetBackward0", undefined=_real_sign, samples=lambda t: [((spd(t),), {})])
def slogdet(input: Array) -> tuple[Array, Array]:
    """The sign (or phase) and the logarithm of the absolute value of the determinant (torch.linalg.slogdet)."""
    return linalg_slogdet(input)


@op(forms="function method", rule="WhereBackward0", samples=lambda t: [((spd(t),), {})])
def logdet(input: Array) -> Array:
    """The logarithm of the determinant; NaN where it is negative."""
    square(input, "logdet")
    lapack(input, "logdet")
    sign, log = jnp.linalg.slogdet(input)
    if jnp.iscomplexobj(sign):
        return log + jnp.log(sign)
    return jnp.where(sign == -1, jnp.nan, log)


def _same_dtype(name: str, a: jax.Array, b: jax.Array) -> None:
    if a.dtype != b.dtype:
        raise RuntimeError(f"{name}: Expected A and B to have the same dtype, but found A of type {dtype_name(a)} and B of "
                           f"type {dtype_name(b)} instead")


def _fits(name: str, a: jax.Array, b: jax.Array, left: bool) -> None:
    if a.shape[-1] != b.shape[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation {equation} ({a.shape[-2]}x{a.shape[-1]} "
                           f"and {b.shape[-2]}x{b.shape[-1]})")


def _solved(a: jax.Array, b: jax.Array, left: bool) -> jax.Array:
    square(a, "linalg.solve")
    lapack(a, "linalg.solve", "lu_cpu")
    _same_dtype("linalg.solve", a, b)
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    if vector:
        b = b[..., None]
    _fits("linalg.solve", a, b, left)
    require(left or not vector, "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this "
                                "case linalg.solve is equivalent to B / A.squeeze(-1)")
    a, b = broadcast_batch(a, b)
    if not left:
        return jnp.swapaxes(jnp.linalg.solve(jnp.swapaxes(a, -1, -2), jnp.swapaxes(b, -1, -2)), -1, -2)
    x = jnp.linalg.solve(a, b)
    return x[..., 0] if vector else x


@op(name="linalg_solve", autocast="float cpu", forms="linalg private out", rule="LinalgSolveExBackward0",
    look=refuse_singular(UNSOLVED.replace("{name}", "solve")), looks="matrix",
    samples=lambda t: [((spd(t), t(3, 2)), {}), ((spd(t), t(3)), {}), ((spd(t), t(2, 3)), {"left": False})])
def linalg_solve(A: Array, B: Array, *, left: bool = True) -> Array:
    """X with A X = B (or X A = B); a vector B gives a vector."""
    return _solved(A, B, left)


@op(name="linalg_solve_ex", forms="linalg out", returns=("result", "info"), looks="matrix",
    look=refuse_singular(UNSOLVED.replace("{name}", "solve_ex"), if_asked=True), samples=lambda t: [((spd(t), t(3, 2)), {})])
def linalg_solve_ex(A: Array, B: Array, *, left: bool = True, check_errors: bool = False) -> tuple:
    """linalg.solve, and for each matrix 0, or the place (from 1) of the pivot that is 0."""
    return _solved(A, B, left), first_zero(lax.linalg.lu(lax.stop_gradient(A))[0])


def _square_system(name: str, a: jax.Array, b: jax.Array) -> None:
    """What the older functions say of operands that do not fit."""
    m, n = a.shape[-2:]
    require(b.dtype == a.dtype, f"Expected b and A to have the same dtype, but found b of type {dtype_name(b)} and A of type "
                                f"{dtype_name(a)} instead.")
    require(m == n, f"A must be batches of square matrices, but they are {m} by {n} matrices")
    require(n == b.shape[-2], f"Incompatible matrix sizes for {name}: each A matrix is {n} by {n} but each b matrix is "
                              f"{b.shape[-2]} by {b.shape[-1]}")


def _triangular(a: jax.Array, b: jax.Array, upper: bool, left: bool, unit: bool, transpose: bool = False) -> jax.Array:
    square(a, "linalg.solve_triangular")
    matrix(b, "linalg.solve_triangular", "B")
    _same_dtype("linalg.solve_triangular", a, b)
    _fits("linalg.solve_triangular", a, b, left)
    need_kernel("triangular_solve_cpu", a)
    a, b = broadcast_batch(a, b)
    return lax.linalg.triangular_solve(a, b, left_side=left, lower=not upper, unit_diagonal=unit, transpose_a=transpose)


@op(name="linalg_solve_triangular", strides="columns", forms="linalg private out",
    samples=lambda t: [((spd(t), t(3, 2)), {"upper": False}), ((spd(t), t(2, 3)), {"upper": True, "left": False})],
    into=Into("expected scalar type {want} but found {got}"))
def linalg_solve_triangular(input: Array, B: Array, *, upper: bool, left: bool = True,
                            unitriangular: bool = False) -> Array:
    """X with A X = B (or X A = B) for a triangular A, of which the other triangle is not read."""
    return _triangular(input, B, upper, left, unitriangular)


@op(autocast="float cpu", returns=("solution", "cloned_coefficient"), strides=("columns", "columns"),
    samples=lambda t: [((t(3, 2), spd(t)), {})])
def triangular_solve(input: Array, A: Array, upper: bool = True, transpose: bool = False,
                     unitriangular: bool = False) -> tuple[Array, Array]:
    """X with A X = input for a triangular A, and A."""
    for x, letter in ((input, "b"), (A, "A")):
        require(x.ndim >= 2, f"torch.triangular_solve: Expected {letter} to have at least 2 dimensions, but it has {x.ndim} "
                             "dimensions instead")
    _square_system("triangular_solve", A, input)
    return _triangular(A, input, upper, True, unitriangular, transpose), A


@op(autocast="float cpu", strides="columns", samples=lambda t: [((t(3, 2), spd(t)), {})], into=safely("cholesky_solve"))
def cholesky_solve(input: Array, input2: Array, upper: bool = False) -> Array:
    """X with A X = input, where input2 is the Cholesky factor of A."""
    for x, letter in ((input, "b"), (input2, "u")):
        if x.ndim < 2:
            raise RuntimeError(f"{letter} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    _square_system("cholesky_solve", input2, input)
    need_kernel("cholesky_solve_cpu", input2)
    low, right = broadcast_batch(turned(input2) if upper else input2, input)
    return _solved_by_factor(low, right)


@jax.custom_jvp
def _solved_by_factor(low: jax.Array, right: jax.Array) -> jax.Array:
    """X with L L^H X = right; what `low` holds above its diagonal is not read."""
    y = lax.linalg.triangular_solve(low, right, left_side=True, lower=True)
    return lax.linalg.triangular_solve(low, y, left_side=True, lower=True, transpose_a=True, conjugate_a=True)


@_solved_by_factor.defjvp
def _solved_by_factor_jvp(primals: tuple, tangents: tuple) -> tuple:
    """As if `low` were whole: torch gives a gradient to what is not read, too."""
    (low, right), (d_low, d_right) = primals, tangents
    x = _solved_by_factor(low, right)
    return x, _solved_by_factor(low, d_right - d_low @ (turned(low) @ x) - low @ (turned(d_low) @ x))


@op(autocast="float cpu", strides="columns", samples=lambda t: [((spd(t),), {})], into=safely("cholesky_inverse"))
def cholesky_inverse(input: Array, upper: bool = False) -> Array:
    """The inverse of A, where `input` is its Cholesky factor."""
    square(input, "cholesky_inverse")
    need_kernel("cholesky_inverse_out_cpu", input)
    eye = jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape)
    return cholesky_solve(eye, input, upper)


@op(name="linalg_lu_solve", strides="columns", forms="linalg private out",
    samples=lambda t: [((spd(t), np.array([2, 3, 3], np.int32), t(3, 2)), {})])
def linalg_lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False) -> Array:
    """X with A X = B (or X A = B, or with A^H) from what lu_factor gave of A."""
    require(pivots.dtype == jnp.int32, "linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    lapack(LU, "torch.linalg.lu_solve", "linalg.lu_solve_cpu")
    square(LU, "torch.linalg.lu_solve")
    matrix(B, "linalg.lu_solve", "B")
    require(LU.dtype == B.dtype, "linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type "
                                 f"{dtype_name(LU)} and B of type {dtype_name(B)} instead")
    require(pivots.shape[-1:] == LU.shape[-1:],
            "linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    require(pivots.shape == LU.shape[:-1], "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got "
                                           f"pivots with shape {listing(pivots.shape)} instead")
    _fits("linalg.lu_solve", LU, B, left)
    permutation = lax.linalg.lu_pivots_to_permutation(pivots - 1, LU.shape[-2])
    low, up = triangles(LU)
    rows = jax.nn.one_hot(permutation, LU.shape[-2], axis=-2, dtype=LU.dtype)
    whole = rows @ low @ up
    return _solved(turned(whole) if adjoint else whole, B, left)


@composite()
def lu_solve(t: Any, input: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """X with A X = input from what lu_factor gave of A."""
    warn_once("torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a future PyTorch release.\n"
              "Note that torch.linalg.lu_solve has its arguments reversed.\nX = torch.lu_solve(B, LU, pivots)\nshould be replaced "
              "with\nX = torch.linalg.lu_solve(LU, pivots, B)")
    return t.linalg_lu_solve(LU_data, LU_pivots, input, out=out)


@op(name="linalg_lstsq", autocast="float cpu", forms="linalg out", returns=("solution", "residuals", "rank", "singular_values"),
    differentiable=(True, True, False, False),
    samples=lambda t: [((t(4, 3), t(4, 2)), {})], into=safely("torch.linalg.lstsq", "solution"))
def linalg_lstsq(input: Array, b: Array, rcond: float | None = None, *, driver: str | None = None) -> tuple:
    """X of least norm that makes ||input X - b|| smallest.

    The drivers 'gels', 'gelsd', 'gelss' also give residuals where there are more rows than columns.  Differs from torch:
    they are given also where the rank is deficient (that depends on values).
    """
    require(input.ndim >= 2, "torch.linalg.lstsq: input must have at least 2 dimensions.")
    require(b.ndim >= 1, "torch.linalg.lstsq: other must have at least 1 dimension.")
    require(0 <= input.ndim - b.ndim <= 1, "torch.linalg.lstsq: input.dim() must be greater or equal to other.dim() and "
                                           "(input.dim() - other.dim()) <= 1")
    require(driver in (None, "gels", "gelsy", "gelsd", "gelss"),
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    if input.dtype != b.dtype:
        raise RuntimeError("torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
                           f"{dtype_name(input)} and other's dtype {dtype_name(b)}")
    require(inexact(input) and input.dtype.itemsize > 2, "This function doesn't handle types other than float and double")
    vector = b.ndim == 1 or (input.ndim - 1 == b.ndim and b.shape == input.shape[:-1])
    right = b[..., None] if vector else b
    m, n = input.shape[-2:]
    if right.shape[-2] != m:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-" + ("1" if vector else "2") + ")")
    broadcast_batch(input, right)                   # refuses what does not fit; rank and singular values are those of `input`
    from_values = rank_tolerance(input, rcond)
    x = from_values.inverse @ right
    gap = right - input @ x
    residuals = jnp.sum((gap * jnp.conj(gap)).real, axis=-2) if m > n and driver in VALUES \
        else jnp.zeros((0,), from_values.singular.dtype)
    singular = from_values.singular if driver in VALUES[1:] else jnp.zeros((0,), from_values.singular.dtype)
    rank = jnp.zeros((0,), jnp.int64) if driver == "gels" else from_values.rank
    return x[..., 0] if vector else x, residuals, rank, singular
