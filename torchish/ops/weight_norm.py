"""Weight normalisation: a weight as a direction and a length.

In: v and the lengths g.  Out: g v / |v|, the norms taken over all dims but one.
Source: https://arxiv.org/abs/1602.07868
"""
from __future__ import annotations

import jax.numpy as jnp

from .check import wrap_dim
from .precision import magnitude
from .table import Array, op

__all__ = ["norm_except_dim"]


@op(forms="function", samples=lambda t: [((t(3, 4, 2),), {}), ((t(3, 4), 2, -1), {}), ((t(3, 4), 1, 1), {})],
    rule=lambda attributes: "NormBackward0" if attributes["dim"] == -1 else "ViewBackward0")
def norm_except_dim(v: Array, pow: int = 2, dim: int = 0) -> Array:
    """The pow-norms over all dims but `dim`, which are kept with size 1; over all of them where it is -1."""
    axes = None if dim == -1 else tuple(k for k in range(v.ndim) if k != wrap_dim(dim, v.ndim))
    size = jnp.sum(magnitude(v) ** pow, axis=axes, keepdims=dim != -1)
    return size if pow == 1 else jnp.sqrt(size) if pow == 2 else size ** (1 / pow)


@op(name="_weight_norm", forms="function", samples=lambda t: [((t(3, 4, 2), t(3, 1, 1, low=0.5)), {})],
    rule="WeightNormInterfaceBackward0")
def weight_norm(v: Array, g: Array, dim: int = 0) -> Array:
    """g v / |v|, the norms taken over all dims but `dim`."""
    return v * (g / norm_except_dim(v, 2, dim))
