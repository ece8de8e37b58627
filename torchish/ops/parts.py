"""Parts of complex numbers.

In: arrays, complex or real.  Out: real and imaginary parts (views), conjugates, angles.
"""
from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .precision import floating
from .table import Array, op


def _write_real(base: Array, value: Array) -> Array:
    return lax.complex(value, jnp.imag(base)) if jnp.iscomplexobj(base) else value


@op(forms="function", view=True, write=_write_real, saves=False)
def real(input: Array) -> Array:
    """The real part, a view; a real input itself."""
    return input.real


@op(forms="function", view=True, write=lambda base, value: lax.complex(jnp.real(base), value), saves=False,
    samples=lambda t: [((t(3, dtype="complex128"),), {})])
def imag(input: Array) -> Array:
    """The imaginary part, a view. RuntimeError for a real input."""
    if isinstance(input, np.ndarray):       # asked for its strides
        return input
    if not jnp.iscomplexobj(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return input.imag


@op(saves=False)
def conj(input: Array) -> Array:
    """The complex conjugate; a real input itself."""
    return jnp.conj(input) if jnp.iscomplexobj(input) else input


@op()
def angle(input: Array) -> Array:
    """The argument of a complex number; for a real one 0 or pi, with gradient 0."""
    if jnp.iscomplexobj(input):
        return jnp.angle(input)
    x = lax.stop_gradient(floating(input))
    return jnp.where(jnp.isnan(x), x, jnp.where(x < 0, jnp.pi, 0).astype(x.dtype))


@op()
def polar(abs: Array, angle: Array) -> Array:
    """abs * exp(i * angle), complex, from two real arrays of one floating dtype."""
    return lax.complex(abs * jnp.cos(angle), abs * jnp.sin(angle))


@op(name="complex")
def complex_(real: Array, imag: Array) -> Array:
    """real + i * imag, complex, from two real arrays of one floating dtype."""
    return lax.complex(*jnp.broadcast_arrays(real, imag))
