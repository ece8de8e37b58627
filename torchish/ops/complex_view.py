"""Views between real and complex: view_as_real, view_as_complex, and numbers seen as another dtype.

In: arrays.  Out: the same elements as another type.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import c_name, from_numpy
from ..dtypes import dtype as DType
from .check import require
from .parts import view_bits
from .precision import dtype_name
from .table import Array, composite, op


def _real_pair(x: Array) -> Array:
    return jnp.stack([x.real, x.imag], axis=-1)


def _complex_of(x: Array) -> Array:
    return lax.complex(x[..., 0], x[..., 1])


@composite(forms="function")
def view_as_real(t, input):
    """Real and imaginary parts along a new last dimension of size 2; RuntimeError for a view that shows conjugates."""
    require(not view_bits(input)[0], "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor "
                                     "so you can view it as real, use self.resolve_conj(); however, be warned that the resulting "
                                     "tensor will NOT alias the original.")
    return t._view_as_real(input)


@op(name="_view_as_real", view=True, write=lambda base, value: _complex_of(value), saves=False, forms="",
    rule="ViewAsRealBackward0", samples=lambda t: [((t(3, dtype="complex128"),), {})])
def as_real(input: Array) -> Array:
    """Real and imaginary parts along a new last dimension of size 2."""
    if isinstance(input, np.ndarray):       # asked for its strides
        return np.lib.stride_tricks.as_strided(input.real, (*input.shape, 2), (*input.strides, input.real.itemsize))
    require(jnp.iscomplexobj(input), "view_as_real is only supported for complex tensors")
    return _real_pair(input)


@op(view=True, write=lambda base, value: _real_pair(value), saves=False, forms="function", samples=lambda t: [((t(3, 2),), {})])
def view_as_complex(input: Array) -> Array:
    """Pairs along the last dimension as complex numbers."""
    if isinstance(input, np.ndarray):       # asked for its strides
        width = input.itemsize
        require(input.strides[-1] == width, "Tensor must have a last dimension with stride 1")
        require(all(s % (2 * width) == 0 for s in input.strides[:-1]), "Tensor must have a stride divisible by 2 for all but last "
                                                                       "dimension")
        return np.lib.stride_tricks.as_strided(input.view(f"c{2 * width}"), input.shape[:-1], input.strides[:-1])
    if not from_numpy(input.dtype).is_floating_point:
        raise RuntimeError("view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
                           "type: "
                           f"{dtype_name(input)}")
    require(input.ndim > 0, "Input tensor must have one or more dimensions")
    require(input.shape[-1] == 2, "Tensor must have a last dimension of size 2")
    return _complex_of(input)


def _bits(x: jax.Array, target: Any) -> jax.Array:
    """The bytes of `x` as another dtype, along its last dimension."""
    if x.dtype == target:
        return x
    before, after = x.dtype.itemsize, np.dtype(target).itemsize
    if jnp.iscomplexobj(x):
        return _bits(_real_pair(x).reshape(*x.shape[:-1], 2 * x.shape[-1]) if x.ndim else _real_pair(x), target)
    if jnp.issubdtype(target, jnp.complexfloating):
        half = jnp.float32 if after == 8 else jnp.float64
        pairs = _bits(x, half)
        return _complex_of(pairs.reshape(*pairs.shape[:-1], pairs.shape[-1] // 2, 2))
    if x.dtype == bool:
        x = x.astype(jnp.uint8)
    is_bool = np.dtype(target).kind == "b"
    wanted = jnp.uint8 if is_bool else target
    if after > before:
        x = x.reshape(*x.shape[:-1], x.shape[-1] // (after // before), after // before)
    found = lax.bitcast_convert_type(x, wanted)
    found = found.reshape(*found.shape[:-2], found.shape[-2] * found.shape[-1]) if after < before else found
    return found != 0 if is_bool else found


def _seen_as(x: np.ndarray, target: np.dtype, names: str) -> np.ndarray:
    """A numpy dummy as another dtype: the strides of all but the last dimension stay as many bytes."""
    before, after = x.itemsize, target.itemsize
    if before == after or not x.ndim:
        return x.view(target)
    require(x.strides[-1] == before, f"self.stride(-1) must be 1 to view {names} (different element sizes), but got "
                                     f"{x.strides[-1] // before}")
    for d, s in enumerate(x.strides[:-1]):
        require(s % after == 0, f"self.stride({d}) must be divisible by {after // before} to view {names} (different element "
                                f"sizes), but got {s // before}")
    shape = (*x.shape[:-1], x.shape[-1] * before // after)
    start = np.lib.stride_tricks.as_strided(x, (max(after // before, 1),), (before,)).view(target)
    return np.lib.stride_tricks.as_strided(start, shape, (*x.strides[:-1], after))


def _written(base: Array, value: Array, *, dtype: DType) -> Array:
    return _bits(value, base.dtype).reshape(base.shape)


@composite(name="_view_dtype", forms="function")
def view_dtype(t, input, dtype):
    """The same bytes as another dtype; RuntimeError where what the tensor shows is not what its bytes say."""
    for bit, text in zip(view_bits(input), ("conjugate view tensors", "tensors with negative bit set"), strict=True):
        require(not bit, f"torch.Tensor.view is not supported for {text} when converting to a different dtype.")
    ratio = dtype.itemsize // input.itemsize
    if ratio > 1 and input.ndim and input.shape[-1] % ratio == 0 and input.storage_offset() % ratio and input.stride(-1) == 1:
        raise RuntimeError(f"self.storage_offset() must be divisible by {ratio} to view {c_name(input.dtype)} as {c_name(dtype)} "
                           f"(different element sizes), but got {input.storage_offset()}")
    return t._view_bytes(input, dtype)


@op(name="_view_bytes", forms="function", view=True, write=_written, saves=False, differentiable=False)
def view_bytes(input: Array, dtype: DType) -> Array:
    """The same bytes as another dtype; the last dimension changes with the size of an element."""
    target = np.dtype(dtype.np)
    before, after = input.dtype.itemsize, target.itemsize
    names = f"{dtype_name(input)} as {c_name(dtype)}"
    if isinstance(input, np.ndarray):       # asked for its strides
        return _seen_as(input, target, names)
    if before != after:
        require(input.ndim > 0, f"self.dim() cannot be 0 to view {names} (different element sizes)")
        n = input.shape[-1]
        require(after < before or n % (after // before) == 0,
                f"self.size(-1) must be divisible by {after // max(before, 1)} to view "
                                                              f"{names} (different element sizes), but got {n}")
    if input.ndim == 0:
        return _bits(input.reshape(1), target).reshape(())
    return _bits(input, target)
