"""Factorisations: cholesky, qr, svd, eigh, eig, lu.

In: batches of matrices.  Out: their factors.  LAPACK (or the accelerator's own) does the work; the derivatives are JAX's
where they are torch's, and written here where JAX has none.
Differs from torch: a matrix that cannot be factored gives NaN where it is large or still to be computed; torch raises LinAlgError.
"""
from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..errors import LinAlgError
from ..returned import named
from ..warned import warn_once
from .check import listing, require
from .into import EXACT, safely
from .matrix_check import hermitian, lapack, matrix, need_kernel, own_matrix, square, turned
from .precision import dtype_name, inexact, unlike
from .singular import refuse_indefinite, refuse_nonfinite, refuse_singular
from .table import Array, composite, op

ZERO_IN_U = ("torch.linalg.{name}: {at}U[{k},{k}] is zero and using it on lu_solve would result in a division by zero. If you "
             "still want to perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")
QR_IS_OLD = ("torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future PyTorch release.\nThe boolean "
             "parameter 'some' has been replaced with a string parameter 'mode'.\nQ, R = torch.qr(A, some)\nshould be replaced "
             "with\nQ, R = torch.linalg.qr(A, 'reduced' if some else 'complete')")
LU_IS_OLD = ("torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be removed in a "
             "future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\nshould be replaced with\nLU, pivots = "
             "torch.linalg.lu_factor(A, compute_pivots)\nand\nLU, pivots, info = torch.lu(A, compute_pivots, get_infos=True)\n"
             "should be replaced with\nLU, pivots, info = torch.linalg.lu_factor_ex(A, compute_pivots)")
QR = named("qr", ("Q", "R"))
SVD = named("svd", ("U", "S", "V"))


NOT_CONVERGED = "linalg.svd: {at}The algorithm failed to converge because the input matrix contained non-finite values."
NOT_FINITE = "torch.linalg.eig: input tensor should not contain infs or NaNs."


def spd(t: Any, n: int = 3) -> Any:
    """A well-conditioned symmetric sample."""
    a = t(n, n)
    return a @ a.T + n * np.eye(n, dtype=a.dtype)


def failed(x: jax.Array) -> jax.Array:
    """1 for each matrix of the batch that holds a NaN, else 0; int32: LAPACK's info as far as it is known."""
    return jnp.any(jnp.isnan(x), axis=(-2, -1)).astype(jnp.int32)


def _failing_minors(x: jax.Array, factor: jax.Array, from_lower: bool) -> jax.Array:
    """For each matrix 0, or the order of its first leading minor that is not positive definite; int32, as LAPACK's info.

    Eliminated once more, without square roots, and only where the factor of one is not a number.
    """
    x, wrong = hermitian(lax.stop_gradient(x), from_lower), failed(factor) > 0

    def step(k: jax.Array, state: tuple) -> tuple:
        rest, order = state
        pivot, column = rest[..., k, k].real, rest[..., k]
        rest -= column[..., :, None] * jnp.conj(column[..., None, :]) / jnp.where(pivot == 0, 1, pivot)[..., None, None]
        return rest, jnp.where((order == 0) & ~(pivot > 0), k + 1, order).astype(jnp.int32)

    def orders() -> jax.Array:
        found = lax.fori_loop(0, x.shape[-1], step, (x, jnp.zeros(wrong.shape, jnp.int32)))[1]
        return jnp.where(wrong, jnp.maximum(found, 1), 0)
    none = jnp.zeros(wrong.shape, jnp.int32)
    return lax.cond(wrong.any(), orders, lambda: none) if x.size else none


def _cholesky(x: jax.Array, upper: bool) -> jax.Array:
    square(x, "linalg.cholesky")
    lapack(x, "linalg.cholesky", "cholesky_cpu")
    factor = _factor_of(x, not upper)
    return turned(factor) if upper else factor


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _factor_of(x: jax.Array, from_lower: bool) -> jax.Array:
    """The lower factor of the Hermitian matrix of one triangle of `x`."""
    return lax.linalg.cholesky(hermitian(x, from_lower), symmetrize_input=False)


@_factor_of.defjvp
def _factor_of_jvp(from_lower: bool, primals: tuple, tangents: tuple) -> tuple:
    """L psi(L^-1 dA L^-H), psi being half of the lower triangle and of that of the conjugate transpose without its diagonal.

    For Hermitian dA this is the derivative (Murray 2016); its transpose is the gradient that torch gives for complex matrices, too.
    """
    low = _factor_of(*primals, from_lower)
    half = lax.linalg.triangular_solve(low, tangents[0], left_side=True, lower=True)
    both = lax.linalg.triangular_solve(low, half, left_side=False, lower=True, transpose_a=True, conjugate_a=True)
    return low, low @ (jnp.tril(both) + jnp.tril(turned(both), -1)) / 2


@op(name="linalg_cholesky", autocast="float cpu", strides="columns", forms="linalg private out", rule="LinalgCholeskyExBackward0",
    look=refuse_indefinite("linalg.cholesky"), looks="matrix",
    samples=lambda t: [((spd(t),), {}), ((spd(t),), {"upper": True})])
def linalg_cholesky(input: Array, *, upper: bool = False) -> Array:
    """L with input = L L^H, lower triangular (or U with U^H U); NaN where input is not positive definite."""
    return _cholesky(input, upper)


@op(name="linalg_cholesky_ex", autocast="float cpu", strides=("columns", None), forms="linalg out", returns=("L", "info"),
    look=refuse_indefinite("linalg.cholesky_ex", if_asked=True), looks="matrix",
    samples=lambda t: [((spd(t),), {})])
def linalg_cholesky_ex(input: Array, *, upper: bool = False, check_errors: bool = False) -> tuple[Array, Array]:
    """The Cholesky factor, and for each matrix 0, or the order of its first leading minor that is not positive definite."""
    factor = _cholesky(input, upper)
    return factor, _failing_minors(input, lax.stop_gradient(factor), not upper)


@op(autocast="float cpu", strides="columns", look=refuse_indefinite("cholesky"), looks="matrix",
    samples=lambda t: [((spd(t),), {})], into=safely("cholesky"))
def cholesky(input: Array, upper: bool = False) -> Array:
    """The Cholesky factor (torch.linalg.cholesky under its old name)."""
    return _cholesky(input, upper)


def _qr_parts(x: jax.Array, full: bool) -> tuple[jax.Array, jax.Array]:
    m, n = x.shape[-2:]
    if m >= n or full:
        return tuple(lax.linalg.qr(x, full_matrices=full))
    # wide: the first m columns are factored, the others follow; so it has a derivative
    q, r = lax.linalg.qr(x[..., :m], full_matrices=False)
    return q, jnp.concatenate([r, turned(q) @ x[..., m:]], axis=-1)


def _no_derivative(attributes: dict, shapes: list) -> str | None:
    if attributes["mode"] == "r":
        return ("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
                "mode='reduced') if you are going to differentiate through linalg.qr.")
    if attributes["mode"] == "complete" and shapes[1][-2] > shapes[1][-1]:
        return "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
    return None


@op(name="linalg_qr", autocast="float cpu", strides=("columns", "columns"), forms="linalg private out", returns=("Q", "R"),
    underived=_no_derivative, samples=lambda t: [((t(4, 3),), {}), ((t(3, 3),), {"mode": "complete"})])
def linalg_qr(A: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """Q with orthonormal columns and upper triangular R, A = Q R; mode 'complete' has a square Q, 'r' an empty one."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           f"'complete'")
    matrix(A, "linalg.qr")
    lapack(A, "linalg.qr", "geqrf_cpu")
    q, r = _qr_parts(A, mode == "complete" and A.shape[-2] != A.shape[-1])
    return (jnp.zeros((0,), A.dtype), r) if mode == "r" else (q, r)


@composite()
def qr(t: Any, input: Any, some: bool = True, *, out: Any = None) -> Any:
    """Q and R (torch.linalg.qr under its old name)."""
    warn_once(QR_IS_OLD)
    found = QR(*t.linalg_qr(input, "reduced" if some else "complete"))
    return found if out is None else t.Tensor._store(out, found, "linalg_qr")


@jax.custom_jvp
def _full_svd(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    return tuple(lax.linalg.svd(x, full_matrices=True))


@_full_svd.defjvp
def _full_svd_jvp(primals: tuple, tangents: tuple) -> tuple:
    """The derivative of the reduced factors; what completes them to square ones has none."""
    full = _full_svd(*primals)
    (_, ds, _), (du, dsv, dvh) = jax.jvp(lambda x: tuple(lax.linalg.svd(x, full_matrices=False)), primals, tangents)
    k = ds.shape[-1]
    return full, (jnp.zeros_like(full[0]).at[..., :k].set(du), dsv, jnp.zeros_like(full[2]).at[..., :k, :].set(dvh))


def _no_driver(driver: str | None) -> None:
    require(driver is None, "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.")


@op(name="linalg_svd", autocast="float cpu", strides=("columns", None, "columns"), forms="linalg private out",
    returns=("U", "S", "Vh"), look=refuse_nonfinite(NOT_CONVERGED, LinAlgError), looks="matrix",
    samples=lambda t: [((t(4, 3), False), {})])
def linalg_svd(A: Array, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Array, Array, Array]:
    """U, the singular values in falling order, V^H: A = U diag(S) V^H."""
    matrix(A, "linalg.svd")
    lapack(A, "linalg.svd", "linalg_svd_cpu")
    _no_driver(driver)
    if full_matrices and A.shape[-1] != A.shape[-2]:
        return _full_svd(A)
    return tuple(lax.linalg.svd(A, full_matrices=False))


@op(name="linalg_svdvals", autocast="float cpu", forms="linalg private out", rule="LinalgSvdBackward0",
    look=refuse_nonfinite(NOT_CONVERGED, LinAlgError), looks="matrix",
    samples=lambda t: [((t(4, 3),), {})])
def linalg_svdvals(A: Array, *, driver: str | None = None) -> Array:
    """The singular values in falling order."""
    matrix(A, "linalg.svd")
    lapack(A, "linalg.svd", "linalg_svd_cpu")
    _no_driver(driver)
    return lax.linalg.svd(A, full_matrices=False, compute_uv=False)


@composite(forms="function method out", into=EXACT)
def svd(t: Any, input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V (not its transpose): input = U diag(S) V^H."""
    if not compute_uv:
        u, v = (input.new_zeros((*input.shape[:-2], n, n)) for n in input.shape[-2:])
        return SVD(u, t.linalg_svdvals(input), v)
    u, s, vh = t.linalg_svd(input, not some)
    return SVD(u, s, vh.mH)


def _eigh_input(x: jax.Array) -> None:
    square(x, "linalg.eigh")
    need_kernel("linalg_eigh_cpu", x)


def _lower(UPLO: str) -> bool:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper() == "L"


@op(name="linalg_eigh", autocast="float cpu", strides=(None, "columns"), forms="linalg private out",
    returns=("eigenvalues", "eigenvectors"),
    samples=lambda t: [((spd(t),), {})])
def linalg_eigh(input: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """Eigenvalues in rising order and orthonormal eigenvectors of a Hermitian matrix, of which one triangle is read."""
    _eigh_input(input)
    vectors, values = lax.linalg.eigh(hermitian(input, _lower(UPLO)), symmetrize_input=False)
    return values.real.astype(jnp.finfo(input.dtype).dtype), vectors


@op(name="linalg_eigvalsh", autocast="float cpu", forms="linalg out", rule="LinalgEighBackward0",
    samples=lambda t: [((spd(t),), {})])
def linalg_eigvalsh(input: Array, UPLO: str = "L") -> Array:
    """The eigenvalues of a Hermitian matrix in rising order."""
    return linalg_eigh(input, UPLO)[0]


@jax.custom_jvp
def _eig(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, vectors = lax.linalg.eig(x, compute_left_eigenvectors=False)
    return values, vectors


@_eig.defjvp
def _eig_jvp(primals: tuple, tangents: tuple) -> tuple:
    values, vectors = _eig(*primals)
    dx = tangents[0].astype(values.dtype)
    moved = jnp.linalg.solve(vectors, dx @ vectors)
    gaps = values[..., None, :] - values[..., :, None]
    eye = jnp.eye(values.shape[-1], dtype=bool)
    turn = jnp.where(eye, 0, moved / jnp.where(eye, 1, gaps))
    dv = vectors @ turn
    # eigenvectors keep their length 1
    along = jnp.sum(jnp.conj(vectors) * dv, axis=-2, keepdims=True).real
    return (values, vectors), (jnp.diagonal(moved, axis1=-2, axis2=-1), dv - vectors * along)


def _eig_input(x: jax.Array, name: str) -> None:
    square(x, name)
    if not inexact(x):
        raise RuntimeError(f"Unknown Complex ScalarType for {dtype_name(x)}")
    if x.dtype.itemsize == 2:
        raise unlike("linalg_eig_out_cpu", x)


@op(name="linalg_eig", autocast="float cpu", strides=(None, "columns"), forms="linalg private out",
    returns=("eigenvalues", "eigenvectors"), look=refuse_nonfinite(NOT_FINITE, RuntimeError), looks="matrix",
    samples=lambda t: [((t(3, 3),), {})], into=safely("torch.linalg.eig", "eigenvalues"))
def linalg_eig(input: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of length 1, complex. On the CPU only."""
    _eig_input(input, "linalg.eig")
    return _eig(input)


@op(name="linalg_eigvals", autocast="float cpu", forms="linalg out", rule="LinalgEigBackward0",
    samples=lambda t: [((t(3, 3),), {})], into=safely("torch.linalg.eigvals", "eigenvalues"))
def linalg_eigvals(input: Array) -> Array:
    """The eigenvalues, complex. On the CPU only."""
    _eig_input(input, "linalg.eigvals")
    return _eig(input)[0]


def _lu_input(x: jax.Array, name: str) -> None:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(x.shape)} instead")
    need_kernel("lu_cpu", x)


def _permuted_eye(permutation: jax.Array, dtype: jnp.dtype) -> jax.Array:
    return jax.nn.one_hot(permutation, permutation.shape[-1], axis=-2, dtype=dtype)


def triangles(lu: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The unit lower and the upper triangular factor that are kept in one matrix."""
    m, n = lu.shape[-2:]
    k = min(m, n)
    return jnp.tril(lu[..., :k], -1) + jnp.eye(m, k, dtype=lu.dtype), jnp.triu(lu[..., :k, :])


@op(name="linalg_lu", forms="linalg private out", returns=("P", "L", "U"), differentiable=(False, True, True))
def linalg_lu(A: Array, *, pivot: bool = True) -> tuple[Array, Array, Array]:
    """A permutation, a unit lower and an upper triangular factor: A = P L U."""
    _lu_input(A, "linalg.lu")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    packed, _, permutation = lax.linalg.lu(A)
    return _permuted_eye(permutation, A.dtype), *triangles(packed)


def _lu_factor(x: jax.Array, pivot: bool) -> tuple[jax.Array, jax.Array]:
    _lu_input(x, "torch.lu_factor")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    packed, pivots, _ = lax.linalg.lu(x)
    return packed, pivots.astype(jnp.int32) + 1


def first_zero(packed: jax.Array) -> jax.Array:
    """LAPACK's info of packed factors: the place (from 1) of the first zero on the diagonal of U, 0 if there is none; int32."""
    zero = jnp.diagonal(packed, axis1=-2, axis2=-1) == 0
    return jnp.where(zero.any(-1), zero.argmax(-1) + 1 if zero.shape[-1] else 0, 0).astype(jnp.int32)


@op(name="linalg_lu_factor", strides=("columns", None), forms="linalg private out",
    returns=("LU", "pivots"), rule="LinalgLuFactorExBackward0",
    look=refuse_singular(ZERO_IN_U.replace("{name}", "lu_factor"), RuntimeError), looks="matrix")
def linalg_lu_factor(A: Array, *, pivot: bool = True) -> tuple[Array, Array]:
    """L and U in one matrix, and the rows exchanged, counted from 1 (int32)."""
    return _lu_factor(A, pivot)


@op(name="linalg_lu_factor_ex", strides=("columns", None, None), forms="linalg private out",
    returns=("LU", "pivots", "info"), rule="LinalgLuFactorExBackward0",
    look=refuse_singular(ZERO_IN_U.replace("{name}", "lu_factor_ex"), RuntimeError, if_asked=True), looks="matrix")
def linalg_lu_factor_ex(A: Array, *, pivot: bool = True, check_errors: bool = False) -> tuple:
    """lu_factor, and for each matrix 0 or the place (from 1) of the first zero on the diagonal of U."""
    packed, pivots = _lu_factor(A, pivot)
    return packed, pivots, first_zero(packed)


@composite()
def lu(t: Any, input: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """L and U in one matrix, and the rows exchanged; with `get_infos` also the info of lu_factor_ex."""
    warn_once(LU_IS_OLD)
    found = t.linalg_lu_factor_ex(input, pivot=pivot)
    given = () if out is None else tuple(out)
    n = 2 + get_infos
    require(out is None or len(given) == n, f"expected tuple of {n} elements but got {len(given)}", TypeError)
    found = found if get_infos else found[:2]
    return found if out is None else type(out)([o.resize_as_(x).copy_(x) for o, x in zip(given, found, strict=True)])


@op(forms="function out", returns=("P", "L", "U"), differentiable=(False, True, True),
    samples=lambda t: [((t(3, 3), np.array([2, 3, 3], np.int32)), {})])
def lu_unpack(LU_data: Array, LU_pivots: Array, unpack_data: bool = True, unpack_pivots: bool = True) -> tuple:
    """P, L and U of what lu_factor gave."""
    if LU_pivots.dtype != jnp.int32:
        raise RuntimeError("torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype. Note: this "
                           "function is intended to be used with the output produced by torch.linalg.lu_factor")
    require(LU_data.ndim > 1,
            f"torch.lu_unpack: Expected tensor with 2 or more dimensions. Got size: {listing(LU_data.shape)} instead")
    m = LU_data.shape[-2]
    permutation = lax.linalg.lu_pivots_to_permutation(LU_pivots - 1, m)
    empty = jnp.zeros((0,), LU_data.dtype)
    return (_permuted_eye(permutation, LU_data.dtype) if unpack_pivots else empty,
            *(triangles(LU_data) if unpack_data else (empty, empty)))


@jax.custom_jvp
def _reflected(vectors: jax.Array, tau: jax.Array) -> jax.Array:
    return lax.linalg.householder_product(vectors, tau)


@_reflected.defjvp
def _reflected_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    """LAPACK's product has no derivative: that of the reflections, applied one after another."""
    def product(vectors: jax.Array, tau: jax.Array) -> jax.Array:
        m, n = vectors.shape[-2:]
        out = jnp.broadcast_to(jnp.eye(m, n, dtype=vectors.dtype), vectors.shape)
        for k in reversed(range(tau.shape[-1])):
            below = jnp.where(jnp.arange(m) > k, vectors[..., k], 0)
            v = jnp.where(jnp.arange(m) == k, 1, below)[..., None]
            out = out - tau[..., k, None, None] * (v @ (turned(v) @ out))
        return out
    return _reflected(*primals), jax.jvp(product, primals, tangents)[1]


@op(name="linalg_householder_product", autocast="float cpu", strides="columns", forms="linalg private out",
    samples=lambda t: [((t(4, 3), t(3)), {})], into=safely("torch.linalg.householder_product"))
def linalg_householder_product(input: Array, tau: Array) -> Array:
    """The first n columns of the product of the Householder reflections kept in the columns of `input`."""
    name = "torch.linalg.householder_product"
    own_matrix(input, name)
    m, n = input.shape[-2:]
    require(m >= n, f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    require(n >= tau.shape[-1], f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    require(input.ndim - tau.ndim == 1, f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to "
                                        f"{tau.ndim} and input.ndim is equal to {input.ndim}")
    require(tau.shape[:-1] == input.shape[:-2], f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but "
                                                f"got {listing(tau.shape[:-1])}")
    require(tau.dtype == input.dtype, f"{name}: tau dtype {dtype_name(tau)} does not match input dtype {dtype_name(input)}")
    need_kernel("orgqr_cpu", input)
    return _reflected(input, tau)


@composite()
def orgqr(t: Any, input: Any, input2: Any, *, out: Any = None) -> Any:
    """linalg.householder_product under its LAPACK name."""
    return t.linalg_householder_product(input, input2, out=out)
