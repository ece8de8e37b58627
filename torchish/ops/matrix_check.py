"""Checks that the matrix ops share: at least two dimensions, square, a dtype that LAPACK has.

In: jax arrays.  Out: nothing, or torch's error; small helpers for the last two dimensions.
"""
from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from ..dtypes import from_numpy
from .check import broadcast_shapes
from .precision import dtype_name, expect_inexact, inexact, unlike

__all__ = ["broadcast_batch", "hermitian", "lapack", "matrix", "need_kernel", "own_matrix", "real_of", "square", "turned"]


def matrix(x: jax.Array, name: str, letter: str = "A") -> None:
    """RuntimeError unless `x` has at least two dimensions."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def own_matrix(x: jax.Array, name: str) -> None:
    """matrix, in the words of the older functions."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")


def square(x: jax.Array, name: str) -> None:
    """RuntimeError unless `x` is a batch of square matrices."""
    matrix(x, name)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} "
                           f"matrices")


def lapack(x: jax.Array, name: str, kernel: str | None = None) -> None:
    """RuntimeError unless `x` is float32, float64 or complex; with `kernel` halves raise as that kernel does."""
    expect_inexact(name, from_numpy(x.dtype))
    if kernel is not None:
        need_kernel(kernel, x)
    elif x.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {dtype_name(x)}")


def need_kernel(kernel: str, x: jax.Array) -> None:
    """NotImplementedError, as torch's `kernel` raises it, unless `x` is float32, float64 or complex."""
    if not inexact(x) or x.dtype.itemsize == 2:
        raise unlike(kernel, x)


def turned(x: jax.Array) -> jax.Array:
    """The conjugate transpose of the last two dimensions."""
    x = jnp.swapaxes(x, -1, -2)
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def broadcast_batch(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both with the same leading dimensions."""
    lead = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return jnp.broadcast_to(a, (*lead, *a.shape[-2:])), jnp.broadcast_to(b, (*lead, *b.shape[-2:]))


def real_of(dtype: jnp.dtype) -> jnp.dtype:
    """The real dtype of the same precision."""
    return jnp.finfo(dtype).dtype


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def hermitian(x: jax.Array, lower: bool) -> jax.Array:
    """The Hermitian matrix of one triangle of `x`; the gradient goes to both triangles alike, as torch's does."""
    kept = jnp.tril(x) if lower else jnp.triu(x)
    rest = turned(jnp.tril(x, -1) if lower else jnp.triu(x, 1))
    return kept + rest


@hermitian.defjvp
def _hermitian_jvp(lower: bool, primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return hermitian(x, lower), (dx + turned(dx)) / 2
