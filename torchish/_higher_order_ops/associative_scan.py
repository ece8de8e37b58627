"""associative_scan: all prefixes of an associative combination, in a logarithm of steps.

In: (a, b) -> a combined with b; tensors.  Out: tensors of the same shapes, as one entry under `jax.lax.associative_scan`.
Source: https://docs.pytorch.org/docs/main/higher_order_ops/associative_scan.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bodies import body_of, flatten, tensors_of
from ..nested import entry
from ..ops.control import combined
from ..tensor import Tensor
from .common import no_effects, same_metadata, sliced

__all__ = ["associative_scan"]


def associative_scan(combine_fn: Callable, xs: Any, dim: int, reverse: bool = False, combine_mode: str = "pointwise") -> Any:
    """y[0] = x[0], y[k] = combine_fn(y[k-1], x[k]) along `dim` (from the end with `reverse`), for tensors nested as one likes.

    combine_fn takes and returns slices without `dim`, and must be associative. combine_mode makes no difference here.
    """
    if not callable(combine_fn):
        raise ValueError(f"Combine_fn must be a callable, but got {combine_fn}")
    if not isinstance(dim, int):
        raise ValueError(f"Dim must be an int, but got {type(dim)}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    if not isinstance(reverse, bool):
        raise RuntimeError(f"Reverse must be a bool, but got {type(reverse)}")
    leaves, structure = flatten(xs)
    if not leaves:
        raise ValueError("Expected at least 1 xs leaf")
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"xs leaves must be a Tensor, but got {x}")
        if not -x.ndim <= dim < x.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-x.ndim}, {x.ndim - 1}], but got {dim})")
    dims = [dim % x.ndim for x in leaves]
    lengths = [x.shape[d] for x, d in zip(leaves, dims, strict=True)]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise ValueError(f"All xs leaves must have the same size, above 0, in the scanned dimension, but got {lengths}")
    tensors_of(leaves)
    return _recorded(combine_fn, leaves, structure, tuple(dims), reverse)


def _recorded(combine_fn: Callable, leaves: list, structure: Any, dims: tuple[int, ...], reverse: bool) -> Any:
    n = len(leaves)
    avals = [sliced(x, d) for x, d in zip(leaves, dims, strict=True)]
    flags = [x.requires_grad for x in leaves]
    _, given = flatten((tuple(range(2 * n)), {}))

    def combine(*inner: Any) -> Any:
        return combine_fn(structure.unflatten(inner[:n]), structure.unflatten(inner[n:]))

    body = body_of("associative_scan", combine, [*leaves, *leaves], given, avals * 2, flags * 2)
    no_effects("associative_scan", body)
    if body.structure != structure or any(k is None for k in body.which):
        raise RuntimeError(f"The structure of combine_fn's result, {body.structure}, is not that of xs, {structure}")
    same_metadata("xs", "combine_fn_output", avals, [body.avals[k] for k in body.which])     # type: ignore[index]
    if body.closed.generators:
        raise RuntimeError("associative_scan: combine_fn draws random numbers, so it is not associative")
    which = tuple(body.which)
    passes = body.closed.flags()
    results = entry("associative_scan", [body.closed], (which, dims, reverse),
                    lambda f: combined(f, which, dims, reverse), flags=tuple(any(passes) for _ in which))
    return structure.unflatten(results)
