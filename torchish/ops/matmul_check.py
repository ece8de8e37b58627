"""What matrix products refuse, in torch's words, and how precisely they compute.

In: the operands of a product.  Out: nothing, or torch's error.
"""
from __future__ import annotations

import jax
from jax import lax

from ..dtypes import c_type, from_numpy
from .check import listing, prod
from .precision import dtype_name, no_bool

__all__ = ["PRECISION", "bmm_operands", "cpp_name", "expandable", "mm_operands", "mv_operands", "same_types"]

# torch multiplies float32 in float32; XLA's default on GPUs is tf32 and on TPUs bfloat16.
PRECISION = lax.Precision.HIGHEST


def cpp_name(array: jax.Array) -> str:
    """The C++ name of an array's element type, as torch's messages have it."""
    return c_type(from_numpy(array.dtype))


def same_types(message: str, a: jax.Array, b: jax.Array, *, cpp: bool = False) -> None:
    """RuntimeError(message.format(type of a, type of b)) unless both have one dtype."""
    if a.dtype != b.dtype:
        namer = cpp_name if cpp else dtype_name
        raise RuntimeError(message.format(namer(a), namer(b)))


def mm_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Two matrix shapes must fit."""
    if a[1] != b[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a[0]}x{a[1]} and {b[0]}x{b[1]})")


def mm_operands(a: jax.Array, b: jax.Array, *, first: str = "self", by_rows: bool = False) -> None:
    """Two matrices that can be multiplied (by_rows: the second one transposed)."""
    if a.ndim != 2:
        raise RuntimeError(f"{first} must be a matrix" + (f", got {a.ndim}-D tensor" if first == "mat1" else ""))
    if b.ndim != 2:
        raise RuntimeError("mat2 must be a matrix" + (f", got {b.ndim}-D tensor" if first == "mat1" else ""))
    mm_shapes(a.shape, b.shape[::-1] if by_rows else b.shape)
    same_types("expected m1 and m2 to have the same dtype, but got: {} != {}", a, b, cpp=True)
    no_bool("addmm_impl_cpu_", a)


def mv_operands(mat: jax.Array, vec: jax.Array, added: jax.Array | None = None) -> None:
    """A matrix and a vector that can be multiplied (and the vector that is added)."""
    out_ndim = 1 if added is None else added.ndim
    if mat.ndim != 2 or vec.ndim != 1 or out_ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {out_ndim}, {mat.ndim}, {vec.ndim}")
    if mat.shape[1] != vec.shape[0] or added is not None and added.ndim and added.shape[0] not in (1, mat.shape[0]):
        size = mat.shape[0] if added is None or not added.ndim else added.shape[0]
        raise RuntimeError(f"size mismatch, got input ({size}), mat ({mat.shape[0]}x{mat.shape[1]}), vec "
                           f"({vec.shape[0]})")
    of_result = vec if added is None else added
    if mat.dtype != vec.dtype or of_result.dtype != mat.dtype:
        raise RuntimeError("addmv input tensors must have the same dtype, but got "
                           f"{dtype_name(of_result)}, {dtype_name(mat)}, and {dtype_name(vec)}")
    no_bool("addmv_impl_cpu", mat)


def bmm_operands(a: jax.Array, b: jax.Array, kernel: str = "bmm") -> None:
    """Two batches of matrices that can be multiplied; `kernel` is what torch calls the product of small ones."""
    if a.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if b.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    if b.shape[:2] != (a.shape[0], a.shape[2]):
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: "
                           f"{listing((a.shape[0], a.shape[2]))} but got: {listing(b.shape[:2])}.")
    same_types("expected scalar type {} but found {}", a, b)
    no_bool(kernel if prod((*a.shape[1:], b.shape[2])) < 400 else "addmm_impl_cpu_", a)


def expandable(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """`shape` must broadcast to `target`, which stays as it is."""
    if len(shape) > len(target):
        raise RuntimeError(f"The number of sizes provided ({len(target)}) must be greater or equal to the number of "
                           "dimensions "
                           f"in the tensor ({len(shape)})")
    offset = len(target) - len(shape)
    for i in reversed(range(len(shape))):
        if shape[i] not in (1, target[i + offset]):
            raise RuntimeError(f"The expanded size of the tensor ({target[i + offset]}) must match the existing size "
                               f"({shape[i]}) at non-singleton dimension {i + offset}.  Target sizes: "
                               f"{listing(target)}.  "
                               f"Tensor sizes: {listing(shape)}")
