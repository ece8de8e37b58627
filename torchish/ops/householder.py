"""QR in LAPACK's packed form: geqrf, ormqr.

In: matrices.  Out: the reflections below the diagonal and their factors; products with the Q that they stand for.
Source: https://docs.pytorch.org/docs/stable/generated/torch.geqrf.html
"""
from __future__ import annotations

import jax.numpy as jnp

from .check import require
from .into import Into, safely
from .matrix_check import need_kernel, own_matrix, turned
from .table import Array, op

__all__: list[str] = []


@op(strides=("columns", None), autocast="float cpu", returns=("a", "tau"), differentiable=False,
    samples=lambda t: [((t(4, 3),), {})], into=safely("torch.geqrf", "a"))
def geqrf(input: Array) -> tuple[Array, Array]:
    """R in the upper triangle, the vectors of the reflections below it, and their factors."""
    own_matrix(input, "torch.geqrf")
    need_kernel("geqrf_cpu", input)
    packed, tau = jnp.linalg.qr(input, mode="raw")
    return jnp.swapaxes(packed, -1, -2), tau


@op(strides="columns", autocast="float cpu",
    samples=lambda t: [((t(4, 3), t(3), t(4, 2)), {}), ((t(4, 3), t(3), t(2, 4)), {"left": False, "transpose": True})],
    into=Into("torch.ormqr: Expected input and result to have the same dtype, but input has dtype{want} and result "
              "has dtype {got}"))
def ormqr(input: Array, input2: Array, input3: Array, left: bool = True, transpose: bool = False) -> Array:
    """Q C, Q^H C, C Q or C Q^H, where Q is the square product of the reflections in the columns of `input`, C = input3."""
    require(input.ndim >= 2, "torch.ormqr: input must have at least 2 dimensions.")
    require(input3.ndim >= 2, "torch.ormqr: other must have at least 2 dimensions.")
    side = -2 if left else -1
    size = input3.shape[side]
    require(input.shape[-2] == size, f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    require(input2.shape[-1] == min(size, input.shape[-1]),
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])")
    need_kernel("ormqr_cpu", input)
    out = input3 if left else turned(input3)            # C Q = (Q^H C^H)^H
    backwards = transpose == (not left)                 # Q itself begins with its last reflection
    places = range(input2.shape[-1])
    for k in reversed(places) if backwards else places:
        v = jnp.where(jnp.arange(size) == k, 1, jnp.where(jnp.arange(size) > k, input[..., k], 0))[..., None]
        tau = input2[..., k, None, None]
        out = out - (tau if backwards else jnp.conj(tau)) * (v @ (turned(v) @ out))
    return out if left else turned(out)
