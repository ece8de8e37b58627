"""Pseudo-inverses, ranks and what else rests on which singular values count as zero.

In: batches of matrices, tolerances.  Out: pseudo-inverses, ranks, condition numbers.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .into import safely
from .matrix_check import hermitian, matrix, square, turned
from .precision import dtype_name, inexact
from .table import Array, ArrayLike, composite, op

__all__ = ["rank_tolerance"]


@jax.custom_jvp
def _pseudo(x: jax.Array, tolerance: tuple[jax.Array, jax.Array]) -> jax.Array:
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    kept = _counted(s, tolerance)
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    return turned(vh) @ (inverse[..., None] * turned(u))


@_pseudo.defjvp
def _pseudo_jvp(primals: tuple, tangents: tuple) -> tuple:
    """The derivative where the rank stays the same (Golub and Pereyra 1973)."""
    (a, tolerance), (da, _) = primals, tangents
    p = _pseudo(a, tolerance)
    ph, dah = turned(p), turned(da)
    left, right = jnp.eye(a.shape[-2], dtype=a.dtype) - a @ p, jnp.eye(a.shape[-1], dtype=a.dtype) - p @ a
    return p, -p @ da @ p + p @ ph @ dah @ left + right @ dah @ ph @ p


class Ranked(NamedTuple):
    """Singular values, how many of them count, and the inverse that they give."""
    singular: jax.Array
    rank: jax.Array
    inverse: jax.Array


def _tolerance(x: jax.Array, atol: Any, rtol: Any) -> tuple[jax.Array, jax.Array]:
    """The absolute and the relative tolerance in force for the singular values of `x`."""
    if rtol is None:
        rtol = max(x.shape[-2:]) * float(jnp.finfo(x.dtype).eps)
        if atol is not None:
            rtol = jnp.where(jnp.asarray(atol) > 0, 0.0, rtol)
    return jnp.asarray(0.0 if atol is None else atol), jnp.asarray(rtol)


def _need_real(name: str, **tolerances: Any) -> None:
    for label, x in tolerances.items():
        if x is not None and jnp.iscomplexobj(x):
            raise RuntimeError(f"torch.{name}: {label} tensor of complex type is not supported. Got {dtype_name(jnp.asarray(x))}")


def _counted(singular: jax.Array, tolerance: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Which singular values exceed max(atol, rtol * the largest); the others count as zero."""
    absolute, relative = tolerance
    largest = singular.max(-1) if singular.shape[-1] else jnp.zeros(singular.shape[:-1], singular.dtype)
    return singular > jnp.maximum(absolute, relative * largest).astype(singular.dtype)[..., None]


def rank_tolerance(x: jax.Array, rtol: float | None) -> Ranked:
    """The pseudo-inverse of `x` and what it rests on."""
    singular = jax.lax.stop_gradient(jnp.linalg.svd(x, compute_uv=False))
    tolerance = _tolerance(x, None, rtol)
    return Ranked(singular, jnp.sum(_counted(singular, tolerance), axis=-1, dtype=jnp.int64), _pseudo(x, tolerance))


@op(name="linalg_pinv", forms="linalg private out", rule="LinalgPinvBackward0", samples=lambda t: [((t(4, 3),), {})],
    into=safely("linalg.pinv"))
def linalg_pinv(input: Array, rcond: ArrayLike | None = None, hermitian: bool = False, *, atol: ArrayLike | None = None,
                rtol: ArrayLike | None = None) -> Array:
    """The pseudo-inverse; singular values up to max(atol, rtol * the largest) count as zero."""
    if input.ndim < 2 or not inexact(input) or input.dtype.itemsize == 2:
        raise RuntimeError(f"linalg.pinv({dtype_name(input)}{{{list(input.shape)}}}): expected a tensor with 2 or "
                           "more dimensions of float, double, cfloat or cdouble types")
    _need_real("linalg.pinv", rcond=rcond, atol=atol, rtol=rtol)
    if hermitian:
        square(input, "linalg.eigh")
    return _pseudo(_whole(input) if hermitian else input, _tolerance(input, atol, rcond if rtol is None else rtol))


@jax.custom_jvp
def _whole(x: jax.Array) -> jax.Array:
    """The Hermitian matrix of the lower triangle; what is imaginary on its diagonal does not count."""
    whole = hermitian(x, True)
    return (whole + turned(whole)) / 2 if jnp.iscomplexobj(x) else whole


@_whole.defjvp
def _whole_jvp(primals: tuple, tangents: tuple) -> tuple:
    """The gradient of a pseudo-inverse is that of a general matrix, as torch's is."""
    return _whole(*primals), tangents[0]


@composite()
def pinverse(t: Any, input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse (torch.linalg.pinv)."""
    return t.linalg_pinv(input, rcond)


@op(name="linalg_matrix_rank", autocast="float cpu", forms="linalg private out", differentiable=False,
    samples=lambda t: [((t(4, 3),), {})], into=safely("torch.linalg.matrix_rank"))
def linalg_matrix_rank(input: Array, tol: ArrayLike | None = None, hermitian: bool = False, *, atol: ArrayLike | None = None,
                       rtol: ArrayLike | None = None) -> Array:
    """How many singular values exceed max(atol, rtol * the largest); int64."""
    matrix(input, "torch.linalg.matrix_rank", "input")
    if not inexact(input) or input.dtype.itemsize == 2:
        raise RuntimeError("This function doesn't handle types other than float and double")
    _need_real("linalg.matrix_rank", atol=tol if atol is None else atol, rtol=rtol)
    if hermitian:
        square(input, "linalg.eigh")
    singular = jnp.linalg.svd(_whole(input) if hermitian else input, compute_uv=False)
    tolerance = _tolerance(input, tol if atol is None else atol, 0.0 if tol is not None and rtol is None else rtol)
    return jnp.sum(_counted(singular, tolerance), axis=-1, dtype=jnp.int64)
