"""`lax.scan` whose results can be pulled back one without the others.

In: what `lax.scan` takes.  Out: what it returns.  JAX's transposed scan mistakes the missing cotangent of stacked results for
one of a single turn, where the carry has a cotangent ("Expected cotangent type float32[] but got float32[8]"); a barrier around
all results gives each a cotangent as soon as one has.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.tree_util import tree_flatten, tree_unflatten

__all__ = ["scan", "together"]


def scan(body: Callable, init: Any, xs: Any, *, length: int | None = None, reverse: bool = False) -> tuple[Any, Any]:
    """The last carry, and the results of all turns.

    Source: https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html
    """
    return together(lax.scan(body, init, xs, length=length, reverse=reverse))


def together(results: Any) -> Any:
    """The same; where one of the arrays has a cotangent, all have."""
    leaves, structure = tree_flatten(results)
    moving = [k for k, x in enumerate(leaves) if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)]
    if len(moving) < 2:
        return results
    for k, x in zip(moving, lax.optimization_barrier([leaves[k] for k in moving]), strict=True):
        leaves[k] = x
    return tree_unflatten(structure, leaves)
