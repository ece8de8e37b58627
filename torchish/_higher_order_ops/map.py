"""map: a function applied to each slice of tensors, one after the other.

In: a function of a slice (and further arguments), tensors.  Out: the results, stacked, as one entry under `jax.lax.map`.
Source: torch's `torch._higher_order_ops.map`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bodies import flatten
from ..creation import constant
from ..dtypes import bool_
from ..tensor import Tensor
from .scan import scan

__all__ = ["map"]


def map(f: Callable, xs: Any, *args: Any) -> Any:
    """f(x, *args) for each slice x of `xs` along the first dimension; the results stacked along a new first dimension."""
    leaves, _ = flatten(xs)
    if not leaves or not all(isinstance(x, Tensor) for x in leaves):
        raise RuntimeError(f"Mapped xs can only consist of tensors. Got xs {leaves}.")
    shapes = [x.shape for x in leaves]
    if len({tuple(s[:1]) for s in shapes}) != 1:
        raise RuntimeError(f"Leading dimensions of mapped xs must be consistent. Got shapes {shapes}.")
    if not shapes[0]:
        raise IndexError("tuple index out of range")
    if not shapes[0][0]:
        raise RuntimeError("Leading dimensions of mapped xs cannot be 0.")
    none = constant((), False, dtype=bool_, device=leaves[0]._node.aval.device)
    return scan(lambda carry, x: (carry, f(x, *args)), none, xs)[1]
