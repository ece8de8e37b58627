"""torch.linalg's norms and small functions of matrices: norm, matrix_norm, cond, vecdot, powers, exponentials.

In: batches of matrices.  Out: numbers and matrices.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import expm

from ..dtypes import c_name, from_numpy
from .check import listing, prod, require, wrap_dim
from .into import EXACT, Into, safely
from .linalg_factor import spd
from .linalg_solve import NO_INVERSE
from .matrix_check import lapack, square
from .precision import dtype_name, expect_inexact, inexact
from .singular import refuse_singular
from .table import Array, Number, cast, composite, op
from .turns import scan
from .vector_norm import check_dtype, two, vector_norm

SINGULAR, SUMS = ("nuc", 2, -2), (1, -1, math.inf, -math.inf)


@composite(name="matrix_norm", forms="linalg private")
def matrix_norm(t: Any, input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None,
                out: Any = None) -> Any:
    """A norm of matrices: 'fro', 'nuc', 1, -1, 2, -2, inf or -inf."""
    if input.dim() < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    check_dtype("linalg.matrix_norm", input.dtype, dtype)
    if isinstance(ord, str) and ord not in ("fro", "nuc") or not isinstance(ord, str) and abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    rows, columns = (wrap_dim(d, input.dim()) for d in two(dim))
    require(rows != columns, f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    x = input if dtype is None else input.to(dtype)
    if ord == "fro":
        result = t.vector_norm(x, 2, (rows, columns), keepdim)
    elif ord in SINGULAR:
        result = _of_singular_values(t, x, ord, rows, columns, keepdim)
    else:
        summed, kept = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = x.abs().sum(summed, keepdim=keepdim)
        kept = kept - 1 if kept > summed and not keepdim else kept
        result = _extreme(sums, ord > 0, kept, keepdim)
    return result if out is None else out._store(
        result, "linalg_matrix_norm", into=Into("linalg.matrix_norm expected out tensor dtype {want} but got: {got}"))


def _extreme(x: Any, largest: bool, dim: int, keepdim: bool = False) -> Any:
    """The largest or the smallest along `dim`; the largest of none is 0."""
    if largest and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim)
    return (x.amax if largest else x.amin)(dim, keepdim=keepdim)


def _of_singular_values(t: Any, x: Any, ord: Any, rows: int, columns: int, keepdim: bool) -> Any:
    values = t.linalg_svdvals(x.movedim((rows, columns), (-2, -1)))
    result = values.sum(-1) if ord == "nuc" else _extreme(values, ord > 0, -1)
    if keepdim:
        for d in sorted((rows, columns)):
            result = result.unsqueeze(d)
    return result


@composite(name="linalg_norm", forms="linalg private", into=Into("linalg.norm expected out tensor dtype {want} but got: {got}"))
def linalg_norm(t: Any, input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
                out: Any = None) -> Any:
    """A vector norm (one dim, or no ord), or a matrix norm (two dims, or a 2-D input with an ord)."""
    dims = (dim,) if isinstance(dim, int) else dim
    require(dims is None or len(dims) in (1, 2), f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
                                                 f"{listing(dims or ())}")
    if ord is not None and dim is None:
        require(input.dim() in (1, 2), "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                                       f"{input.dim()}D.")
    matrix = ord is not None and (isinstance(ord, str) or (len(dim) == 2 if isinstance(dim, (tuple, list)) else
                                                           dim is None and input.dim() == 2))
    if matrix:
        return t.matrix_norm(input, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    result = t.vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    return result if out is None else out._store(result, "linalg_norm")


@composite(name="linalg_cond", forms="linalg", into=safely("linalg.cond"))
def linalg_cond(t: Any, input: Any, p: Any = None, *, out: Any = None) -> Any:
    """The condition number: ||A|| ||A^-1|| in the norm `p` (None: 2)."""
    if input.dim() < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is not None and p not in ("fro", *SINGULAR, *SUMS):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p not in (None, 2, -2):
        square(input, f"linalg.cond(ord={p})")
    if not input.numel():
        result = input.new_zeros(input.shape[:-2]).abs()
    elif p in (None, 2, -2):
        values = t.linalg_svdvals(input)
        result = values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    elif p == "nuc":
        values = t.linalg_svdvals(input)
        result = values.sum(-1) * values.reciprocal().sum(-1)
    else:
        inverse, info = t.linalg_inv_ex(input)
        # a singular matrix has no inverse
        result = t.where(info == 0, t.matrix_norm(input, p) * t.matrix_norm(inverse, p), math.inf)
    return result if out is None else out._store(result, "linalg_cond")


@composite(name="linalg_vecdot", forms="linalg", into=Into("linalg.vecdot: Expected out of dtype{want} but found {got}"))
def linalg_vecdot(t: Any, x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Sum of conj(x) * y along `dim`."""
    expect_inexact("linalg.vecdot", x.dtype)
    require(x.dtype is y.dtype, "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
                                f"{c_name(x.dtype)} and y of type {c_name(y.dtype)} instead")
    result = ((x.conj() if x.is_complex() else x) * y).sum(dim)
    return result if out is None else out._store(result, "linalg_vecdot")


@composite(name="linalg_matmul", forms="linalg")
def linalg_matmul(t: Any, input: Any, other: Any, *, out: Any = None) -> Any:
    """torch.matmul."""
    return t.matmul(input, other, out=out)


@composite(name="linalg_diagonal", forms="linalg")
def linalg_diagonal(t: Any, A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """torch.diagonal of the last two dimensions."""
    return t.diagonal(A, offset, dim1, dim2)


@op(name="linalg_matrix_exp", forms="linalg private out", samples=lambda t: [((t(3, 3),), {})])
def linalg_matrix_exp(input: Array) -> Array:
    """The exponential of each matrix, by scaling and squaring (Higham 2005)."""
    square(input, "linalg.matrix_exp")
    expect_inexact("linalg.matrix_exp", from_numpy(input.dtype))
    wide = input.astype(jnp.float32) if input.dtype.itemsize == 2 else input        # the solver takes no halves
    return _exponential(wide).astype(input.dtype) if prod(input.shape) else input


MOST_SQUARINGS = 64


@functools.partial(jnp.vectorize, signature="(n,n)->(n,n)")
def _exponential(a: Array) -> Array:
    """The exponential of one matrix.

    JAX's rounds the number of halvings down, so that its Pade approximant may meet a norm up to twice what it is good for; here the
    matrix is halved until it is within.
    """
    reach = 5.371920351148152 if a.dtype in (jnp.float64, jnp.complex128) else 3.925724783138660      # Higham's theta 13 and 7
    norm = lax.stop_gradient(jnp.abs(a).sum(0).max())
    halvings = jnp.maximum(0, jnp.ceil(jnp.log2(norm / reach)))
    result = expm(a / (2 ** halvings).astype(a.dtype), max_squarings=1)
    return scan(lambda r, k: (lax.cond(k < halvings, lambda r: jnp.matmul(r, r, precision="highest"), lambda r: r, r), None),
                result, jnp.arange(MOST_SQUARINGS))[0]


@composite()
def matrix_exp(t: Any, input: Any) -> Any:
    """The exponential of each matrix (torch.linalg.matrix_exp)."""
    return t.linalg_matrix_exp(input)


def _look_at_inverted(x: Any, n: Any) -> None:
    """Of a matrix whose inverse is taken no pivot may be 0."""
    if isinstance(n, int) and n < 0:
        refuse_singular(NO_INVERSE.replace("{name}", "inv"))(x)


@op(name="linalg_matrix_power", autocast="low", forms="linalg private out", rule="MmBackward0",
    look=_look_at_inverted, looks="matrix", samples=lambda t: [((spd(t), 3), {})], into=safely("matrix_power"))
def linalg_matrix_power(input: Array, n: int) -> Array:
    """The n-th power of each matrix; of its inverse for a negative n."""
    square(input, "linalg.matrix_power")
    if not hasattr(n, "__index__"):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    if n < 0:
        lapack(input, "linalg.inv")
    return jnp.linalg.matrix_power(input, n)


@composite()
def matrix_power(t: Any, input: Any, n: int, *, out: Any = None) -> Any:
    """The n-th power of each matrix (torch.linalg.matrix_power)."""
    return t.linalg_matrix_power(input, n, out=out)


@op(name="linalg_vander", forms="linalg", rule="CatBackward0", samples=lambda t: [((t(4),), {}), ((t(4),), {"N": 3})])
def linalg_vander(x: Array, *, N: int | None = None) -> Array:
    """The matrix of powers x ** 0, x ** 1, ... along a new last dimension of size N."""
    require(x.dtype not in (jnp.bool_, jnp.bfloat16, jnp.float16),
            f"linalg.vander supports floating point, complex, and integer tensors, but got {dtype_name(x)}")
    n = (x.shape[-1] if x.ndim else 1) if N is None else N
    require(n > 1, "N must be greater than 1.")
    x = x.reshape(x.shape or (1,))
    x = x if inexact(x) else x.astype(jnp.int64)
    columns = [jnp.ones_like(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return jnp.stack(columns, axis=-1)


@op(name="linalg_tensorinv", autocast="float cpu", forms="linalg out", rule="ReshapeAliasBackward0",
    samples=lambda t: [((spd(t, 4).reshape(4, 2, 2),), {"ind": 1})], into=safely("tensorinv"))
def linalg_tensorinv(input: Array, ind: int = 2) -> Array:
    """The inverse of the linear map of tensordot(input, ., input.ndim - ind)."""
    require(ind > 0, f"Expected a strictly positive integer for 'ind', but got {ind}")
    head, tail = input.shape[:ind], input.shape[ind:]
    require(prod(head) == prod(tail), f"Expected self to satisfy the requirement prod(self.shape[ind:]) == "
                                      f"prod(self.shape[:ind]), but got {prod(tail)} != {prod(head)}")
    lapack(input, "linalg.inv")
    return jnp.linalg.inv(input.reshape(prod(head), prod(tail))).reshape(*tail, *head)


@op(name="linalg_tensorsolve", autocast="float cpu", forms="linalg out", rule="ViewBackward0",
    samples=lambda t: [((spd(t, 4).reshape(2, 2, 4), t(2, 2)), {})], into=safely("tensorsolve"))
def linalg_tensorsolve(input: Array, other: Array, dims: tuple | None = None) -> Array:
    """X with tensordot(input, X, X.ndim) = other."""
    x = input
    if dims is not None:
        order = [wrap_dim(d, x.ndim) for d in dims]
        x = jnp.moveaxis(x, order, range(x.ndim - len(order), x.ndim))
    shape = x.shape[other.ndim:]
    require(prod(shape) == prod(x.shape[:other.ndim]) == prod(other.shape), "Expected self to satisfy the requirement "
                                                       "prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
                                                       f"got {prod(shape)} != {prod(other.shape)}")
    lapack(x, "linalg.solve", "lu_cpu")
    return jnp.linalg.solve(x.reshape(-1, prod(shape)), other.reshape(-1)).reshape(shape)


@composite(forms="function")
def vander(t: Any, x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix of powers of a vector, the highest first unless `increasing`."""
    require(x.dim() == 1, "x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    require(n >= 0, "N must be non-negative.")
    exponents = t.arange(n, device=x.device) if increasing else t.arange(n - 1, -1, -1, device=x.device)
    powers = x.unsqueeze(1) if x.is_floating_point() or x.is_complex() else x.long().unsqueeze(1)
    return powers ** exponents


@op(autocast="float cuda", strides=None, promote="arith", inplace=True, into=EXACT, samples=lambda t: [((t(3, 4), 2, 0, 1.0), {})])
def renorm(input: Array, p: float, dim: int, maxnorm: Number) -> Array:
    """Slices of dimension `dim` whose p-norm exceeds `maxnorm`, scaled down to it."""
    require(input.ndim > 1, f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    require(p > 0, "renorm: non-positive-norm not supported")
    if isinstance(maxnorm, (int, float)):
        require(maxnorm >= 0, f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    d = wrap_dim(dim, input.ndim)
    axes = tuple(k for k in range(input.ndim) if k != d)
    norm = vector_norm(input, p, axes, keepdim=True)
    limit = cast(maxnorm, input.dtype)
    return input * jnp.where(norm > limit, limit / (norm + 1e-7), 1)
