"""The hooks of modules: how they are registered, and the slow road of a call that goes through them.

In: a module that has hooks (its own, or shared by all modules) and the arguments of a call.  Out: what the call returns.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, NamedTuple

from ..handles import RemovableHandle, add_to
from ..tensor import Tensor
from ..utils.hooks import BackwardHook
from ..warned import warn

__all__ = ["Hooked", "Shared", "call_with_hooks"]

MIXED = ("Cannot use both regular backward hooks and full backward hooks as a global Module hook. Please use only one of them.",
         "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only one of them.")
OLD_KIND = " is deprecated and will be removed in future versions. This hook will be missing some "
INSTEAD = " Please use register_full_backward_hook to get the documented behavior."


class Shared(NamedTuple):
    """The hooks that all modules have: the dictionaries of `nn.modules.module`, as they are at this call."""
    pre: OrderedDict
    post: OrderedDict
    post_kwargs: OrderedDict
    post_always: OrderedDict
    backward_pre: OrderedDict
    backward: OrderedDict
    full: bool | None


class Hooked:
    """The part of Module that registers hooks."""

    _call_hooks: OrderedDict        # the ids of all hooks of calls: one look tells whether there are any
    _forward_hooks: OrderedDict
    _forward_hooks_with_kwargs: OrderedDict
    _forward_hooks_always_called: OrderedDict
    _forward_pre_hooks: OrderedDict
    _forward_pre_hooks_with_kwargs: OrderedDict
    _backward_hooks: OrderedDict
    _backward_pre_hooks: OrderedDict
    _is_full_backward_hook: bool | None

    def _add(self, hooks: OrderedDict, hook: Callable, prepend: bool, *flags: tuple[OrderedDict, bool]) -> RemovableHandle:
        return add_to(hooks, hook, [*flags, (self._call_hooks, True)], prepend)

    def _drop_pre_hook(self, key: int) -> None:
        """Takes a forward pre-hook out, by the id of its handle."""
        for hooks in (self._forward_pre_hooks, self._call_hooks):
            hooks.pop(key, None)

    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Calls `hook(module, args)`, or `hook(module, args, kwargs)`, before forward; it may return new arguments."""
        return self._add(self._forward_pre_hooks, hook, prepend, (self._forward_pre_hooks_with_kwargs, with_kwargs))

    def register_forward_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Calls `hook(module, args, output)` (kwargs before output, if asked) after forward; it may return another."""
        return self._add(self._forward_hooks, hook, prepend, (self._forward_hooks_with_kwargs, with_kwargs),
                         (self._forward_hooks_always_called, always_call))

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the backward of the module; it may return other gradients."""
        return self._add(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` after the backward of the module; it may return other `grad_input`."""
        if self._is_full_backward_hook is False:
            raise RuntimeError(MIXED[1])
        self._is_full_backward_hook = True
        return self._add(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """The older form: sees the gradients at the node of the graph that made the result."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(MIXED[1])
        self._is_full_backward_hook = False
        return self._add(self._backward_hooks, hook, False)


def _before(module: Any, shared: Shared, args: Any, kwargs: dict) -> tuple[Any, dict]:
    for key, hook in [*shared.pre.items(), *module._forward_pre_hooks.items()]:
        if key in module._forward_pre_hooks_with_kwargs:
            result = hook(module, args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError("forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                                   f"but got {result}.")
            args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    return args, kwargs


def _backward_hooks(module: Any, shared: Shared, full: bool) -> list[Callable]:
    """The backward hooks of one kind: those of all modules first."""
    return [*(shared.backward.values() if shared.full is full else ()),
            *(module._backward_hooks.values() if module._is_full_backward_hook is full else ())]


class _Call:
    """One call on the slow road, with what is to be known of it when something raises."""

    def __init__(self, module: Any, shared: Shared, args: Any, kwargs: dict) -> None:
        self.module, self.shared, self.args, self.kwargs = module, shared, args, kwargs
        self.called: set[int] = set()
        self.output: Any = None

    def run(self) -> Any:
        """Pre-hooks, forward, hooks; the backward hooks are put around."""
        module, shared = self.module, self.shared
        full, old = _backward_hooks(module, shared, True), _backward_hooks(module, shared, False)
        pre = [*shared.backward_pre.values(), *module._backward_pre_hooks.values()]
        self.args, self.kwargs = _before(module, shared, self.args, self.kwargs)
        around = BackwardHook(module, full, pre) if full or pre else None
        if around is not None:
            self.args = around.setup_input_hook(self.args)
        self.output = module.forward(*self.args, **self.kwargs)
        for key, hook in [*shared.post.items(), *module._forward_hooks.items()]:
            self.called.add(key)
            self._after(key, hook)
        if around is not None:
            if not isinstance(self.output, (Tensor, tuple)):
                warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                     f"received {type(self.output)}")
            self.output = around.setup_output_hook(self.output)
        if old:
            _old_hooks(module, old, self.args, self.output)
        return self.output

    def _after(self, key: int, hook: Callable) -> None:
        with_kwargs = key in self.shared.post_kwargs or key in self.module._forward_hooks_with_kwargs
        args = (self.args, self.kwargs, self.output) if with_kwargs else (self.args, self.output)
        result = hook(self.module, *args)
        if result is not None:
            self.output = result

    def after_error(self) -> None:
        """The hooks that are always called, and have not been yet; what they raise is a warning."""
        module, shared = self.module, self.shared
        for hooks, always, what in ((shared.post, shared.post_always, "global module"),
                                    (module._forward_hooks, module._forward_hooks_always_called, "module")):
            for key, hook in hooks.items():
                if key not in always or key in self.called:
                    continue
                try:
                    self._after(key, hook)
                except Exception as error:
                    warn(f"{what} forward hook with ``always_call=True`` raised an exception that was silenced as another "
                         f"error was raised in forward: {error}")


def call_with_hooks(module: Any, shared: Shared, args: tuple, kwargs: dict) -> Any:
    """One call of `module` through all its hooks; `always_call` hooks also run when something raises."""
    call = _Call(module, shared, args, kwargs)
    try:
        return call.run()
    except Exception:
        call.after_error()
        raise


# ---- the older kind of backward hooks ----
def _first_tensor(value: Any) -> Tensor:
    while not isinstance(value, Tensor):
        value = next(v for v in value.values() if isinstance(v, Tensor)) if isinstance(value, dict) else value[0]
    return value


def _old_hooks(module: Any, hooks: list[Callable], args: Any, result: Any) -> None:
    """Hooks at the node that made the (first) result, and a warning where that node is not the whole module."""
    node = _first_tensor(result).grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(update_wrapper(partial(hook, module), hook))
    missing = _what_is_missing(args, result, node)
    if missing is not None:
        warn(missing, FutureWarning)


def _what_is_missing(args: Any, result: Any, node: Any) -> str | None:
    for value, what, grads in ((result, "return", "grad_output"), (args, "take as input", "grad_input")):
        if not isinstance(value, Tensor) and not (isinstance(value, tuple) and all(isinstance(x, Tensor) for x in value)):
            return (f"Using non-full backward hooks on a Module that does not {what} a single Tensor or a tuple of Tensors"
                    f"{OLD_KIND}{grads}.{INSTEAD}")
    made = {x.grad_fn for x in ((result,) if isinstance(result, Tensor) else result) if x.grad_fn is not None}
    given = {x.grad_fn for x in ((args,) if isinstance(args, Tensor) else args) if x.grad_fn is not None}
    if not made or (len(made) == 1 and node not in made):
        return f"Using a non-full backward hook when outputs are nested in python data structure{OLD_KIND}grad_output."
    if len(made) > 1:
        return ("Using a non-full backward hook when outputs are generated by different autograd Nodes"
                f"{OLD_KIND}grad_output.{INSTEAD}")
    if given != {n for n, _ in node.next_functions}:
        return f"Using a non-full backward hook when the forward contains multiple autograd Nodes{OLD_KIND}grad_input.{INSTEAD}"
    return None
