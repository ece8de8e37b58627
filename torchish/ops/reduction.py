"""What losses share: the reduction, the check of sizes, the deprecated arguments.

In: unreduced losses and the name of a reduction.  Out: their mean or sum, or themselves.
"""
from __future__ import annotations

from collections.abc import Callable

import jax

from ..warned import warn
from .check import listing
from .precision import dtype_name, inexact

__all__ = ["last_node", "legacy", "reduced", "size_of", "warn_sizes"]


def legacy(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, or what the deprecated arguments size_average and reduce mean."""
    if size_average is None and reduce is None:
        if reduction not in ("none", "mean", "sum"):
            raise ValueError(f"{reduction} is not a valid value for reduction")
        return reduction
    chosen = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(f"size_average and reduce args will be deprecated, please use reduction='{chosen}' instead.")
    return chosen


def reduced(values: jax.Array, reduction: str) -> jax.Array:
    """The mean or the sum of the values, or the values."""
    if reduction == "mean":
        if not inexact(values):
            raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
                               f"dtype. Got: {dtype_name(values)}")
        return values.mean()
    return values.sum() if reduction == "sum" else values


def last_node(otherwise: str) -> Callable[[dict], str]:
    """The rule of losses that torch builds from other ops: the reduction's node, or `otherwise`."""
    return lambda attributes: {"mean": "MeanBackward0", "sum": "SumBackward0"}.get(attributes["reduction"], otherwise)


def size_of(x: jax.Array) -> str:
    """A shape as torch.Size prints it."""
    return f"torch.Size({listing(x.shape)})"


def warn_sizes(x: jax.Array, target: jax.Array) -> None:
    """Warns where input and target would broadcast."""
    if x.shape != target.shape:
        warn(f"Using a target size ({size_of(target)}) that is different to the input size ({size_of(x)}). "
             "This will "
             "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.")
