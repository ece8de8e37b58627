"""The slow road of a module call: forward pre-hooks, forward, forward hooks.

In: a module that has hooks (its own or global ones) and the arguments of the call.  Out: what the call returns.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..utils.hooks import RemovableHandle

__all__ = ["add_hook", "call_with_hooks", "global_hooks", "register_module_forward_hook",
           "register_module_forward_pre_hook"]

_pre: OrderedDict[int, Callable] = OrderedDict()
_post: OrderedDict[int, Callable] = OrderedDict()
_post_kwargs: OrderedDict[int, bool] = OrderedDict()
_post_always: OrderedDict[int, bool] = OrderedDict()
global_hooks = [_pre, _post]


def add_hook(hooks: OrderedDict, hook: Callable, flags: list[tuple[OrderedDict, bool]] = (),
             prepend: bool = False) -> RemovableHandle:
    """Registers `hook` in `hooks` and its id in each dictionary of `flags` whose condition holds."""
    handle = RemovableHandle(hooks, extra_dict=[d for d, _ in flags])
    hooks[handle.id] = hook
    for where, condition in flags:
        if condition:
            where[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, args)` before every module's forward."""
    return add_hook(_pre, hook)


def register_module_forward_hook(hook: Callable, *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    """Calls `hook(module, args, output)` after every module's forward."""
    return add_hook(_post, hook, [(_post_kwargs, with_kwargs), (_post_always, always_call)])


def _before(module: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    for key, hook in [*_pre.items(), *module._forward_pre_hooks.items()]:
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


def call_with_hooks(module: Any, args: tuple, kwargs: dict) -> Any:
    """One call of `module` through all its hooks; `always_call` hooks also run when something raises."""
    called: set[int] = set()
    output = None
    try:
        args, kwargs = _before(module, args, kwargs)
        output = module.forward(*args, **kwargs)
        with_kwargs = {*_post_kwargs, *module._forward_hooks_with_kwargs}
        for key, hook in [*_post.items(), *module._forward_hooks.items()]:
            called.add(key)
            result = hook(module, args, kwargs, output) if key in with_kwargs else hook(module, args, output)
            if result is not None:
                output = result
        return output
    except Exception:
        for key, hook in [*_post.items(), *module._forward_hooks.items()]:
            if key in called or (key not in _post_always and key not in module._forward_hooks_always_called):
                continue
            if key in _post_kwargs or key in module._forward_hooks_with_kwargs:
                hook(module, args, kwargs, output)
            else:
                hook(module, args, output)
        raise
