"""What torch asks of the tangents that the `jvp` of a custom function returns.

In: the `ctx` of the call, its arguments and results, tangents.  Out: nothing, or torch's errors.
"""
from __future__ import annotations

from ..storage import storage_of, version_of
from ..tangents import check_tangent
from ..tensor import Tensor
from .context import FunctionCtx

__all__ = ["check_shared", "check_tangents"]


def check_tangents(ctx: FunctionCtx, results: list, found: tuple) -> None:
    """torch's errors for what the user's jvp returned."""
    if len(found) != len(results):
        raise RuntimeError(f"Function's jvp returned an invalid number of forward gradients (expected {len(results)} but got "
                           f"{len(found)})")
    for k, (t, r) in enumerate(zip(found, results, strict=True)):
        if t is None:
            continue
        if not isinstance(t, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(t).__name__}) for grad output {k}.")
        if not isinstance(r, Tensor) or any(r is c for c in ctx._constant) or not r._node.aval.differentiable:
            raise RuntimeError(f"Function's jvp returned a gradient at position {k}, but  the corresponding forward output is "
                               "not a differentiable Tensor.You should return None at that position instead.")
        check_tangent(r, t)


def check_shared(ctx: FunctionCtx, results: list, found: tuple, args: tuple, inner: list, tangents: list) -> None:
    """torch's errors where a result shares memory with an argument and its tangent does not with that of the argument.

    args: what the function was called with; inner: what its forward got instead; tangents: one for each argument, or None.
    """
    for r, t in zip(results, found, strict=True):
        owner = storage_of(r) if isinstance(r, Tensor) else None
        place = next((j for j, i in enumerate(inner) if isinstance(i, Tensor) and i is owner), None)
        if place is None or t is None or tangents[place] is None:
            continue
        if any(r is d for d in ctx._dirty):
            if t is not tangents[place] or not version_of(t):
                raise RuntimeError("An inplace custom Function is not modifying the forward mode gradients inplace. If the forward "
                                   "is modifying an input inplace, then the jvp function must modify the corresponding gradient "
                                   "inplace.")
        elif t._view is None:
            raise RuntimeError("A custom Function's forward is returning a view (or an input as-is) but the jvp is not returning a "
                               "view.")
        elif storage_of(t) is not storage_of(tangents[place]):
            whose = "the given" if args[place]._view is None else "the same base as the given"
            raise RuntimeError(f"A custom Function is returning a view but the jvp is not returning a view of {whose} grad input.")
