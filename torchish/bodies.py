"""A user's function on a tape of its own, with its arguments and results in their own structure.

In: a function, its arguments (nested in lists, tuples, dicts).  Out: `Body`: the function as a `Closed` of nested.py, and how
to put its results together again.  What checkpoint, control flow, jit and export are built on.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax

from .avals import Aval
from .nested import Closed, Nested
from .storage import assign
from .tape import state
from .tensor import Tensor

__all__ = ["Body", "HookInsideError", "body_of", "flatten", "once_only", "tensors_of"]


def flatten(tree: Any) -> tuple[list, Any]:
    """Leaves and structure; None is a part of the structure."""
    return jax.tree_util.tree_flatten(tree)


def tensors_of(leaves: Sequence[Any]) -> list[Tensor]:
    """The tensors among the leaves, brought up to date where they are views."""
    found = [x for x in leaves if isinstance(x, Tensor)]
    for x in found:
        x.requires_grad     # noqa: B018  a view that fell behind is recorded anew, here and not inside the function
    return found


def once_only(what: str) -> None:
    """RuntimeError where what is recorded now will run many times, and `what` would happen only once."""
    nested = state.tape.nested
    if nested is not None and nested.repeated:
        raise RuntimeError(f"{nested.name}: {what}, which happens once, when it is recorded, and not at every run")


class HookInsideError(RuntimeError):
    """A hook on a tensor made inside a function which backward goes through as a whole."""


class Body:
    """One run of a function: `closed`, and what it returned (results by their number, other values as they are).

    written: (number of a tensor among the arguments, number of the result) for arguments that the function wrote into.
    """
    __slots__ = ("closed", "structure", "leaves", "which", "avals", "written")

    def __init__(self, closed: Closed, structure: Any, leaves: list, which: list[int | None], avals: list[Aval],
                 written: list[tuple[int, int]]) -> None:
        self.closed, self.structure, self.leaves, self.which, self.avals = closed, structure, leaves, which, avals
        self.written = written

    def write(self, tensors: Sequence[Tensor], results: Sequence[Any]) -> None:
        """Writes into the arguments what the function wrote into them."""
        for k, at in self.written:
            assign(tensors[k], results[at])

    def build(self, results: Sequence[Any]) -> Any:
        """What the function returned, with these tensors for its results."""
        return jax.tree_util.tree_unflatten(self.structure, [
            x if k is None else results[k] for x, k in zip(self.leaves, self.which, strict=True)])


def body_of(name: str, fn: Callable, leaves: Sequence[Any], structure: Any, avals: Sequence[Aval] | None = None,
            flags: Sequence[bool] | None = None, inside: AbstractContextManager | None = None, same: bool = False,
            repeated: bool = False) -> Body:
    """Runs `fn(*args, **kwargs)` on a nested tape; `leaves` and `structure` are those of (args, kwargs).

    avals, flags: what the stand-ins of the tensors look like and whether they require a gradient, where not as the tensors.
    inside: a context for the run.  same: an argument that comes back as it was is the caller's own tensor, no result.
    repeated: what is recorded will run many times.
    """
    outer = tensors_of(leaves)
    with Nested(name) as nested:
        nested.repeated |= repeated
        inner = [nested.input(x, None if avals is None else avals[k], None if flags is None else flags[k])
                 for k, x in enumerate(outer)]
        rest = iter(inner)
        args, kwargs = jax.tree_util.tree_unflatten(structure, [next(rest) if isinstance(x, Tensor) else x for x in leaves])
        with inside or nullcontext():
            found, built = flatten(fn(*args, **kwargs))
        known = {id(i): x for i, x in zip(inner, outer, strict=True)} if same else {}
        found = [known.get(id(x), x) if isinstance(x, Tensor) and id(x) in known and x._version == 0 else x for x in found]
        outs = [x for x in found if isinstance(x, Tensor) and (not same or nested.holds(x))]
        numbers = {id(x): k for k, x in enumerate(outs)}
        avals = [x._node.aval for x in outs]
        if any(x.requires_grad for x in outs) and any(stop.active() for stop in nested.tape.hooked.values()):
            raise HookInsideError(f"{name}: a tensor made inside has a hook or retains its gradient, and backward, which goes "
                                  "through the function as a whole, cannot stop there")
        changed = [(k, i) for k, i in enumerate(inner) if i._version]
        written = [(k, len(outs) + n) for n, (k, _) in enumerate(changed)]
        closed = nested.close([*outs, *(i for _, i in changed)])
    return Body(closed, built, [None if id(x) in numbers else x for x in found], [numbers.get(id(x)) for x in found], avals,
                written)
