"""Parts of complex numbers.

In: arrays, complex or real.  Out: real and imaginary parts (views), conjugates, angles.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .check import require
from .into import AS_INPUT, CASTS, Into
from .precision import dtype_name, floating
from .table import Array, composite, op, unary

INTO = Into("Expected object of scalar type {want} but got scalar type {got} for argument 'out'")


def _write_real(base: Array, value: Array) -> Array:
    return lax.complex(value, jnp.imag(base)) if jnp.iscomplexobj(base) else value


@op(name="_real", forms="", view=True, write=_write_real, saves=False, rule="SelectBackward0",
    samples=lambda t: [((t(3, dtype="complex128"),), {})])
def real_part(input: Array) -> Array:
    """The real part of complex numbers, a view."""
    return input.real


@composite(forms="function")
def real(t, input):
    """The real part, a view; a real input itself."""
    return t._real(input) if input.is_complex() else input


@op(forms="function", view=True, write=lambda base, value: lax.complex(jnp.real(base), value), saves=False,
    rule="SelectBackward0",
    samples=lambda t: [((t(3, dtype="complex128"),), {})])
def imag(input: Array) -> Array:
    """The imaginary part, a view. RuntimeError for a real input."""
    if not jnp.iscomplexobj(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return input.imag


@op(name="_conj", view=True, write=lambda base, value: jnp.conj(value), forms="", saves=False, rule="ConjBackward0",
    samples=lambda t: [((t(3, dtype="complex128"),), {})])
def conjugate(input: Array) -> Array:
    """The complex conjugate, a view."""
    return input if isinstance(input, np.ndarray) else jnp.conj(input)      # a numpy array is asked for its strides


def view_bits(x: Any) -> tuple[bool, bool]:
    """Whether a tensor is a view that shows its storage conjugated, or negated: what torch keeps as bits of the tensor."""
    conjugated = negated = False
    for step in x._view.chain if x._view is not None else ():
        name = step[0].name
        if name == "_conj":
            conjugated = not conjugated
        elif name in ("_real", "imag", "_view_as_real"):
            negated ^= conjugated and name == "imag"
            conjugated = False
    return conjugated, negated


@composite()
def is_conj(t, input):
    """Whether it is a view that shows complex numbers conjugated."""
    return view_bits(input)[0]


@composite()
def is_neg(t, input):
    """Whether it is a view that shows numbers negated: the imaginary part of a conjugate."""
    return view_bits(input)[1]


@composite()
def resolve_conj(t, input):
    """A copy of a view that shows its storage conjugated; any other tensor itself."""
    return input.clone() if view_bits(input)[0] else input


@composite()
def resolve_neg(t, input):
    """A copy of a view that shows its storage negated; any other tensor itself."""
    return input.clone() if view_bits(input)[1] else input


@composite()
def conj(t, input):
    """The complex conjugate; a real input itself."""
    return t._conj(input) if input.is_complex() else input


@jax.custom_jvp
def _argument(x: Array) -> Array:
    return jnp.angle(x)


@_argument.defjvp
def _argument_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    square = x.real * x.real + x.imag * x.imag
    turn = (x.real * dx.imag - x.imag * dx.real) / jnp.where(square == 0, 1, square)
    return _argument(x), jnp.where(square == 0, 0, turn)        # at 0 it stays


@op(strides="elementwise", into=CASTS)
def angle(input: Array) -> Array:
    """The argument of a complex number; for a real one 0 or pi, with gradient 0."""
    if jnp.iscomplexobj(input):
        return _argument(input)
    x = lax.stop_gradient(floating(input))
    return jnp.where(jnp.isnan(x), x, jnp.where(x < 0, jnp.pi, 0).astype(x.dtype))


def _real_pair(x: Array, y: Array) -> None:
    a, b = dtype_name(x), dtype_name(y)
    require({a, b} <= {"Half", "Float", "Double"}, f"Expected both inputs to be Half, Float or Double tensors but got {a} and {b}")
    require(a == b, f"Expected object of scalar type {a} but got scalar type {b} for second argument")
    require(a != "Half", "Complex numbers of Half tensors are ComplexHalf, which XLA does not have")


@op(autocast="float cpu", strides="elementwise", samples=lambda t: [((t(3, 4, low=0.1), t(3, 4)), {})], into=INTO)
def polar(abs: Array, angle: Array) -> Array:
    """abs * exp(i * angle), complex, from two real arrays of one floating dtype."""
    _real_pair(abs, angle)
    return lax.complex(abs * jnp.cos(angle), abs * jnp.sin(angle))


@op(name="complex", into=INTO, strides="elementwise")
def complex_(real: Array, imag: Array) -> Array:
    """real + i * imag, complex, from two real arrays of one floating dtype."""
    _real_pair(real, imag)
    return lax.complex(*jnp.broadcast_arrays(real, imag))


unary("conj_physical", jnp.conj, promote=None, saves=False, into=AS_INPUT, doc="The complex conjugate, computed at once.",
      samples=lambda t: [((t(3, 4, dtype="complex128"),), {})])
