"""The product of L-BFGS's approximate inverse Hessian with a gradient.

In: the gradient and the last steps, one a row.  Out: the direction of descent.
Source: Nocedal & Wright, Numerical Optimization, algorithm 7.4
"""
from __future__ import annotations

import jax.numpy as jnp

from .table import Array, op
from .turns import scan

__all__: list[str] = []


@op(name="_two_loop", forms="function", samples=lambda t: [])
def two_loop(grad: Array, dirs: Array, stps: Array, ro: Array, diag: Array) -> tuple:
    """(-H g, the factors of the first loop), H from `diag` and, oldest first, the changes of the gradient and of the place; rows
    with `ro` 0 are none."""
    def back(q: Array, row: tuple) -> tuple:
        y, s, r = row
        a = jnp.where(r == 0, 0, jnp.dot(s, q) * r)
        return q - y * a, a

    def forth(q: Array, row: tuple) -> tuple:
        y, s, r, a = row
        return q + s * jnp.where(r == 0, 0, a - jnp.dot(y, q) * r), None

    q, al = scan(back, -grad, (dirs, stps, ro), reverse=True)
    return scan(forth, q * diag, (dirs, stps, ro, al))[0], al
