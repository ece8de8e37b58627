"""What JAX makes of a recorded function: itself, mapped over a batch, with its derivatives.

In: a pure function `f(arrays) -> arrays` (both lists) that a nested tape has become (`torchish/nested.py`).  Out: a function of
the same kind.  torch's gradients are the conjugates of JAX's where they are complex.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .turns import mapped

__all__ = ["Pure", "batched", "cut", "cut_reverse", "gradients", "integers", "jacobian_by_row", "jacobian_forward",
           "jacobian_reverse", "pulled_back", "pushed_forward", "with_pullback", "with_pushforward"]

Pure = Callable[[Sequence[Any]], list[Any]]


def integers(pairs: Sequence[Any]) -> list:
    """64-bit integers from floats that hold their upper and lower 32 bits."""
    return [jnp.asarray(a).astype(jnp.int64) * 2**32 + jnp.asarray(b).astype(jnp.int64)
            for a, b in zip(pairs[::2], pairs[1::2], strict=True)]


def cut(x: Any) -> Any:
    """`x`, through which no derivative passes."""
    return lax.stop_gradient(x)


def cut_reverse(x: Any) -> Any:
    """`x`, through which tangents pass and cotangents do not: what no_grad is to forward mode."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    # an identity whose transpose is zero, in the one form that JAX can map, push and pull
    return lax.custom_linear_solve(lambda v: v, x, lambda _, b: b, lambda _, b: jnp.zeros_like(b))


def batched(f: Pure, in_axes: Sequence[int | None], out_axes: Sequence[int | None], size: int, chunk: int | None = None) -> Pure:
    """`f` at each index of the given axes; `chunk` of them at a time."""
    if chunk is None or chunk >= size:
        return jax.vmap(f, in_axes=(list(in_axes),), out_axes=list(out_axes), axis_size=size)

    def in_chunks(args: Sequence[Any]) -> list:
        rows = [jnp.moveaxis(a, axis, 0) for a, axis in zip(args, in_axes, strict=True) if axis is not None]
        places = [k for k, axis in enumerate(in_axes) if axis is not None]
        outs = mapped(lambda values: f(_with(args, places, values)), rows, chunk)
        return [o[0] if axis is None else jnp.moveaxis(o, 0, axis) for o, axis in zip(outs, out_axes, strict=True)]
    return in_chunks


def _rows(row: Callable, basis: Any, chunk: int | None) -> list:
    return mapped(row, basis, chunk) if chunk else jax.vmap(row)(basis)


def _basis(a: Any) -> Any:
    return jnp.eye(a.size, dtype=a.dtype).reshape(a.size, *a.shape)


def jacobian_reverse(f: Pure, wrt: Sequence[int], roots: Sequence[int], chunk: int | None) -> Pure:
    """All results, then for each of the results `roots` its Jacobians with respect to the arguments `wrt`, row by row."""
    def both(args: Sequence[Any]) -> list:
        def of(*values: Any) -> tuple[list, list]:
            outs = f(_with(args, wrt, values))
            return [outs[k] for k in roots], outs
        at, pull, outs = jax.vjp(of, *[args[k] for k in wrt], has_aux=True)
        zeros = [jnp.zeros_like(a) for a in at]
        found = []
        for k, a in enumerate(at):
            for g in _rows(lambda row, k=k: pull(_with(zeros, [k], [row])), _basis(a), chunk):
                found.append(_conj(g.reshape(*a.shape, *g.shape[1:])))
        return [*outs, *found]
    return both


def jacobian_by_row(f: Pure, cotangents: Sequence[int], grads: Sequence[int], chunk: int | None) -> Pure:
    """The same of a function that itself pulls back: its arguments `cotangents` give its results `grads`."""
    def both(args: Sequence[Any]) -> list:
        found = []
        for k in cotangents:
            def row(c: Any, k: int = k) -> list:
                outs = f(_with(args, [k], [c]))
                return [outs[g] for g in grads]
            found += [g.reshape(*args[k].shape, *g.shape[1:]) for g in _rows(row, _basis(args[k]), chunk)]
        return [*f(args), *found]
    return both


def jacobian_forward(f: Pure, wrt: Sequence[int], roots: Sequence[int], chunk: int | None) -> Pure:
    """The same, column by column."""
    def both(args: Sequence[Any]) -> list:
        def of(*values: Any) -> tuple[list, list]:
            outs = f(_with(args, wrt, values))
            return [outs[k] for k in roots], outs
        at = [args[k] for k in wrt]
        _, push, outs = jax.linearize(of, *at, has_aux=True)
        zeros = [jnp.zeros_like(a) for a in at]
        columns = []
        for k, a in enumerate(at):
            found = _rows(lambda column, k=k: push(*_with(zeros, [k], [column])), _basis(a), chunk)
            columns.append([jnp.moveaxis(t, 0, -1).reshape(*t.shape[1:], *a.shape) for t in found])
        return [*outs, *[column[k] for k in range(len(roots)) for column in columns]]
    return both


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def _with(values: Sequence[Any], places: Sequence[int], new: Sequence[Any]) -> list:
    """`values` with `new` at `places`."""
    values = list(values)
    for k, v in zip(places, new, strict=True):
        values[k] = v
    return values


def pulled_back(f: Pure, wrt: Sequence[int], roots: Sequence[int]) -> Callable[[Sequence[Any], Sequence[Any]], list]:
    """(arguments, cotangents of the results `roots`) -> all results, then the gradients of the arguments `wrt`."""
    def both(args: Sequence[Any], cotangents: Sequence[Any]) -> list:
        def of(*values: Any) -> tuple[list, list]:
            outs = f(_with(args, wrt, values))
            return [outs[k] for k in roots], outs
        at, pull, outs = jax.vjp(of, *[args[k] for k in wrt], has_aux=True)
        grads = pull([_conj(c.astype(a.dtype)) for c, a in zip(cotangents, at, strict=True)])
        return [*outs, *map(_conj, grads)]
    return both


def gradients(f: Pure, wrt: Sequence[int]) -> Pure:
    """All results, then the gradients of the first with respect to the arguments `wrt`."""
    def both(args: Sequence[Any]) -> list:
        def of(*values: Any) -> tuple[Any, list]:
            outs = f(_with(args, wrt, values))
            return outs[0], outs
        at, pull, outs = jax.vjp(of, *[args[k] for k in wrt], has_aux=True)
        return [*outs, *map(_conj, pull(jnp.ones_like(at)))]
    return both


def pushed_forward(f: Pure, wrt: Sequence[int], roots: Sequence[int]) -> Callable[[Sequence[Any], Sequence[Any]], list]:
    """(arguments, tangents of the arguments `wrt`) -> all results, then the tangents of the results `roots`."""
    def both(args: Sequence[Any], tangents: Sequence[Any]) -> list:
        def of(*values: Any) -> tuple[list, list]:
            outs = f(_with(args, wrt, values))
            return [outs[k] for k in roots], outs
        at = [args[k] for k in wrt]
        _, pushed, outs = jax.jvp(of, at, [t.astype(a.dtype) for t, a in zip(tangents, at, strict=True)], has_aux=True)
        return [*outs, *pushed]
    return both


def _kept(kept: Sequence[tuple[bool, int]], args: Sequence[Any], outs: Sequence[Any]) -> tuple:
    return tuple([args[k] if given else outs[k] for given, k in kept])


def with_pullback(f: Pure, pull: Pure, results: int, kept: Sequence[tuple[bool, int]], wrt: Sequence[int],
                  ) -> Callable[[Sequence[Any], Sequence[Any]], list]:
    """`f` with a derivative of its own: pull(kept, cotangents of the first `results`, captured) -> gradients of arguments `wrt`.

    `f` returns its results, then more; kept: which of its arguments (True, k), or of what it returns (False, k).
    Called with its arguments and what `pull` captured.
    """
    def both(args: Sequence[Any], captured: Sequence[Any]) -> list:
        n = len(args)

        @jax.custom_vjp
        def rule(*values: Any) -> tuple:
            return tuple(f(values[:n]))

        def forward(*values: Any) -> tuple:
            outs = rule(*values)
            return outs, (_kept(kept, values, outs), values[n:])

        def backward(saved: tuple, cotangents: tuple) -> tuple:
            given = [jnp.zeros(c.shape) if c.dtype == jax.dtypes.float0 else _conj(c) for c in cotangents[:results]]
            found = pull([*saved[0], *given, *saved[1]])
            grads: list = [None] * (n + len(saved[1]))
            for k, g in zip(wrt, found, strict=True):
                grads[k] = _conj(g).astype(args[k].dtype)
            return tuple(grads)
        rule.defvjp(forward, backward)
        return list(rule(*args, *captured))
    return both


def with_pushforward(f: Pure, push: Pure, results: int, kept: Sequence[tuple[bool, int]], arguments: int,
                     ) -> Callable[[Sequence[Any], Sequence[Any]], list]:
    """`f` with a derivative of its own: push(kept, tangents of the first `arguments`, captured) -> tangents of the `results`."""
    def both(args: Sequence[Any], captured: Sequence[Any]) -> list:
        n = len(args)

        @jax.custom_jvp
        def rule(*values: Any) -> tuple:
            return tuple(f(values[:n]))

        @rule.defjvp
        def forward(values: tuple, tangents: tuple) -> tuple:
            outs = rule(*values)
            given = [t for t, v in zip(tangents[:arguments], values, strict=False) if jnp.issubdtype(v.dtype, jnp.inexact)]
            found = iter(push([*_kept(kept, values, outs), *given, *values[n:]]))
            changes = []
            for k, o in enumerate(outs):
                real = jnp.issubdtype(o.dtype, jnp.inexact)
                changes.append(next(found) if k < results and real else
                               jnp.zeros_like(o) if real else np.zeros(o.shape, jax.dtypes.float0))
            return outs, tuple(changes)
        return list(rule(*args, *captured))
    return both
