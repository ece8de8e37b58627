"""Module: a tree of parameters, buffers and submodules with a forward function.

In: attributes that the user assigns.  Out: registries, calls through `forward`.  Going through the tree is in `tree.py`, saving in
`state.py`, dtype and device changes in `convert.py`, the road through hooks in `hooks.py`.
"""
from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..handles import RemovableHandle, add_to
from ..tensor import Tensor
from .convert import Convert
from .hooks import MIXED, Hooked, Shared, call_with_hooks
from .parameter import Buffer, Parameter
from .state import _EXTRA_STATE_KEY_SUFFIX, StateDict, _IncompatibleKeys  # noqa: F401  names that torch has here
from .tree import Tree

__all__ = ["Module", "register_module_backward_hook", "register_module_buffer_registration_hook", "register_module_forward_hook",
           "register_module_forward_pre_hook", "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
           "register_module_module_registration_hook", "register_module_parameter_registration_hook"]

_PACKAGE = __package__.partition(".")[0]
_CALL = ("_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_pre_hooks")
_HOOKS = ("_call_hooks", "_backward_pre_hooks", "_backward_hooks", "_forward_hooks",
          "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks",
          "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
          "_load_state_dict_post_hooks")

# hooks that all modules have; the names are torch's, and may be bound to other dictionaries
_global_buffer_registration_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_module_registration_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_parameter_registration_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_backward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_backward_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_is_full_backward_hook: bool | None = None
_global_forward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_forward_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_any: OrderedDict[int, bool] = OrderedDict()        # the ids of all those that concern a call: one look tells whether there are any


def _shared() -> Shared:
    return Shared(_global_forward_pre_hooks, _global_forward_hooks, _global_forward_hooks_with_kwargs,
                  _global_forward_hooks_always_called, _global_backward_pre_hooks, _global_backward_hooks,
                  _global_is_full_backward_hook)


def _has_any_global_hook() -> bool:
    """Whether a call of any module goes through hooks."""
    return bool(_any)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` when a buffer is registered; it may return another."""
    return add_to(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, submodule)` when a module is registered; it may return another."""
    return add_to(_global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, parameter)` when a parameter is registered; it may return another."""
    return add_to(_global_parameter_registration_hooks, hook)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, args)` before every module's forward."""
    return add_to(_global_forward_pre_hooks, hook, [(_any, True)])


def register_module_forward_hook(hook: Callable, *, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
    """Calls `hook(module, args, output)` after every module's forward."""
    return add_to(_global_forward_hooks, hook, [(_global_forward_hooks_with_kwargs, with_kwargs),
                                                (_global_forward_hooks_always_called, always_call), (_any, True)])


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_output)` before every module's backward."""
    return add_to(_global_backward_pre_hooks, hook, [(_any, True)])


def _add_global_backward(hook: Callable, full: bool) -> RemovableHandle:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not full):
        raise RuntimeError(MIXED[0])
    _global_is_full_backward_hook = full
    return add_to(_global_backward_hooks, hook, [(_any, True)])


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` after every module's backward."""
    return _add_global_backward(hook, True)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """The older form of register_module_full_backward_hook: sees the gradients at one node of the graph."""
    return _add_global_backward(hook, False)


def _addindent(text: str, spaces: int) -> str:
    """All lines but the first moved in by some spaces."""
    return text.replace("\n", "\n" + " " * spaces)


def _registered(hooks: OrderedDict, module: Module, name: str, value: Any) -> Any:
    """What is registered in place of `value`."""
    for hook in hooks.values():
        new = hook(module, name, value)
        if new is not None:
            value = new
    return value


def _is_ours(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] == _PACKAGE


def _is_public_function(value: Any) -> bool:
    """Whether an attribute of a class is a function of torch's, as in `act = torch.tanh`: these are built in there, no methods."""
    return inspect.isfunction(value) and value.__qualname__ == value.__name__ and _is_ours(value)


class Module(Hooked, Tree, StateDict, Convert):
    """Base class of all layers and models."""

    training: bool
    dump_patches = False
    call_super_init = False
    _compiled_call_impl: Callable | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs and not self.call_super_init:
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                            f"{next(iter(kwargs))!r}")
        if args and not self.call_super_init:
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were "
                            "given")
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_modules"] = {}
        for name in _HOOKS:
            state[name] = OrderedDict()
        state["_is_full_backward_hook"] = None
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not _is_ours(cls):
            for name, value in list(cls.__dict__.items()):
                if _is_public_function(value):
                    setattr(cls, name, staticmethod(value))

    # ---- calling ----
    def forward(self, *input: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._call_hooks or _any:
            return call_with_hooks(self, _shared(), args, kwargs)
        return self.forward(*args, **kwargs)

    _call_impl = _wrapped_call_impl = __call__

    # ---- registering ----
    def _check_name(self, kind: str, name: Any, taken: dict, dot: str = "") -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {torch.typename(name)}")
        if kind == "module" and hasattr(self, name) and name not in taken:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."{dot}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if kind != "module" and hasattr(self, name) and name not in taken:
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is part of the module's state but not a parameter."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if not isinstance(tensor, Tensor) and tensor is not None:
            raise TypeError(f"cannot assign '{torch.typename(tensor)}' object to buffer '{name}' "
                            "(torch Tensor or None required)")
        if tensor is not None and tensor._pending is not None and not tensor.is_meta:
            tensor._array()         # a value from the start: the first step is the same program as all others
        self._buffers[name] = _registered(_global_buffer_registration_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter under `name`."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{torch.typename(param)}' object to parameter '{name}' "
                            "(torch.nn.Parameter or None required)")
        if param is not None and not param.is_leaf:
            raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                             f"explicitly. To express '{name}' as a function of another Tensor, compute the value in "
                             "the forward() method.")
        if param is not None:
            param = _registered(_global_parameter_registration_hooks, self, name, param)
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a child module under `name`."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{torch.typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules, f", got: {name}")
        self._modules[name] = _registered(_global_module_registration_hooks, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as add_module."""
        self.add_module(name, module)

    # ---- attributes ----
    def _forget(self, name: str, keep: str) -> None:
        """Takes `name` out of every registry but `keep`, before it is assigned anew."""
        state = self.__dict__
        if keep != "__dict__":
            state.pop(name, None)
        for registry in ("_parameters", "_buffers", "_modules"):
            if registry != keep and registry in state:
                state[registry].pop(name, None)
        if keep != "_buffers":
            state.get("_non_persistent_buffers_set", set()).discard(name)

    def _wrong(self, value: Any, what: str, name: str, expected: str) -> TypeError:
        return TypeError(f"cannot assign '{torch.typename(value)}' as {what} '{name}' ({expected} or None expected)")

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in state:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif "_parameters" in state and name in state["_parameters"]:
            if value is not None:
                raise self._wrong(value, "parameter", name, "torch.nn.Parameter")
            state["_parameters"][name] = None
        elif isinstance(value, Module):
            if "_modules" not in state:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_modules")
            state["_modules"][name] = _registered(_global_module_registration_hooks, self, name, value)
        elif "_modules" in state and name in state["_modules"]:
            if value is not None:
                raise self._wrong(value, "child module", name, "torch.nn.Module")
            state["_modules"][name] = _registered(_global_module_registration_hooks, self, name, None)
        elif isinstance(value, Buffer):
            if "_buffers" not in state:
                raise AttributeError("cannot assign buffer before Module.__init__() call")
            self._assign_buffer(name, value, value.persistent)
        elif "_buffers" in state and name in state["_buffers"]:
            if value is not None and not isinstance(value, Tensor):
                raise self._wrong(value, "buffer", name, "torch.nn.Buffer, torch.Tensor")
            if type(self).register_buffer is not Module.register_buffer or _global_buffer_registration_hooks:
                self._assign_buffer(name, value, name not in self._non_persistent_buffers_set)
            else:
                state["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)

    def _assign_buffer(self, name: str, value: Tensor | None, persistent: bool) -> None:
        """Through `register_buffer`, which a subclass may have replaced by one that knows nothing of `persistent`."""
        if "persistent" in inspect.signature(self.register_buffer).parameters:
            self.register_buffer(name, value, persistent)
        elif persistent:
            self.register_buffer(name, value)
        else:
            raise RuntimeError("Registering a non-persistent buffer on a Module subclass that implements register_buffer() without "
                               "the persistent argument is not allowed.")

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        own = state.get("_parameters")      # what is read at every step comes first
        if own is not None and name in own:
            return own[name]
        for registry in ("_buffers", "_modules"):
            if registry in state and name in state[registry]:
                return state[registry][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                del registry[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        for name in _CALL:          # a file of PyTorch's has no `_call_hooks`
            self._call_hooks.update(dict.fromkeys(self.__dict__[name], True))
        self.__dict__.setdefault("_is_full_backward_hook", None)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(n for n in names if not n[0].isdigit())

    # ---- whole-tree changes ----
    def apply(self, fn: Callable[[Module], None]) -> Module:
        """Calls `fn` on every submodule, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Module:
        """Sets training mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """Sets evaluation mode, train(False)."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Says for every parameter whether gradients are recorded."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or sets them to zero."""
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                if param.grad.grad_fn is not None:
                    param.grad.detach_()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: every program is compiled."""

    def _replicate_for_data_parallel(self) -> Module:
        """A copy without parameters of its own, and with registries that can be filled anew."""
        replica = type(self).__new__(type(self))
        replica.__dict__.update(self.__dict__, _parameters={}, _buffers=self._buffers.copy(), _modules=self._modules.copy(),
                                _is_replica=True)
        return replica

    # ---- printing ----
    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the brackets of repr()."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        below = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if not below and len(lines) <= 1:
            return f"{self._get_name()}({''.join(lines)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + below) + "\n)"
