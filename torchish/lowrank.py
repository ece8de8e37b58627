"""The few largest singular values or eigenvalues of a matrix: svd_lowrank, pca_lowrank, lobpcg.

In: a matrix or a batch of them, how many are wanted.  Out: their factors, made of differentiable functions.
Sources: N. Halko, P.-G. Martinsson, J. Tropp, Finding structure with randomness, 2009 (algorithms 4.4 and 5.1);
https://docs.pytorch.org/docs/stable/generated/torch.lobpcg.html
"""
from __future__ import annotations

from typing import Any

from .draws import randn
from .namespace import namespace as t
from .ops.check import require
from .tensor import Tensor

__all__ = ["lobpcg", "pca_lowrank", "svd_lowrank"]


def _range(a: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that nearly span what `a` can reach with its `q` largest singular values."""
    start = randn(a.shape[-1], q, dtype=a.dtype, device=a.device)
    basis = t.linalg_qr(t.matmul(a, start))[0]
    for _ in range(niter):
        basis = t.linalg_qr(t.matmul(a.mH, basis))[0]
        basis = t.linalg_qr(t.matmul(a, basis))[0]
    return basis


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2,
                M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """U, S, V with A - M close to U diag(S) V^H and q columns, by products with random vectors.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    a = A if M is None else A - M.broadcast_to(A.shape)
    wide = a.shape[-2] < a.shape[-1]
    if wide:
        a = a.mH
    basis = _range(a, q, niter)
    u, s, vh = t.linalg_svd(t.matmul(basis.mH, a), full_matrices=False)
    u, v = t.matmul(basis, u), vh.mH
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """svd_lowrank of `A` with the mean of each column taken off: V has the principal directions as its columns.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.pca_lowrank.html
    """
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    require(0 <= q <= min(m, n), f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}", ValueError)
    require(niter >= 0, f"niter(={niter}) must be non-negative integer", ValueError)
    require(A.is_floating_point() or A.is_complex(), f"input expected to be floating point but got {A.dtype}", ValueError)
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)


def lobpcg(A: Tensor, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None,
           iK: Tensor | None = None, niter: int | None = None, tol: float | None = None, largest: bool | None = None,
           method: str | None = None, tracker: Any = None, ortho_iparams: dict | None = None,
           ortho_fparams: dict | None = None, ortho_bparams: dict | None = None) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) eigenvalues of a symmetric A, of A x = lambda B x where B is given, and their vectors.

    Differs from torch: found by a full decomposition, so exact at once; what steers the iteration (X, iK, niter, tol, method,
    tracker and the options of the orthogonalisation) changes nothing.
    """
    size = A.shape[-1]
    if k is None:
        k = 1 if X is None else X.shape[-1]
    n = k if n is None else n
    require(size >= 3 * n, f"LOBPCG algorithm is not applicable when the number of A rows (={size}) is smaller than 3 x the "
                           f"number of requested eigenpairs (={n})", ValueError)
    A = (A + A.mH) / 2      # linalg.eigh reads one triangle; here, as in torch, both count
    if B is None:
        values, vectors = t.linalg_eigh(A)
    else:
        lower = t.linalg_cholesky(B)
        half = t.linalg_solve_triangular(lower, A, upper=False)
        values, inner = t.linalg_eigh(t.linalg_solve_triangular(lower, half.mH, upper=False))
        vectors = t.linalg_solve_triangular(lower.mH, inner, upper=True)
    if largest is None or largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    return values[..., :k], vectors[..., :k]
