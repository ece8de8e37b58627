"""The loops of JAX that stack what each turn gives, in a form that any backward can go through.

In: what `lax.scan` and `lax.map` take.  Out: what they give; a stack from which nothing is pulled back has zeros for cotangents.
JAX's transpose of a scan takes a cotangent that is left out for one of the shape of a single turn, and refuses it.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["mapped", "pulled_whole", "scan"]


def scan(turn: Callable, first: Any, rows: Any, length: int | None = None, reverse: bool = False) -> tuple[Any, Any]:
    """The last state, and the results of all turns."""
    last, found = lax.scan(turn, first, rows, length=length, reverse=reverse)
    return last, pulled_whole(found)


def mapped(fn: Callable, rows: Any, chunk: int | None = None) -> Any:
    """`fn` of each row, `chunk` of them at a time."""
    return pulled_whole(lax.map(fn, rows, batch_size=chunk))


def pulled_whole(values: Any) -> Any:
    """The same arrays, whose cotangents are arrays even where nothing comes to them."""
    leaves, structure = jax.tree_util.tree_flatten(values)
    # a barrier is the identity whose transpose makes zeros of what is left out
    return structure.unflatten([lax.optimization_barrier(x) if _pullable(x) else x for x in leaves])


def _pullable(x: Any) -> bool:
    return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jnp.inexact)
