"""The derivative of Dirichlet numbers with respect to their concentrations, along the quantiles of their marginals.

In: numbers that were drawn, concentrations.  Out: the same numbers with a gradient; the derivative by itself.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .table import Array, op

__all__ = ["dirichlet_grad", "dirichlet_values"]

STEP = 1e-4  # of log(alpha): error of the central difference about 1e-8, its rounding about 1e-11


def _derivative(x: Array, alpha: Array, total: Array) -> Array:
    """dx / d alpha of x ~ Beta(alpha, total - alpha), divided by 1 - x.

    dx = - d F(x) / density(x).  The smaller of the two tails is taken for F, so that its relative precision is kept.
    """
    kind = x.dtype
    x, alpha, total = (value.astype(jnp.float64) for value in (x, alpha, total))
    tiny = jnp.finfo(jnp.float32).tiny
    x, beta = jnp.clip(x, tiny, 1 - 1e-16), total - alpha
    upper = x > alpha / total

    def tail(a: jax.Array) -> jax.Array:
        return special.betainc(jnp.where(upper, beta, a), jnp.where(upper, a, beta), jnp.where(upper, 1 - x, x))

    above, below = alpha * (1 + STEP), alpha * (1 - STEP)
    slope = (tail(above) - tail(below)) / (above - below) * jnp.where(upper, -1.0, 1.0)
    log_density = (special.xlogy(alpha - 1, x) + special.xlog1py(beta, -x)
                   + lax.lgamma(total) - lax.lgamma(alpha) - lax.lgamma(beta))
    return (-slope * jnp.exp(-log_density)).astype(kind)


@op(forms="", name="_dirichlet_grad", saves=False, differentiable=False)
def dirichlet_grad(x: Array, alpha: Array, total: Array) -> Array:
    """The derivative of Dirichlet numbers `x` by their own concentration, divided by 1 - x."""
    return _derivative(x, alpha, total)


@jax.custom_jvp
def _quantile(concentration: Array, values: Array) -> Array:
    return values


@_quantile.defjvp
def _quantile_jvp(primals: tuple, tangents: tuple) -> tuple:
    (concentration, values), (tangent, _) = primals, tangents
    moved = _derivative(values, concentration, concentration.sum(-1, keepdims=True)) * tangent
    return values, moved - values * moved.sum(-1, keepdims=True)


@op(forms="", rule="_DirichletBackward", name="_dirichlet_values")
def dirichlet_values(concentration: Array, values: Array) -> Array:
    """Dirichlet numbers that were drawn for `concentration`; the gradient goes along the quantiles of each one."""
    return _quantile(jnp.broadcast_to(concentration, values.shape), values)
