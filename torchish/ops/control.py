"""Recorded functions under jax.lax's control flow.

In: pure functions of lists of arrays (nested.py), and which of their arguments and results are carried.  Out: functions of the
same kind.  A state is (place among the arguments, place among the results) of what a random generator hands on.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .turns import scan

__all__ = ["chosen", "combined", "looped", "scanned"]

Pure = Callable[[Sequence[Any]], list[Any]]
States = Sequence[tuple[int, int]]


def chosen(f: Pure, g: Pure, wanted: int, takes: Sequence[Sequence[int | None]]) -> Callable[..., list]:
    """(arguments of f, of g, [predicate, *states]) -> `wanted` results, then the states.

    takes: for f and for g, where among the results each generator's state begins; None: it passes through.
    """
    def branch(fn: Pure, which: int) -> Callable[[tuple], list]:
        def run(given: tuple) -> list:
            outs, states = fn(given[which]), given[2]
            left = [part for k, at in enumerate(takes[which])
                    for part in (outs[at:at + 2] if at is not None else states[2 * k:2 * k + 2])]
            return [*outs[:wanted], *left]
        return run

    def run(first: list, second: list, rest: list) -> list:
        return lax.cond(rest[0].reshape(()) != 0, branch(f, 0), branch(g, 1), (list(first), list(second), list(rest[1:])))
    return run


def looped(test: Pure, body: Pure, count: int, which: Sequence[int], states: States) -> Callable[..., list]:
    """(arguments of test, of body) -> the last `count` carried values, then the states.

    which: the results of body that are carried on.
    """
    def run(tested: list, given: list) -> list:
        def go_on(values: list) -> Any:
            return test([*values[:count], *tested[count:]])[0].reshape(())

        def once(values: list) -> list:
            args = [*values[:count], *given[count:]]
            for (at, _), value in zip(states, values[count:], strict=True):
                args[at] = value
            outs = body(args)
            return [*(outs[k] for k in which), *(outs[at] for _, at in states)]
        return lax.while_loop(go_on, once, [*given[:count], *(given[at] for at, _ in states)])
    return run


def scanned(f: Pure, carried: Sequence[int], ys: Sequence[int], states: States, dims: Sequence[int], dim: int,
            reverse: bool) -> Pure:
    """[carry, tensors to go through, captured] -> the last carry, the states, the results stacked along `dim`.

    carried, ys: which results of f are the carry and what is stacked; dims: along which dimension each tensor is sliced.
    """
    n, end = len(carried), len(carried) + len(dims)

    def run(arrays: Sequence[Any]) -> list:
        xs = [jnp.moveaxis(x, d, 0) for x, d in zip(arrays[n:end], dims, strict=True)]

        def step(carry: list, x: list) -> tuple[list, list]:
            args = [*carry[:n], *x, *arrays[end:]]
            for (at, _), value in zip(states, carry[n:], strict=True):
                args[at] = value
            outs = f(args)
            return [*(outs[k] for k in carried), *(outs[at] for _, at in states)], [outs[k] for k in ys]
        last, results = scan(step, [*arrays[:n], *(arrays[at] for at, _ in states)], xs, reverse=reverse)
        return [*last, *(jnp.moveaxis(y, 0, min(dim, y.ndim - 1)) for y in results)]
    return run


def combined(f: Pure, which: Sequence[int], dims: Sequence[int], reverse: bool) -> Pure:
    """[tensors, the same again, captured] -> all prefixes; `which` results of f are the combination of its first arguments."""
    n = len(dims)

    def run(arrays: Sequence[Any]) -> list:
        def one(a: list, b: list) -> list:
            outs = f([*a, *b, *arrays[2 * n:]])
            return [outs[k] for k in which]
        moved = [jnp.moveaxis(x, d, 0) for x, d in zip(arrays[:n], dims, strict=True)]
        outs = lax.associative_scan(jax.vmap(one), moved, reverse=reverse)
        return [jnp.moveaxis(y, 0, d) for y, d in zip(outs, dims, strict=True)]
    return run
