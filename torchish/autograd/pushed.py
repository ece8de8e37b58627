"""Custom functions whose `jvp` looks at values, inside a function through which tangents are pushed.

In: a call of `Function.apply` on a nested tape of which the tangents are known.  Out: its results as further inputs of that tape,
with the tangents that the user's `jvp` gave outside, where primals and tangents have values.
"""
from __future__ import annotations

from typing import Any

from ..modes import no_grad
from ..nested import Nested
from ..recorder import hooks
from ..storage import assign
from ..tangents import add_input, split
from ..tensor import Tensor
from .inside import PUSHED, InsideCtx
from .rules import check_tangents

__all__ = ["apply_pushed", "can_push", "stands_for"]


def can_push(nested: Nested, own: set[str]) -> bool:
    """Whether a call stands on a tape whose tangents are known, and has a `jvp` to call with them."""
    return nested.name in PUSHED and nested.pushed is not None and "jvp" in own


def apply_pushed(cls: Any, nested: Nested, own: set[str], args: tuple, kwargs: dict) -> Any:
    """What `cls.apply(*args, **kwargs)` returns, whose `jvp` is called outside.

    Errors: NoValueError where a derivative is to go on outside which values stop.
    """
    pairs = [split(nested, a) if isinstance(a, Tensor) and nested.holds(a) else (a, None) for a in args]
    outer = [primal for primal, _ in pairs]
    with nested.outside():
        output = cls.apply(*outer, **kwargs)
        results = list(output) if isinstance(output, tuple) else [output]
        found: tuple = (None,) * len(results)
        if any(tangent is not None for _, tangent in pairs):
            ctx = _context(cls, own, outer, kwargs, output)
            found = cls.jvp(ctx.for_jvp(), *[_given(ctx, *pair) for pair in pairs])
            found = found if isinstance(found, tuple) else (found,)
            check_tangents(ctx, results, found)
    shown = list(results)
    for k, (r, t) in enumerate(zip(results, found, strict=True)):
        if isinstance(r, Tensor):
            shown[k] = hooks.public["_alias"](r) if t is None else add_input(nested, r, t)
            original = next((a for a, o in zip(args, outer, strict=True) if o is r), None)
            if original is not None:        # written in place
                shown[k] = assign(original, shown[k])
    return tuple(shown) if isinstance(output, tuple) else shown[0]


def _context(cls: Any, own: set[str], args: list, kwargs: dict, output: Any) -> InsideCtx:
    """What forward, or `setup_context`, keeps; results are those that stand in the graph."""
    ctx = InsideCtx()
    ctx.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])    # type: ignore[assignment]
    ctx._in_backward = True
    with no_grad():
        if "setup_context" in own:
            cls.setup_context(ctx, tuple(args), output)
            return ctx
        again = cls.forward(ctx, *args, **kwargs)
    stands_for(ctx, again, output)
    return ctx


def stands_for(ctx: Any, own: Any, output: Any) -> Any:
    """`output`, which `ctx` keeps from now on in place of what forward has returned itself."""
    pairs = list(zip(own if isinstance(own, tuple) else (own,), output if isinstance(output, tuple) else (output,), strict=True))
    for name in ("_to_save", "_for_forward", "_constant", "_dirty"):
        setattr(ctx, name, tuple([next((new for old, new in pairs if old is x), x) for x in getattr(ctx, name)]))
    return output


def _given(ctx: InsideCtx, primal: Any, tangent: Tensor | None) -> Tensor | None:
    """What `jvp` gets for an argument: zeros where no tangent comes to it, unless it wants to know."""
    if tangent is not None or not isinstance(primal, Tensor) or not primal._node.aval.differentiable:
        return tangent
    return hooks.zeros(primal._node.aval) if ctx.materialize_grads else None
