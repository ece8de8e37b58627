"""torch.cond: one of two functions, chosen by a value of the step.

In: a predicate, two functions of the same operands.  Out: the results of one of them, as one entry under `jax.lax.cond`; both
are recorded, one is run.  Source: https://docs.pytorch.org/docs/stable/generated/torch.cond.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bodies import Body, body_of, flatten
from ..nested import entry
from ..ops.control import chosen
from ..tensor import Tensor
from ..warned import warn
from .common import no_effects

__all__ = ["cond"]

CONSTANT = ("Pred is a Python constant. When used with torch.cond, it specializes on one of the branches. If you want torch.cond "
            "to preserve two branches, please make the predicate a boolean tensor or a SymBool.")


def cond(pred: bool | int | float | Tensor, true_fn: Callable, false_fn: Callable, operands: tuple | list = ()) -> Any:
    """true_fn(*operands) where `pred` (a boolean tensor of one element) is true, false_fn(*operands) elsewhere.

    Both return tensors of the same shapes and dtypes in the same structure; tensors they close over take part in
    differentiation. A Python constant chooses at once. Differs from torch: operands may be returned as they are.
    """
    if not isinstance(pred, (bool, int, float, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    leaves, structure = flatten(((*operands,) if isinstance(operands, (tuple, list)) else operands, {}))
    if not isinstance(operands, (tuple, list)) or not all(isinstance(x, Tensor) for x in leaves):
        raise RuntimeError("Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, "
                           f"but got {operands}.")
    if not isinstance(pred, Tensor):
        warn(CONSTANT)
        return (true_fn if pred else false_fn)(*operands)
    if pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    branches = [body_of("cond", fn, leaves, structure) for fn in (true_fn, false_fn)]
    no_effects("cond", *branches)
    _compare(*branches)
    return branches[0].build(_recorded(pred, *branches))


def _compare(a: Body, b: Body) -> None:
    """torch's errors where the branches return different things."""
    if a.structure != b.structure:
        raise RuntimeError(f"Unmatched output spec from torch.cond branches: true branch tree_spec {a.structure} vs false branch "
                           f"tree_spec {b.structure}.")
    for body in (a, b):
        for x, k in zip(body.leaves, body.which, strict=True):
            if k is None:
                raise RuntimeError(f"When merging two branches' output in torch.cond, expected tensors but got {x!r}")
    for x, y in zip(a.avals, b.avals, strict=True):
        for what in ("dtype", "shape", "device"):
            if getattr(x, what) != getattr(y, what):
                raise RuntimeError(f"When merging two branches' output in torch.cond, expected same {what} but got "
                                   f"{getattr(x, what)} and {getattr(y, what)}.")


def _recorded(pred: Tensor, a: Body, b: Body) -> tuple:
    """The entry; the state of a generator that only one branch draws from passes through the other."""
    generators = list(dict.fromkeys([*a.closed.generators, *b.closed.generators]))
    states = [s for g in generators for s in g._lazy]
    wanted = a.closed.wanted
    takes = tuple(tuple(c.closed.wanted + 2 * c.closed.generators.index(g) if g in c.closed.generators else None
                        for g in generators) for c in (a, b))

    flags = [x or y for x, y in zip(a.closed.flags()[:wanted], b.closed.flags()[:wanted], strict=True)]
    results = entry("cond", [a.closed, b.closed], takes, lambda f, g: chosen(f, g, wanted, takes),
                    operands=[pred, *states], flags=(*flags, *[False] * len(states)))
    for k, g in enumerate(generators):
        g.carry_on(results[wanted + 2 * k], results[wanted + 2 * k + 1])
    return results[:wanted]
