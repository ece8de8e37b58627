"""scan: a function carried along the slices of tensors.

In: (carry, slice) -> (carry, result), the first carry, tensors to go through.  Out: the last carry and the results, stacked, as
one entry under `jax.lax.scan`: compiled once whatever the length, and differentiable.
Source: https://docs.pytorch.org/docs/main/higher_order_ops/scan.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bodies import Body, body_of, flatten, tensors_of
from ..nested import entry
from ..ops.control import scanned
from ..tensor import Tensor
from .common import no_effects, same_metadata, sliced, states_of

__all__ = ["scan"]


def scan(combine_fn: Callable, init: Any, xs: Any, *, dim: int = 0, reverse: bool = False) -> tuple[Any, Any]:
    """carry, y = combine_fn(carry, x) for each slice x of `xs` along `dim` (from the end with `reverse`); carry and all ys.

    init, xs and what combine_fn returns are tensors, nested as one likes; a carry keeps its shape and dtype. The ys are stacked
    along `dim`.
    """
    if not callable(combine_fn):
        raise RuntimeError(f"Combine_fn must be a callable, but got {combine_fn}")
    if not isinstance(dim, int):
        raise RuntimeError(f"Dim must be an int, but got {type(dim)}")
    if not isinstance(reverse, bool):
        raise RuntimeError(f"Reverse must be a bool, but got {type(reverse)}")
    carry, carry_structure = flatten(init)
    slices, structure = flatten(xs)
    if not carry:
        raise RuntimeError("scan() operator requires init leaves.")
    for x in carry:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"All init leaves must be a Tensor but got {x}")
    for x in slices:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"All xs leaves must be a Tensor but got {x}")
    if not slices:
        return init, []
    dims = [_dim(x, dim) for x in slices]
    lengths = {x.shape[d] for x, d in zip(slices, dims, strict=True)}
    if len(lengths) != 1:
        raise RuntimeError(f"All xs leaves must have the same size in dimension {dim}, but got {sorted(lengths)}")
    tensors_of([*carry, *slices])
    body = _body(combine_fn, carry, slices, dims, carry_structure, structure)
    return _recorded(body, len(carry), tuple(dims), max(dims), reverse)


def _dim(x: Tensor, dim: int) -> int:
    if x.ndim and not -x.ndim <= dim < x.ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-x.ndim}, {x.ndim - 1}], but got {dim})")
    if not x.ndim or not x.shape[dim]:
        raise RuntimeError("All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0")
    return dim % x.ndim


def _body(combine_fn: Callable, carry: list, slices: list, dims: list[int], carry_structure: Any, structure: Any) -> Body:
    """combine_fn on a nested tape. A carry that comes to require a gradient does so from the start."""
    n = len(carry)
    avals = [x._node.aval for x in carry] + [sliced(x, d) for x, d in zip(slices, dims, strict=True)]
    flags = [x.requires_grad for x in [*carry, *slices]]
    leaves = [*carry, *slices]

    def combine(*inner: Any) -> tuple[list, Any]:
        found = combine_fn(carry_structure.unflatten(inner[:n]), structure.unflatten(inner[n:]))
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise RuntimeError(f"combine_fn must return (carry, result), but got {type(found).__name__}")
        new, built = flatten(found[0])
        if len(new) != n:
            raise RuntimeError(f"Expected init and carry to have same number of outputs but got lhs:{n} and rhs:{len(new)}")
        return new, (found[1], _Structure(built))

    _, args = flatten((tuple(range(len(leaves))), {}))
    while True:
        body = body_of("scan", combine, leaves, args, avals, flags, repeated=True)
        no_effects("scan", body)
        if any(k is None for k in body.which[:n]):
            raise RuntimeError("scan: combine_fn must return tensors for the carry")
        new = [body.which[k] for k in range(n)]
        same_metadata("init", "carry", avals[:n], [body.avals[k] for k in new])     # type: ignore[index]
        passes = body.closed.flags()
        wanted = [f or passes[k] for f, k in zip(flags, new, strict=False)]     # type: ignore[index]
        if wanted == flags[:n]:
            return body
        flags[:n] = wanted


class _Structure:
    """The structure of a carry, among what a body returns."""

    def __init__(self, built: Any) -> None:
        self.built = built


def _recorded(body: Body, n: int, dims: tuple[int, ...], dim: int, reverse: bool) -> tuple[Any, Any]:
    closed, which = body.closed, body.which
    states = states_of(closed)
    marker = next(k for k, x in enumerate(body.leaves) if isinstance(x, _Structure))
    new = tuple(which[:n])
    ys = tuple(k for k in which[n:marker] if k is not None)

    passes = closed.flags()
    flags = (*(passes[k] for k in new), *[False] * len(states), *(passes[k] for k in ys))     # type: ignore[index]
    results = entry("scan", [closed], (new, ys, tuple(states), dims, dim, reverse),
                    lambda f: scanned(f, new, ys, states, dims, dim, reverse), flags=flags)
    for k, g in enumerate(closed.generators):
        g.carry_on(results[n + 2 * k], results[n + 2 * k + 1])
    stacked = iter(results[n + len(states):])
    leaves = [x if k is None else next(stacked) for x, k in zip(body.leaves[n:marker], which[n:marker], strict=True)]
    carry = body.leaves[marker].built.unflatten(results[:n])
    _, (y, _) = body.structure.unflatten([*[None] * n, *leaves, None])
    return carry, y
