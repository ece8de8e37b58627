"""Optimizer: groups of parameters with their options, and the state of each parameter.

In: parameters (or groups of them) and default options.  Out: `param_groups`, `state`, `state_dict` in torch's format.
Subclasses write `step`.
"""
from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

from .. import api as torch
from ..handles import RemovableHandle, add_to
from ..tensor import Tensor
from ..utils._foreach_utils import _group_tensors_by_device_and_dtype
from ..warned import warn

__all__ = ["Optimizer", "ParamsT", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook", "required"]

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]      # what an optimizer takes


class _Required:
    """Stands for an option without default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]

_global_pre: OrderedDict[int, Callable] = OrderedDict()
_global_post: OrderedDict[int, Callable] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` before every optimizer's step."""
    return add_to(_global_pre, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` after every optimizer's step."""
    return add_to(_global_post, hook)


def _hooked(step: Callable) -> Callable:
    """`step` with the hooks around it; it also notes that a step was made, for the schedulers' order check."""
    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        own = self.__dict__     # a wrapper around another optimizer need not have called __init__
        pre, post = own.get("_optimizer_step_pre_hooks", {}), own.get("_optimizer_step_post_hooks", {})
        if not (pre or post or _global_pre or _global_post):
            return step(self, *args, **kwargs)
        if getattr(type(self).step, "__wrapped__", None) is not step:    # called by an overriding step
            return step(self, *args, **kwargs)
        args = (self, *args)        # hooks see what step was called with, as torch shows it to them
        for hook in [*_global_pre.values(), *pre.values()]:
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                                       f"{result}.")
                args, kwargs = result
        out = step(*args, **kwargs)
        for hook in [*post.values(), *_global_post.values()]:
            hook(self, args, kwargs)
        return out
    return run


def _use_grad_for_differentiable(step: Callable) -> Callable:
    """`step`, with gradients recorded where the optimizer is differentiable, and none elsewhere."""
    @functools.wraps(step)
    def run(*args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(args[0].defaults["differentiable"]):
            return step(*args, **kwargs)
    return run


def _default_to_fused_or_foreach(params: Iterable[Tensor], differentiable: bool, use_fused: bool = False) -> tuple[bool, bool]:
    """(False, False): XLA fuses what one tensor after the other is asked for."""
    return False, False


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    """The devices of which PyTorch says so."""
    return ["cuda", "xpu", "hpu", "privateuseone", *(["xla"] if supports_xla else [])]


class Optimizer:
    """Base class of all optimizers."""

    _state_factory: Callable = dict
    profile_hook_step = staticmethod(_hooked)       # torch's name of what puts the hooks around a step
    _group_tensors_by_device_and_dtype = staticmethod(_group_tensors_by_device_and_dtype)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            + torch.typename(params))
        self.state: defaultdict = defaultdict(self._state_factory)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        for name in ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "_optimizer_state_dict_pre_hooks",
                     "_optimizer_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks",
                     "_optimizer_load_state_dict_post_hooks"):
            self.__dict__.setdefault(name, OrderedDict())

    def _patch_step_function(self) -> None:
        """Nothing: the hooks are put around `step` where the class is made. Wrappers of optimizers call it."""

    def _cuda_graph_capture_health_check(self) -> None:
        """Nothing: there are no CUDA graphs. Optimizers of other libraries call it."""

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"

    # ---- groups ----
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group of parameters with options of its own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        params = list(params)
        named = [p for p in params if isinstance(p, tuple)]
        if named and len(named) < len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        if named:
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params
        self._check(params)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        if len(params) != len({id(p) for p in params}):
            warn("optimizer contains a parameter group with duplicate parameters; in future, this will "
                 "cause an error; see github.com/pytorch/pytorch/issues/40967 for more information")
        if self.param_groups and ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
            with_names = "with" if "param_names" in param_group else "without"
            raise ValueError("all optimizer param groups should be with/without names. "
                             f"cannot add param group {with_names} names to the optimizer")
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        if not taken.isdisjoint(id(p) for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def _check(self, params: list) -> None:
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError("optimizer can only optimize Tensors, but one of the params is "
                                f"{torch.typename(param)}")
            if not self.defaults.get("differentiable", None) and not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or sets them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p.grad is not None:
                    if p.grad.grad_fn is not None:
                        p.grad.detach_()
                    else:
                        p.grad.requires_grad_(False)
                    p.grad.zero_()

    def step(self, closure: Callable | None = None) -> Any:
        """Makes one update; every subclass defines it."""
        raise NotImplementedError

    # ---- hooks ----
    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before step; it may return new (args, kwargs)."""
        return add_to(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after step."""
        return add_to(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before state_dict()."""
        return add_to(self._optimizer_state_dict_pre_hooks, hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after state_dict(); it may return another one."""
        return add_to(self._optimizer_state_dict_post_hooks, hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` before load_state_dict(); it may return another one."""
        return add_to(self._optimizer_load_state_dict_pre_hooks, hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` after load_state_dict()."""
        return add_to(self._optimizer_load_state_dict_post_hooks, hook, prepend=prepend)

    # ---- saving and loading ----
    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {...}}, "param_groups": [{..., "params": [index, ...]}]}, as torch writes it."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        index: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                index.setdefault(id(p), len(index))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [index[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {(index[id(k)] if isinstance(k, Tensor) else k): dict(v.items()) if isinstance(v, dict) else v
                 for k, v in self.state.items()}
        out = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            result = hook(self, out)
            out = out if result is None else result
        return out

    def _cast_state(self, param: Tensor, value: Any, key: Any = None) -> Any:
        """A loaded state value in the parameter's dtype and on its device; step counts stay as they are."""
        if isinstance(value, Tensor):
            if key == "step":
                return value
            if param.is_floating_point():
                return value.to(dtype=param.dtype, device=param.device)
            return value.to(device=param.device)
        if isinstance(value, dict):
            return {k: self._cast_state(param, v, k) for k, v in value.items()}
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            return type(value)(self._cast_state(param, v) for v in value)
        return value

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes over what `state_dict` of an optimizer with the same groups returned."""
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            result = hook(self, state_dict)
            state_dict = state_dict if result is None else result
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                             "optimizer's group")
        param_of = dict(zip(chain.from_iterable(g["params"] for g in saved),
                            chain.from_iterable(g["params"] for g in groups)))
        state: defaultdict = defaultdict(self._state_factory)
        with torch.no_grad():
            for key, value in state_dict["state"].items():
                if key in param_of:
                    param = param_of[key]
                    cast = self._cast_state(param, value)
                    state[param] = self._state_factory(cast) if isinstance(cast, dict) else cast
                else:
                    state[key] = value
        new_groups = []
        for group, loaded in zip(groups, saved):
            loaded["params"] = group["params"]
            if "param_names" in group and "param_names" not in loaded:
                loaded["param_names"] = group["param_names"]
            new_groups.append(loaded)
        self.__setstate__({"state": state, "param_groups": new_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)
