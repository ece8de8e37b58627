"""torch._functorch.make_functional: a module as a function of tuples, the way functorch wrote it before torch.func.

In: a module, or several of one class.  Out: a module without values of its own that takes parameters (and buffers) as its first
arguments, and these.
Source: https://docs.pytorch.org/docs/stable/func.migrating.html
"""
from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import api as torch
from ..func.modules import call, place_of
from ..missing import missing
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor import Tensor

__all__ = ["FunctionalModule", "FunctionalModuleWithBuffers", "combine_state_for_ensemble", "functional_init",
           "functional_init_with_buffers", "make_functional", "make_functional_with_buffers"]


class FunctionalModuleWithBuffers(Module):
    """Called with (parameters, buffers, *args): what the module computes with them. What it keeps itself has no values."""

    def __init__(self, stateless_model: Module, param_names: tuple[str, ...], buffer_names: tuple[str, ...]) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names, self.buffer_names = param_names, buffer_names

    def forward(self, params: Iterable[Tensor], buffers: Iterable[Tensor], *args: Any, **kwargs: Any) -> Any:
        """The module's result; buffers that it writes are written in the tensors given."""
        values = {**dict(zip(self.param_names, params, strict=False)), **dict(zip(self.buffer_names, buffers, strict=False))}
        return call(self.stateless_model, values, args, kwargs, tie_weights=True, strict=False)


class FunctionalModule(Module):
    """Called with (parameters, *args): what the module, which has no buffers, computes with them."""

    def __init__(self, stateless_model: Module, param_names: tuple[str, ...]) -> None:
        super().__init__()
        self.stateless_model, self.param_names = stateless_model, param_names

    def forward(self, params: Iterable[Tensor], *args: Any, **kwargs: Any) -> Any:
        """The module's result."""
        return call(self.stateless_model, dict(zip(self.param_names, params, strict=False)), args, kwargs, tie_weights=True,
                    strict=False)


def make_functional(model: Module, disable_autograd_tracking: bool = False) -> tuple[FunctionalModule, tuple[Tensor, ...]]:
    """(the function, copies of the parameters).  RuntimeError where the model has buffers."""
    if any(True for _ in model.buffers()):
        raise RuntimeError("make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead.")
    stateless, params, _ = _emptied(model, disable_autograd_tracking)
    return FunctionalModule(stateless, tuple(params)), tuple(params.values())


def make_functional_with_buffers(model: Module, disable_autograd_tracking: bool = False) -> tuple[
        FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(the function, copies of the parameters, copies of the buffers)."""
    stateless, params, buffers = _emptied(model, disable_autograd_tracking)
    return (FunctionalModuleWithBuffers(stateless, tuple(params), tuple(buffers)), tuple(params.values()),
            tuple(buffers.values()))


def combine_state_for_ensemble(models: Sequence[Module]) -> tuple[
        FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(the function, parameters, buffers) of several models, stacked, for `vmap` over an ensemble; the stacks record no gradients.

    Errors: torch's, for no models, for models of different class or mode.
    """
    if len(models) == 0:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("combine_state_for_ensemble: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("combine_state_for_ensemble: Expected all models to be of the same class.")
    functions, params, buffers = zip(*[make_functional_with_buffers(m) for m in models], strict=True)
    return functions[0], _stacked(params), _stacked(buffers)


def _stacked(of_each: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack([t.detach() for t in same]) for same in zip(*of_each, strict=True))


def _emptied(model: Module, untracked: bool) -> tuple[Module, dict[str, Tensor], dict[str, Tensor]]:
    """A copy of the module with tensors that have no data, and what the copy had, by name."""
    model = copy.deepcopy(model)
    params, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    empty: dict[int, Tensor] = {}
    for path, value in [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]:
        registry, name = place_of(model, path, value)
        if id(value) not in empty:
            like = torch.empty_like(value.detach(), device="meta")
            empty[id(value)] = Parameter(like, value.requires_grad) if isinstance(value, Parameter) else like
        registry[name] = empty[id(value)]
    if untracked:
        for value in params.values():
            value.requires_grad_(False)
    return model, params, buffers


def functional_init(model_class: Callable[..., Module], ensemble_shape: tuple[int, ...] = (), device: Any = "cpu") -> Callable:
    """A function that makes a module of the class without buffers, or several, from the class's arguments.

    It gives (parameters, function, names): function(parameters, args) calls the module with the tuple args. ensemble_shape: (n,)
    for n modules, whose parameters are stacked and detached.  ValueError for more dims and for n < 1, RuntimeError for buffers.
    """
    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        model, params, buffers = _initialised(model_class, ensemble_shape, device, args, kwargs)
        if buffers:
            raise RuntimeError("make_functional_deprecated_v1(model): `model` has buffers. Please use "
                               "make_functional_with_buffers_deprecated_v1(model) instead.")
        return tuple(params.values()), lambda weights, data: _called(model, params, weights, data), tuple(params)
    return wrapped


def functional_init_with_buffers(model_class: Callable[..., Module], ensemble_shape: tuple[int, ...] = (),
                                 device: Any = "cpu") -> Callable:
    """The same for modules with buffers: (parameters, buffers, function, names of both); function(parameters, buffers, args)."""
    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        model, params, buffers = _initialised(model_class, ensemble_shape, device, args, kwargs)
        names = [*params, *buffers]
        return (tuple(params.values()), tuple(buffers.values()),
                lambda weights, states, data: _called(model, names, [*weights, *states], data), tuple(params), tuple(buffers))
    return wrapped


def _called(model: Module, names: Iterable[str], values: Iterable[Tensor], data: tuple) -> Any:
    return call(model, dict(zip(names, values, strict=True)), data, {}, tie_weights=True, strict=False)


def _initialised(model_class: Callable[..., Module], shape: tuple[int, ...], device: Any, args: tuple, kwargs: dict) -> tuple[
        Module, dict[str, Tensor], dict[str, Tensor]]:
    if len(shape) >= 2:
        raise ValueError("NYI: ensemble_shape with more than 1 element")
    if shape and shape[0] <= 0:
        raise ValueError(f"num_models {shape[0]} should be > 0")
    models = [model_class(*args, **kwargs).to(device) for _ in range(shape[0] if shape else 1)]
    model, params, buffers = _emptied(models[0], False)
    if not shape:
        return model, params, buffers
    model_class(*args, **kwargs)        # PyTorch makes one more, which draws numbers, too
    return (model, dict(zip(params, _stacked([tuple(m.parameters()) for m in models]), strict=True)),
            dict(zip(buffers, _stacked([tuple(m.buffers()) for m in models]), strict=True)))


__getattr__ = missing("torch._functorch.make_functional", globals())
