"""state_dict and load_state_dict of a Module.

In: a tree of modules with parameters and buffers.  Out: an ordered dictionary of names and tensors, and back.
"""
from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from ..utils.hooks import RemovableHandle
from .hooks import add_hook
from .parameter import Parameter

__all__ = ["StateDict"]

_EXTRA = "_extra_state"


class _Keys(namedtuple("_Keys", ["missing_keys", "unexpected_keys"])):
    """What load_state_dict returns."""
    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


_Keys.__name__ = "_IncompatibleKeys"


class StateDict:
    """The part of Module that saves and loads values."""

    _version: int = 1

    def get_extra_state(self) -> Any:
        """Anything else to be kept in the state_dict; override together with `set_extra_state`."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Takes back what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    # ---- hooks ----
    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` at the end of state_dict()."""
        hook._from_public_api = True
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        return add_hook(self._state_dict_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before state_dict()."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        bound = (lambda *args: hook(self, *args)) if with_module else hook
        return add_hook(self._load_state_dict_pre_hooks, bound)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, errors)`."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after load_state_dict()."""
        return add_hook(self._load_state_dict_post_hooks, hook)

    # ---- saving ----
    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        for name, value in [*self._parameters.items(), *self._buffers.items()]:
            if value is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA] = self.get_extra_state()

    def state_dict(self, *args: Any, destination: dict | None = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by name, sharing storage with the module's own."""
        if args:                                    # the older positional form (destination, prefix, keep_vars)
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
        try:
            with torch.no_grad():
                if not assign:
                    own.copy_(value)
                elif isinstance(own, Parameter):
                    same = isinstance(value, Parameter)
                    kept = value if same else Parameter(value, requires_grad=own.requires_grad)
                    setattr(self, name, kept.requires_grad_(own.requires_grad))
                else:
                    setattr(self, name, value)
        except Exception as error:
            errors.append(f'While copying the parameter named "{key}", whose dimensions in the model are {own.size()} '
                          f"and whose dimensions in the checkpoint are {value.size()}, an exception occurred : "
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
        if extra and prefix + _EXTRA in state_dict:
            self.set_extra_state(state_dict[prefix + _EXTRA])
        elif extra and strict:
            missing_keys.append(prefix + _EXTRA)
        if strict:
            known = {*own, *self._modules, *([_EXTRA] if extra else [])}
            for key in state_dict:
                if key.startswith(prefix) and key != prefix + _EXTRA or key == prefix + _EXTRA and not extra:
                    head, *rest = key[len(prefix):].split(".")
                    if head not in known or (rest and head not in self._modules):
                        unexpected_keys.append(key)

    def _load_tree(self, state_dict: dict, prefix: str, metadata: Any, strict: bool, assign: bool,
                   missing: list[str], unexpected: list[str], errors: list[str]) -> None:
        local = dict(metadata.get(prefix[:-1], {})) if metadata is not None else {}
        if assign:
            local["assign_to_params_buffers"] = True
        # Each module sees only its own part, so that the search for unexpected keys stays linear.
        self._load_from_state_dict(state_dict, prefix, local, True, missing, unexpected, errors)
        for name, child in self._modules.items():
            if child is not None:
                below = prefix + name + "."
                part = {k: v for k, v in state_dict.items() if k.startswith(below)}
                child._load_tree(part, below, metadata, strict, assign, missing, unexpected, errors)
        keys = _Keys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, keys) is not None:
                raise RuntimeError("Hooks registered with ``register_load_state_dict_post_hook`` are not"
                                   "expected to return new values, if incompatible_keys need to be modified,"
                                   "it should be done inplace.")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _Keys:
        """Copies the values of `state_dict` into this module, or with `assign` takes over its tensors.

        Raises RuntimeError naming missing and unexpected keys (if `strict`) and sizes that differ.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)
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
        return _Keys(missing, unexpected)
