"""The call of a custom operator as a custom function of autograd.

In: an operator with its rules, the values of its arguments.  Out: results whose `grad_fn` asks the rule for the gradients.
Lists of tensors are flat on the way through autograd and lists again in the rules.
Source: https://docs.pytorch.org/docs/stable/library.html#torch.library.register_autograd
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from ..autograd import Function
from ..tensor import Tensor

__all__ = ["Rule", "called"]


class Rule:
    """How an operator is differentiated and batched, as far as anybody has said so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backward: Callable | None = None
        self.setup_context: Callable | None = None
        self.vmap: Callable | None = None

    @cached_property
    def function(self) -> type:
        """The custom function; its arguments are a Call and the flat values."""
        rule = self

        def vmap(info: Any, in_dims: tuple, call: Call, *flat: Any) -> Any:
            results, dims = rule.vmap(info, tuple(call.nested(in_dims[1:])), *call.nested(flat), **call.named)
            return call.noted(results), call.flat_results(dims, fill=True)

        members = {"forward": staticmethod(lambda call, *flat: call.run(flat)), "setup_context": staticmethod(_set_up),
                   "backward": staticmethod(_backward), "generate_vmap_rule": rule.vmap is None}
        if rule.vmap is not None:
            members["vmap"] = staticmethod(vmap)
        return type(f"GeneratedBackwardFor_{self.name}", (Function,), members)


class Call:
    """One call: how the arguments and the results are nested."""

    def __init__(self, op: Any, values: list, named: dict[str, Any]) -> None:
        self.op, self.named = op, named
        self.lengths = [len(x) if isinstance(x, list | tuple) and any(isinstance(y, Tensor) for y in x) else None for x in values]
        self.result_lengths: list | None = None
        self.single = False

    def flat(self, values: Iterable) -> list:
        """Arguments, or their gradients, without lists; None for a list is None for each of its tensors."""
        found: list = []
        for x, n in zip(values, self.lengths, strict=True):
            found += [x] if n is None else [None] * n if x is None else x
        return found

    def nested(self, flat: Iterable) -> list:
        """What `flat` gave, with lists."""
        items = iter(flat)
        return [next(items) if n is None else [next(items) for _ in range(n)] for n in self.lengths]

    def run(self, flat: tuple) -> Any:
        """The results of the kernel, flat."""
        return self.noted(self.op.run(self.nested(flat), self.named))

    def noted(self, result: Any) -> Any:
        """`result` flat; how it is nested is kept."""
        self.single = not isinstance(result, tuple)
        self.result_lengths = [len(x) if isinstance(x, list) else None for x in ((result,) if self.single else result)]
        return self.flat_results(result)

    def flat_results(self, result: Any, fill: bool = False) -> Any:
        """Results without lists; with `fill` one thing said of a list is said of each item."""
        found: list = []
        for x, n in zip((result,) if self.single else result, self.result_lengths or (), strict=True):
            found += [x] if n is None else [x] * n if fill and not isinstance(x, list) else x
        return found[0] if self.single and self.result_lengths == [None] else tuple(found)

    def nested_results(self, flat: Any) -> Any:
        """What `run` gave, as the kernel gave it."""
        items = iter(flat if isinstance(flat, tuple) else (flat,))
        parts = [next(items) if n is None else [next(items) for _ in range(n)] for n in self.result_lengths or ()]
        return parts[0] if self.single else tuple(parts)


def _set_up(ctx: Any, inputs: tuple, output: Any) -> None:
    call: Call = inputs[0]
    ctx.call = call
    ctx.needs_input_grad = tuple(call.nested(ctx.needs_input_grad[1:]))
    if call.op.rule.setup_context is None:
        return
    given = {"inputs": tuple(call.nested(inputs[1:])), "output": call.nested_results(output)}
    if call.named:
        given["keyword_only_inputs"] = call.named
    call.op.rule.setup_context(ctx, **given)


def _backward(ctx: Any, *grads: Any) -> tuple:
    call: Call = ctx.call
    if call.op.rule.backward is None:
        raise RuntimeError(f"Trying to backward through {call.op} but no autograd formula was registered. Please use "
                           "register_autograd to add one.")
    nested = call.nested_results(grads)
    found = call.op.rule.backward(ctx, *((nested,) if call.single else nested))
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(call.lengths):
        raise RuntimeError(f"{call.op}: the function given to register_autograd returned {len(found)} gradients, but the operator "
                           f"has {len(call.lengths)} arguments: return None for those that have no gradient")
    return (None, *call.flat(found))


def called(op: Any, values: list, named: dict[str, Any]) -> Any:
    """The results of `op`, in the graph."""
    call = Call(op, values, named)
    return call.nested_results(op.rule.function.apply(call, *call.flat(values)))
