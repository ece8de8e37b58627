"""torch.utils.hooks: handles of registered hooks, and what stands around a module that has backward hooks.

In: a module with hooks, its arguments and its results.  Out: the same values, between two nodes of the graph which call the hooks.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..api import zeros_like
from ..autograd.function import Function
from ..handles import RemovableHandle
from ..modes import is_grad_enabled
from ..tensor import Tensor
from ..warned import warn

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]

NO_INPUT_GRADIENT = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require gradients. "
    "See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more "
    "details.")


def unserializable_hook(f: Callable) -> Callable:
    """Marks a hook of a tensor, so that saving the tensor does not warn of it."""
    f.__torch_unserializable__ = True   # type: ignore[attr-defined]
    return f


def warn_if_has_hooks(tensor: Tensor) -> None:
    """Warns of the hooks of a tensor, which are not saved with it."""
    for hook in (tensor._hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warn(f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                 "function with @torch.utils.hooks.unserializable_hook to suppress this warning")


class BackwardHookFunction(Function):
    """What it is given, as the results of one node."""

    @staticmethod
    def forward(ctx: Any, *args: Tensor) -> tuple:  # type: ignore[override]
        ctx.mark_non_differentiable(*[x for x in args if not x.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *args: Any) -> tuple:    # type: ignore[override]
        return args


def _checked(new: Any, old: tuple, message: str) -> Any:
    """What a hook returned in place of `old`, which it keeps where it returned None."""
    if new is None:
        return old
    if len(new) != len(old):
        raise RuntimeError(f"{message}, got {len(new)}, but expected {len(old)}")
    return new


class _Side:
    """The arguments or the results of a call: how many there are, and which are tensors behind a node of their own."""

    def __init__(self, values: tuple) -> None:
        self.values, self.size = values, len(values)
        self.places: list[int] | None = None        # None: nothing here requires a gradient
        found = [(k, x) for k, x in enumerate(values) if isinstance(x, Tensor)]
        if not (is_grad_enabled() and any(x.requires_grad for _, x in found)):
            return
        self.places, self.tensors = [k for k, _ in found], [x.detach() for _, x in found]
        made = dict(zip(self.places, BackwardHookFunction.apply(*[x for _, x in found]), strict=True))
        self.node = next(x.grad_fn for x in made.values() if x.requires_grad)
        listed = [made.get(k, x) for k, x in enumerate(values)]
        self.values = tuple(listed) if type(values) is tuple else type(values)(*listed)

    def spread(self, grads: Sequence) -> tuple:
        """The gradients of the tensors at their places among all values, None at the others."""
        at = dict(zip(self.places or (), grads, strict=False))
        return tuple(at.get(k) for k in range(self.size))

    def gathered(self, grads: Any) -> tuple:
        """The gradients of the tensors alone."""
        return tuple(grads[k] for k in self.places or ())


class BackwardHook:
    """The backward hooks of one call of `module`: `setup_input_hook` before forward, `setup_output_hook` after it."""

    def __init__(self, module: Any, user_hooks: Iterable[Callable], user_pre_hooks: Iterable[Callable]) -> None:
        self.module, self.user_hooks, self.user_pre_hooks = module, list(user_hooks), list(user_pre_hooks)
        self.grad_outputs: Any = None

    def setup_input_hook(self, args: tuple) -> tuple:
        """The arguments that forward is to get."""
        self.inputs = _Side(args)
        if self.inputs.places is not None:
            self.inputs.node.register_hook(self._at_input)
        return self.inputs.values

    def setup_output_hook(self, result: Any) -> Any:
        """The results that the call is to return."""
        self.outputs = _Side(result if isinstance(result, tuple) else (result,))
        if self.outputs.places is not None:
            self.outputs.node.register_hook(self._at_output)
        return self.outputs.values if isinstance(result, tuple) else self.outputs.values[0]

    def _at_output(self, _: tuple, grads: tuple) -> tuple:
        given = self.outputs.spread(grads)
        for hook in self.user_pre_hooks:
            given = _checked(hook(self.module, given), given, "Backward pre hook returned an invalid number of grad_output")
        self.grad_outputs = given
        if self.inputs.places is None:
            self._without_input_gradient()
        return self.outputs.gathered(given)

    def _without_input_gradient(self) -> None:
        warn(NO_INPUT_GRADIENT)
        none = (None,) * self.inputs.size
        for hook in self.user_hooks:
            result = hook(self.module, none, self.grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(g is None for g in result)):
                raise RuntimeError("Backward hook for Modules where no input requires gradient should always return None or None "
                                   "for all gradients.")
        self.grad_outputs = None

    def _at_input(self, grads: tuple, _: tuple) -> tuple | None:
        if self.grad_outputs is None:       # the gradient came here past the module's results, as in a double backward
            return None
        given = self.inputs.spread([zeros_like(x) if g is None else g for g, x in zip(grads, self.inputs.tensors, strict=True)])
        for hook in self.user_hooks:
            given = _checked(hook(self.module, given, self.grad_outputs), given,
                             "Backward hook returned an invalid number of grad_input")
        self.grad_outputs = None
        return tuple([None if x is None else g for g, x in zip(self.inputs.gathered(given), grads, strict=True)])
