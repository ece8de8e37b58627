"""Functions whose intermediate values are computed again in backward.

In: a pure function of a list of arrays.  Out: the same function for the forward pass; backward begins from its arguments.
On the CPU XLA drops the barriers with which `jax.checkpoint` keeps the second computation apart from the first, merges the two
and saves nothing: there the second stands in a branch on a value that XLA cannot know.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .transforms import Pure, pulled_back

__all__ = ["recomputed", "recomputed_in_branch"]


def recomputed(f: Pure) -> Pure:
    """`f`, by `jax.checkpoint`."""
    return jax.checkpoint(f)


def recomputed_in_branch(f: Pure) -> Callable[[Sequence[Any], Sequence[Any]], list]:
    """`f` of (arrays, [a number that is 1]). Reverse mode only."""
    @jax.custom_vjp
    def forward(one: Any, arrays: list) -> list:
        return f(arrays)

    def keep(one: Any, arrays: list) -> tuple[list, tuple]:
        return f(arrays), (one, arrays)

    def backward(kept: tuple, cotangents: list) -> tuple:
        one, arrays = kept
        at = [k for k, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.inexact)]
        real = [k for k, c in enumerate(cotangents) if c.dtype != jax.dtypes.float0]

        def again(cotangents: list) -> list:
            conjugated = [jnp.conj(c) for c in cotangents]
            found = pulled_back(f, at, real)(arrays, conjugated)
            return [jnp.conj(g) for g in found[len(found) - len(at):]]

        found = lax.cond(one == 1, again, lambda _: [jnp.zeros_like(arrays[k]) for k in at], [cotangents[k] for k in real])
        grads: list = [None] * len(arrays)
        for k, g in zip(at, found, strict=True):
            grads[k] = g
        return None, grads

    forward.defvjp(keep, backward)
    return lambda arrays, ones: forward(ones[0], list(arrays))
