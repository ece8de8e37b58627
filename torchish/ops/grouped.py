"""grouped_mm: matrix products of which each takes its own rows of one tensor.

In: two operands of 2 or 3 dimensions; where one has 2, the ends of the groups along its dimension that is cut, int32.
Out: the products; rows after the last group are zero.  Shapes do not depend on the ends, so a new division compiles nothing.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import c_name
from ..dtypes import dtype as DType
from .check import require
from .linalg import product
from .matmul_check import PRECISION, same_types
from .table import Array, composite, op


def _check(a: jax.Array, b: jax.Array, offs: jax.Array | None, out_dtype: DType | None) -> None:
    same_types("expected m1 and m2 to have the same dtype, but got: {} != {}", a, b, cpp=True)
    for name, x in (("mat_a", a), ("mat_b", b)):
        require(x.ndim in (2, 3), f"{name} has to be 2 or 3d")
    require((offs is None) == (a.ndim == b.ndim == 3),
            "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d")
    if offs is not None:
        require(offs.ndim == 1, "offs has to be 1D")
        require(offs.dtype == jnp.int32, "Offsets have to be int32")
    require(a.ndim == b.ndim == 2 or a.shape[-1] == b.shape[-2], "contraction dimension of mat_a and mat_b must match")
    groups = [x.shape[0] for x in (a, b) if x.ndim == 3] + ([] if offs is None else [offs.shape[0]])
    require(a.ndim == b.ndim == 2 or len(set(groups)) == 1, "matrix batch sizes have to match")
    require(out_dtype is None or out_dtype.np == a.dtype, "Grouped gemm output dtype must match `mat_a` dtype")


def _ragged(rows: jax.Array, matrices: jax.Array, sizes: jax.Array) -> jax.Array:
    half = rows.dtype.itemsize == 2
    return lax.ragged_dot(rows, matrices, sizes, None if half else PRECISION, jnp.float32 if half else None).astype(rows.dtype)


@op(name="_grouped", forms="", autocast="low", rule="GroupedMmBackward0",
    samples=lambda t: [((t(2, 4, 8), t(2, 8, 4), None, None, None), {})])
def grouped(input: Array, mat2: Array, offs: Array | None, bias: Array | None, out_dtype: DType | None) -> Array:
    """(M, K) rows cut at `offs` times (G, K, N): (M, N). (G, M, K) times (K, N) columns cut at `offs`: (M, N).
    (M, K) times (K, N), both cut along K: (G, M, N). (G, M, K) times (G, K, N): (G, M, N).
    """
    _check(input, mat2, offs, out_dtype)
    require(bias is None, "Bias not supported yet")
    if offs is None:
        return product(input, mat2)
    sizes = jnp.diff(offs, prepend=jnp.zeros((1,), offs.dtype))
    if mat2.ndim == 3:
        return _ragged(input, mat2, sizes)
    if input.ndim == 3:
        return _ragged(mat2.T, jnp.swapaxes(input, 1, 2), sizes).T
    place = jnp.arange(input.shape[1])
    inside = (place < offs[:, None]) & (place >= (offs - sizes)[:, None])
    return product(jnp.where(inside[:, None], input, 0), jnp.broadcast_to(mat2, (len(offs), *mat2.shape)))


@composite(forms="F")
def grouped_mm(t: Any, mat_a: Any, mat_b: Any, *, offs: Any = None, bias: Any = None, out_dtype: DType | None = None) -> Any:
    """Products of groups of rows (or columns, or terms) that end at `offs`, int32: a mixture of experts in one operation.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grouped_mm.html
    Errors: torch's, for dtypes, sizes and missing ends.
    """
    require(mat_a.dtype in (t.float32, t.bfloat16, t.float16) or mat_a.dtype is not mat_b.dtype,
            f"Expected mat_a to be Float32, BFloat16 or Float16 matrix, got {c_name(mat_a.dtype)}")
    return t._grouped(mat_a, mat_b, offs, bias, out_dtype)
