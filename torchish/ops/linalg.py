"""Matrix products: mm, bmm, matmul, linear and the products that add.

In: jax arrays of one dtype.  Out: their product.  Each is one `dot_general` on matrices: folding leading dimensions
into rows first is what XLA does fastest on CPU; its own transposes are already the best weight gradients there.
"""
from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import dtype as DType
from .check import broadcast_shapes, prod, wrap_dim
from .into import CASTS, InPlace, Into
from .matmul_check import PRECISION, bmm_operands, expandable, mm_operands, mm_shapes, mv_operands, same_types
from .precision import no_bool
from .table import Array, Number, cast, op

__all__ = ["addbmm", "addmm", "addmv", "baddbmm", "bmm", "dot", "linear", "matmul", "mm", "mv", "product", "vdot"]

INTO = Into("result dtype {got} does not match input dtype {want}")
OF_ITS_SHAPE = InPlace(shape="Bad in-place call: input tensor size {own} and output tensor size {new} should match")


def product(a: jax.Array, b: jax.Array, out_dtype: DType | None = None, by_rows: bool = False) -> jax.Array:
    """a @ b at torch's precision: float32 in float32, halves summed in float32.

    by_rows: a @ b.T of matrices, without a transposition, which would stand alone in second derivatives.
    """
    if out_dtype is not None:
        return product(a.astype(out_dtype.np), b.astype(out_dtype.np))
    multiply: Any = partial(lax.dot_general, dimension_numbers=(((1,), (1,)), ((), ()))) if by_rows else jnp.matmul
    if a.dtype.itemsize == 2 and jnp.issubdtype(a.dtype, jnp.floating):
        wide = multiply(a.astype(jnp.float32), b.astype(jnp.float32)) if jax.default_backend() == "cpu" else \
            multiply(a, b, preferred_element_type=jnp.float32)
        return wide.astype(a.dtype)
    return multiply(a, b, precision=PRECISION)


def _blend(input: Array, beta: Number, value: Array, alpha: Number) -> Array:
    """beta * input + alpha * value, where beta = 0 hides even the NaNs of input."""
    expandable(input.shape, value.shape)
    b = cast(beta, value.dtype)
    kept = jnp.where(b == 0, jnp.zeros((), value.dtype), b * input)
    return kept + cast(alpha, value.dtype) * value


_FUNCTION_ONLY = {"method.out_dtype": "-"}


@op(autocast="low", names=_FUNCTION_ONLY, samples=lambda t: [((t(3, 4), t(4, 5)), {})])
def mm(input: Array, mat2: Array, out_dtype: DType | None = None) -> Array:
    """input @ mat2 for matrices: (n, m) x (m, p) -> (n, p)."""
    mm_operands(input, mat2)
    return product(input, mat2, out_dtype)


@op(autocast="low", names=_FUNCTION_ONLY, samples=lambda t: [((t(2, 3, 4), t(2, 4, 5)), {})])
def bmm(input: Array, mat2: Array, out_dtype: DType | None = None) -> Array:
    """A matrix product for each of a batch: (b, n, m) x (b, m, p) -> (b, n, p)."""
    bmm_operands(input, mat2)
    return product(input, mat2, out_dtype)


@op(autocast="low cuda", samples=lambda t: [((t(3, 4), t(4)), {})],
    into=Into("addmv input tensors must have the same dtype, but got {got}, {want}, and {want}"))
def mv(input: Array, vec: Array) -> Array:
    """Matrix times vector: (n, m) x (m) -> (n)."""
    mv_operands(input, vec)
    return product(input, vec)


def _vectors(a: jax.Array, b: jax.Array) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    same_types("dot : expected both vectors to have same dtype, but found {} and {}", a, b)
    no_bool("dot", a)
    if a.shape != b.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to have "
                           "the same "
                           f"number of elements, but got {a.shape[0]} and {b.shape[0]} elements respectively")


@op(autocast="promote cuda", samples=lambda t: [((t(4), t(4, seed=1)), {})], into=INTO)
def dot(input: Array, tensor: Array) -> Array:
    """Sum of input * tensor for vectors of one length; 0-dim."""
    _vectors(input, tensor)
    return product(input, tensor)


@op(samples=lambda t: [((t(4), t(4, seed=1)), {})], into=INTO)
def vdot(input: Array, other: Array) -> Array:
    """Sum of conj(input) * other for vectors of one length; 0-dim."""
    _vectors(input, other)
    return product(jnp.conj(input), other)


@op(autocast="low", names=_FUNCTION_ONLY, inplace=OF_ITS_SHAPE,
    samples=lambda t: [((t(2, 4), t(2, 3), t(3, 4)), {}), ((t(4), t(2, 3), t(3, 4)), {"beta": 0.5, "alpha": 2.0})])
def addmm(input: Array, mat1: Array, mat2: Array, out_dtype: DType | None = None, *, beta: Number = 1,
          alpha: Number = 1) -> Array:
    """beta * input + alpha * (mat1 @ mat2); input broadcasts to the product's shape."""
    if out_dtype is None:
        _added_types(input, mat1, mat2)
    mm_operands(mat1, mat2, first="mat1")
    return _blend(input, beta, product(mat1, mat2, out_dtype), alpha)


def _added_types(added: jax.Array, mat1: jax.Array, mat2: jax.Array) -> None:
    same_types("self and mat2 must have the same dtype, but got {} and {}", added, mat2)
    same_types("mat1 and mat2 must have the same dtype, but got {} and {}", mat1, mat2)


@op(autocast="low cuda", inplace=OF_ITS_SHAPE, samples=lambda t: [((t(2), t(2, 3), t(3)), {})])
def addmv(input: Array, mat: Array, vec: Array, *, beta: Number = 1, alpha: Number = 1) -> Array:
    """beta * input + alpha * (mat @ vec)."""
    mv_operands(mat, vec, input)
    return _blend(input, beta, product(mat, vec), alpha)


@op(autocast="low", names=_FUNCTION_ONLY, inplace=OF_ITS_SHAPE,
    samples=lambda t: [((t(2, 3, 5), t(2, 3, 4), t(2, 4, 5)), {"beta": 0.5})])
def baddbmm(input: Array, batch1: Array, batch2: Array, out_dtype: DType | None = None, *, beta: Number = 1,
            alpha: Number = 1) -> Array:
    """beta * input + alpha * bmm(batch1, batch2)."""
    if batch1.ndim == batch2.ndim == 3:
        expandable(input.shape, (*batch1.shape[:2], batch2.shape[2]))
    elif batch1.ndim == batch2.ndim == 2:       # torch reads the size of the third dimension first
        wrap_dim(2, 2)
    bmm_operands(batch1, batch2, "baddbmm")
    if out_dtype is None:
        same_types("Input dtypes must be the same, got: input {}, batch1: {}", input, batch1)
    return _blend(input, beta, product(batch1, batch2, out_dtype), alpha)


@op(autocast="low", inplace=True, samples=lambda t: [((t(3, 5), t(2, 3, 4), t(2, 4, 5)), {"beta": 0.5})],
    into=Into("self and mat2 must have the same dtype, but got {got} and {want}"))
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: Number = 1, alpha: Number = 1) -> Array:
    """beta * input + alpha * the sum over the batch of bmm(batch1, batch2)."""
    if batch1.ndim >= 2 and batch2.ndim >= 3:
        expandable(input.shape, (batch1.shape[1], batch2.shape[2]))
    if batch1.ndim != 3 or batch2.ndim != 3:
        raise RuntimeError(f"batch{1 if batch1.ndim != 3 else 2} must be a 3D tensor")
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError("batch1 and batch2 must have same number of batches, got "
                           f"{batch1.shape[0]} and {batch2.shape[0]}")
    if batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({batch1.shape[1]}x{batch1.shape[2]} and "
                           f"{batch2.shape[1]}x{batch2.shape[2]})")
    no_bool("addmm_impl_cpu_", batch1)
    b, n, m = batch1.shape
    # the sum over the batch is one product over batch and inner dimension together
    rows = jnp.swapaxes(batch1, 0, 1).reshape(n, b * m)
    return _blend(input, beta, product(rows, batch2.reshape(b * m, batch2.shape[2])), alpha)


@op(strides="first", autocast="low cuda", inplace=True, samples=lambda t: [((t(3, 4), t(3), t(4)), {"beta": 0.5})],
    into=CASTS)
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Number = 1, alpha: Number = 1) -> Array:
    """beta * input + alpha * outer(vec1, vec2)."""
    if vec1.ndim != 1 or vec2.ndim != 1:
        which, v = ("vec1", vec1) if vec1.ndim != 1 else ("vec2", vec2)
        raise RuntimeError(f"addr: Expected 1-D argument {which}, but got {v.ndim}-D")
    whole = not any(jnp.issubdtype(x.dtype, jnp.inexact) for x in (input, vec1, vec2))
    for name, number in (("beta", beta), ("alpha", alpha)):
        if isinstance(number, bool) and any(x.dtype != bool for x in (input, vec1, vec2)):
            raise RuntimeError(f"Boolean {name} only supported for Boolean results.")
        if whole and isinstance(number, (float, complex)):
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _blend(input, beta, vec1[:, None] * vec2, alpha)


def _matmul_rule(avals: Any, attributes: Any) -> str | tuple:
    """torch builds matmul from other ops: the tree of their nodes."""
    a, b = (len(x.shape) for x in avals[:2])
    if a <= 2 and b <= 2:
        return {(1, 1): "DotBackward0", (2, 1): "MvBackward0", (2, 2): "MmBackward0",
                (1, 2): ("SqueezeBackward4", ("MmBackward0", ("UnsqueezeBackward0", 0), 1))}[a, b]
    if a > 2 and b <= 2:
        return ("UnsafeViewBackward0", ("MmBackward0" if b == 2 else "MvBackward0", ("ViewBackward0", 0), 1))
    if a <= 2:
        turned = ("UnsafeViewBackward0", ("CloneBackward0", ("TransposeBackward0", 1)))
        return ("CloneBackward0", ("TransposeBackward0", ("UnsafeViewBackward0", ("MmBackward0", turned, ("TBackward0", 0)))))
    return ("UnsafeViewBackward0", ("BmmBackward0", *(("ViewBackward0", ("ExpandBackward0", k)) for k in (0, 1))))


def _matmul_shapes(a: jax.Array, b: jax.Array) -> None:
    """At least one operand has three or more dims: torch folds to mm or mv where it can, else bmm."""
    if a.ndim <= 2:                                     # torch turns the product around
        flipped = (prod(b.shape[:-2]) * b.shape[-1], b.shape[-2])
        mm_shapes(flipped, a.shape[::-1] if a.ndim == 2 else (a.shape[0], 1))
    elif b.ndim == 1:
        rows = prod(a.shape[:-1])
        if a.shape[-1] != b.shape[0]:
            raise RuntimeError(f"size mismatch, got input ({rows}), mat ({rows}x{a.shape[-1]}), vec ({b.shape[0]})")
    elif b.ndim == 2:
        mm_shapes((prod(a.shape[:-1]), a.shape[-1]), b.shape)
    else:
        batch = prod(broadcast_shapes(a.shape[:-2], b.shape[:-2]))
        bmm_operands(jax.ShapeDtypeStruct((batch, *a.shape[-2:]), a.dtype),
                     jax.ShapeDtypeStruct((batch, *b.shape[-2:]), b.dtype))
    same_types("expected m1 and m2 to have the same dtype, but got: {} != {}", a, b, cpp=True)


@op(autocast="low", dunder="matmul", rule=_matmul_rule, samples=lambda t: [
    ((t(4), t(4, seed=1)), {}), ((t(3, 4), t(4)), {}), ((t(4), t(4, 2)), {}), ((t(2, 3, 4), t(4, 5)), {}),
    ((t(2, 3, 4), t(2, 4, 2)), {}), ((t(3, 4), t(2, 4, 2)), {}), ((t(2, 1, 3, 4), t(2, 4, 2)), {})], into=INTO)
def matmul(input: Array, other: Array) -> Array:
    """Matrix product with numpy's rules: vectors gain a dimension, leading dimensions broadcast."""
    a, b = input, other
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D")
    if a.ndim == 1 and b.ndim == 1:
        _vectors(a, b)
    elif a.ndim == 2 and b.ndim == 1:
        mv_operands(a, b)
    elif a.ndim <= 2 and b.ndim <= 2:
        mm_operands(a if a.ndim == 2 else a[None], b)
    else:
        _matmul_shapes(a, b)
    if a.ndim > 2 and b.ndim <= 2:
        return product(a.reshape(prod(a.shape[:-1]), a.shape[-1]), b).reshape(*a.shape[:-1], *b.shape[1:])
    return product(a, b)


def _linear_rule(avals: Any, attributes: Any) -> str | tuple:
    """torch builds a linear layer from other ops: the tree of their nodes."""
    ndim, biased = len(avals[0].shape), len(avals) > 2 and avals[2] is not None
    if len(avals[1].shape) == 1:
        return _matmul_rule(avals, attributes)
    x = 0 if ndim == 2 else ("UnsqueezeBackward0" if ndim == 1 and not biased else "ViewBackward0", 0)
    product_ = ("AddmmBackward0", 2, x, ("TBackward0", 1)) if biased else ("MmBackward0", x, ("TBackward0", 1))
    if ndim == 2:
        return product_
    return ("ViewBackward0" if biased else "SqueezeBackward4" if ndim == 1 else "UnsafeViewBackward0", product_)


@op(autocast="low", forms="F out", rule=_linear_rule, samples=lambda t: [
    ((t(5, 3), t(4, 3), t(4)), {}), ((t(2, 5, 3), t(4, 3)), {}), ((t(3), t(4, 3), t(4)), {})])
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """input @ weight.T + bias: (*, in) x (out, in) + (out) -> (*, out)."""
    if input.ndim == 0 or weight.ndim == 0:
        raise RuntimeError(f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D")
    if weight.ndim == 1 and bias is None:
        return matmul(input, weight)
    rows = input.reshape(prod(input.shape[:-1]), input.shape[-1])
    if bias is not None:
        _added_types(bias, rows, weight)
    mm_operands(rows, weight, first="self" if bias is None else "mat1", by_rows=True)
    result = product(rows, weight, by_rows=True)
    if bias is not None:
        expandable(bias.shape, result.shape)
        result = result + bias
    return lax.reshape(result, (*input.shape[:-1], weight.shape[0]))
