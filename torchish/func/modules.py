"""torch.func.functional_call and stack_module_state: a module as a function of its parameters.

In: a module and values for its parameters and buffers, by name.  Out: what it computes with them; the module is as before
afterwards.
Source: https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .. import api as torch
from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..nn.parameter import Buffer, Parameter
from ..tensor import Tensor

__all__ = ["call", "functional_call", "place_of", "reparametrized", "replace_all_batch_norm_modules_", "stack_module_state"]

_ABSENT = object()


def functional_call(module: Module, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """module(*args, **kwargs) with other parameters and buffers: a dict by name, or several that do not overlap.

    tie_weights: a value for one of several names of the same tensor holds for all. strict: every name must be given, no others.
    Errors: torch's, for names given twice, names that do not exist, values that are no tensors.
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        values = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        if not all(isinstance(d, dict) for d in parameter_and_buffer_dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for d in parameter_and_buffer_dicts for name in d]
        twice = list(dict.fromkeys([name for name in names if names.count(name) > 1]))
        if twice:
            raise ValueError(f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        values = {name: value for d in parameter_and_buffer_dicts for name, value in d.items()}
    else:
        raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                         f"{type(parameter_and_buffer_dicts)}")
    return call(module, values, args, kwargs, tie_weights, strict)


def call(module: Module, values: dict[str, Any], args: Any, kwargs: dict | None, tie_weights: bool, strict: bool) -> Any:
    """The module called with these values in place of its own."""
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with reparametrized(module, values, tie_weights=tie_weights, strict=strict):
        return module(*args, **(kwargs or {}))


@contextmanager
def reparametrized(module: Module, parameters_and_buffers: dict[str, Any], tie_weights: bool = False, strict: bool = False,
                   stack_weights: bool = False) -> Iterator[None]:
    """Inside, the module has these values in place of its own."""
    values = parameters_and_buffers
    named: list[tuple[str, Any]] = []
    if tie_weights or strict:               # else not asked: a module that contains itself has no end of names
        named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    if tie_weights:
        values = _tied(named, values)
    if strict:
        known = {name for name, _ in named}
        extra, absent = sorted(set(values) - known), sorted(known - set(values))
        if extra or absent:
            lines = [f"\n\t{what} key(s): {', '.join(repr(k) for k in keys)}."
                     for what, keys in (("Unexpected", extra), ("Missing", absent)) if keys]
            raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:" + "".join(lines))
    with _swapped(module, values, parameters_and_buffers):
        yield


def _tied(named: list[tuple[str, Any]], values: dict[str, Any]) -> dict[str, Any]:
    """A value given for one name of a tensor, under all of its names."""
    groups: dict[int, list[str]] = {}
    for name, x in named:
        groups.setdefault(id(x), []).append(name)
    result = dict(values)
    for names in groups.values():
        given = sorted(name for name in names if name in values)
        if len(names) < 2 or not given:
            continue
        if any(values[name] is not values[given[0]] for name in given):
            raise ValueError(f"functional_call got multiple values for keys {given}, which are tied. Consider using "
                             "tie_weights=False")
        result.update(dict.fromkeys(names, values[given[0]]))
    return result


@contextmanager
def _swapped(module: Module, values: dict[str, Any], given: dict[str, Any]) -> Iterator[None]:
    """Inside, the module's registries and attributes hold other tensors; `given` is told what they hold in the end."""
    before: list[tuple[dict, str, Any]] = []
    try:
        for path, value in values.items():
            registry, name = place_of(module, path, value)
            before.append((registry, name, registry.get(name, _ABSENT)))
            registry[name] = value
        yield
    finally:
        for path, (registry, name, _) in zip(values, before, strict=False):     # fewer where a value was refused
            if path in given and name in registry:
                given[path] = registry[name]
        for registry, name, value in reversed(before):
            if value is _ABSENT:
                del registry[name]
            else:
                registry[name] = value


def place_of(module: Module, path: str, value: Any) -> tuple[dict, str]:
    """The registry that holds the tensor at a dotted path, and its name there."""
    *parents, name = path.split(".")
    if not path:
        raise KeyError('tensor name can\'t be empty string ""')
    at: Any = module
    for parent in parents:
        if not hasattr(at, parent):
            raise AttributeError(f"{type(at).__name__} has no attribute `{parent}`")
        at = getattr(at, parent)
        if not isinstance(at, Module):
            raise TypeError(f"{at!r} is not an instance of torch.nn.Module")
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f"{value} is not an instance of torch.Tensor")
    for registry in (at._parameters, at._buffers):
        if name in registry:
            return registry, name
    if hasattr(at, name):
        if name not in at.__dict__ or not isinstance(at.__dict__[name], Tensor):
            raise TypeError(f"attribute `{name}`: {getattr(at, name)} is not an instance of torch.Tensor")
    elif isinstance(value, (Parameter, Buffer)):        # a new one is registered, as by assignment
        return at._parameters if isinstance(value, Parameter) else at._buffers, name
    return at.__dict__, name


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of several models of one class, stacked by name, for `vmap` over an ensemble.

    Errors: torch's, for no models, for models of different class or mode, for parameters of which only some require gradients.
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    of_all = [dict(m.named_parameters()) for m in models]
    parameters = {name: _stacked([p[name] for p in of_all], name) for name in of_all[0]}
    of_all = [dict(m.named_buffers()) for m in models]
    return parameters, {name: _stacked([b[name] for b in of_all], name) for name in of_all[0]}


def _stacked(tensors: list[Tensor], name: str) -> Tensor:
    wants = {t.requires_grad for t in tensors}
    if len(wants) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    stacked = torch.stack([t.detach() for t in tensors])
    if not stacked.is_meta:
        stacked._array()
    return stacked.detach().requires_grad_(wants.pop())


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Takes the running statistics out of every batch norm in `root`, which cannot be updated under vmap. Returns `root`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.replace_all_batch_norm_modules_.html
    """
    for m in root.modules():
        if isinstance(m, _BatchNorm) and m.track_running_stats:
            m.running_mean = m.running_var = m.num_batches_tracked = None
            m.track_running_stats = False
    return root
