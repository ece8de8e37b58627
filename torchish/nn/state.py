"""state_dict and load_state_dict of a Module.

In: a tree of modules with parameters and buffers.  Out: an ordered dictionary of names and tensors, and back.
"""
from __future__ import annotations

import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from .. import __future__
from .. import api as torch
from ..handles import RemovableHandle, add_to
from ..tensor import Tensor
from ..utils.swap import swap_tensors
from ..warned import warn
from .parameter import Parameter

__all__ = ["StateDict"]

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"
REPORT = "Please file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug."


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What load_state_dict returns."""
    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


def _swap_in(own: Tensor, value: Tensor, assign: bool) -> None:
    """Puts what `module_load` makes of a loaded value into the tensor that the module holds."""
    new = own.module_load(value, assign=assign)     # type: ignore[attr-defined]
    if new is value or new is own:
        raise RuntimeError("module_load returned one of self or other, please .detach() the result if returning one of the inputs "
                           "in module_load")
    if isinstance(own, Parameter):
        new = new.requires_grad_(own.requires_grad) if isinstance(new, Parameter) else Parameter(new, own.requires_grad)
    swap_tensors(own, new)


class _Bound:
    """A hook, with the module that it belongs to as its first argument if there is one; it is copied and saved along with it."""

    def __init__(self, hook: Callable, module: Any) -> None:
        self.hook, self.module = hook, None if module is None else weakref.ref(module)
        self.with_module = module is not None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.module is None:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self) -> dict:
        module = None if self.module is None else self.module()
        return {"hook": self.hook, "with_module": self.with_module, **({"module": module} if self.with_module else {})}

    def __setstate__(self, state: dict) -> None:
        if state["with_module"] and state["module"] is None:
            raise RuntimeError("You are trying to revive the hook of a dead Module!")
        self.__init__(state["hook"], state.get("module"))   # type: ignore[misc]


class StateDict:
    """The part of Module that saves and loads values."""

    _version: int = 1

    def get_extra_state(self) -> Any:
        """Anything else to be kept in the state_dict; override together with `set_extra_state`."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called. " + REPORT)

    def set_extra_state(self, state: Any) -> None:
        """Takes back what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called. " + REPORT)

    # ---- hooks ----
    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` at the end of state_dict()."""
        hook._from_public_api = True    # type: ignore[attr-defined]
        return add_to(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("Cannot register the same function as the state dict post hook that was previously registered via "
                               "register_state_dict_post_hook")
        return add_to(self._state_dict_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before state_dict()."""
        return add_to(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return add_to(self._load_state_dict_pre_hooks, _Bound(hook, self if with_module else None))

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, errors)`."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after load_state_dict()."""
        return add_to(self._load_state_dict_post_hooks, hook)

    # ---- saving ----
    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        for name, value in [*self._parameters.items(), *self._buffers.items()]:
            if value is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def state_dict(self, *args: Any, destination: dict | None = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by name, sharing storage with the module's own."""
        if args:                                    # the older positional form (destination, prefix, keep_vars)
            warn("Positional args are being deprecated, use kwargs instead. Refer to "
                 "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                 FutureWarning)
            destination, prefix, keep_vars = (*args, *(destination, prefix, keep_vars)[len(args):])
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local)
            if getattr(hook, "_from_public_api", False):
                if result is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif result is not None:
                destination = result
        return destination

    # ---- loading ----
    def _load_one(self, name: str, key: str, own: Tensor, value: Any, assign: bool, errors: list[str]) -> None:
        if not isinstance(value, Tensor):
            errors.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                          f"from checkpoint but received {type(value)}")
            return
        if own.dim() == 0 and value.dim() == 1 and value.shape[0] == 1:
            value = value[0]                        # files of very old versions kept scalars as vectors of one
        if value.shape != own.shape:
            errors.append(f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                          f"the shape in current model is {own.shape}.")
            return
        if own.is_meta and not value.is_meta and not assign:
            warn(f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current "
                 "model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to "
                 "their corresponding key in the module instead of copying them in place?)")
        swap = __future__.get_swap_module_params_on_conversion()
        try:
            with torch.no_grad():
                if swap:
                    _swap_in(own, value, assign)
                elif not assign:
                    own.copy_(value)
                elif isinstance(own, Parameter):
                    same = isinstance(value, Parameter)
                    kept = value if same else Parameter(value, requires_grad=own.requires_grad)
                    setattr(self, name, kept.requires_grad_(own.requires_grad))
                else:
                    setattr(self, name, value)
        except Exception as error:
            how = "swapping" if swap else "copying"
            errors.append(f'While {how} the parameter named "{key}", whose dimensions in the model are '
                          f"{own.size()} and whose dimensions in the checkpoint are {value.size()}, an exception occurred : "
                          f"{error.args}.")

    def _load_from_state_dict(self, state_dict: Mapping, prefix: str, local_metadata: dict, strict: bool,
                              missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = {name: value for name, value in [*self._parameters.items(), *self._buffers.items()]
               if value is not None and name not in self._non_persistent_buffers_set}
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                self._load_one(name, key, value, state_dict[key], local_metadata.get("assign_to_params_buffers", False),
                               error_msgs)
            elif strict:
                missing_keys.append(key)
        extra = type(self).set_extra_state is not StateDict.set_extra_state
        if extra and prefix + _EXTRA_STATE_KEY_SUFFIX in state_dict:
            self.set_extra_state(state_dict[prefix + _EXTRA_STATE_KEY_SUFFIX])
        elif extra and strict:
            missing_keys.append(prefix + _EXTRA_STATE_KEY_SUFFIX)
        elif strict and prefix + _EXTRA_STATE_KEY_SUFFIX in state_dict:
            unexpected_keys.append(prefix + _EXTRA_STATE_KEY_SUFFIX)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != prefix + _EXTRA_STATE_KEY_SUFFIX:
                    head, dot, _ = key[len(prefix):].partition(".")
                    if head not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    def _load_tree(self, state_dict: dict, prefix: str, metadata: Any, strict: bool, assign: bool,
                   missing: list[str], unexpected: list[str], errors: list[str]) -> None:
        local = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local["assign_to_params_buffers"] = True
        # Each module sees only its own part, so that the search for unexpected keys stays linear.
        self._load_from_state_dict(state_dict, prefix, local, True, missing, unexpected, errors)
        for name, child in self._modules.items():
            if child is not None:
                below = prefix + name + "."
                part = {k: v for k, v in state_dict.items() if k.startswith(below)}
                child._load_tree(part, below, metadata, strict, assign, missing, unexpected, errors)
        keys = _IncompatibleKeys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, keys) is not None:
                raise AssertionError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                                     "values, if incompatible_keys need to be modified, it should be done inplace.")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _IncompatibleKeys:
        """Copies the values of `state_dict` into this module, or with `assign` takes over its tensors.

        Raises RuntimeError naming missing and unexpected keys (if `strict`) and sizes that differ.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)
        if metadata is not None:
            state_dict._metadata = metadata     # type: ignore[attr-defined]
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        self._load_tree(state_dict, "", metadata, strict, assign, missing, unexpected, errors)
        if strict:
            for title, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    names = ", ".join(f'"{k}"' for k in keys)
                    errors.insert(0, f"{title} key(s) in state_dict: {names}. ")
        if errors:
            raise RuntimeError("Error(s) in loading state_dict for {}:\n\t{}".format(
                type(self).__name__, "\n\t".join(errors)))
        return _IncompatibleKeys(missing, unexpected)
