"""The steps of data parallelism: scatter, replicate, parallel_apply, gather.

In: inputs, a module.  Out: as many pieces, replicas and results as devices are named, all of them on the one device.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import api as torch
from ...tensor import Tensor
from ..module import Module

__all__ = ["gather", "parallel_apply", "replicate", "scatter", "scatter_kwargs"]


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """Tensors cut into as many pieces as there are targets, inside tuples, lists and dictionaries; all else is repeated."""
    count = len(target_gpus)
    if isinstance(inputs, Tensor):
        return inputs.chunk(count, dim)
    if isinstance(inputs, (tuple, list)) and inputs:
        pieces = list(zip(*(scatter(x, target_gpus, dim) for x in inputs)))
        if hasattr(inputs, "_fields"):
            return [type(inputs)(*piece) for piece in pieces]
        return pieces if isinstance(inputs, tuple) else [list(piece) for piece in pieces]
    if isinstance(inputs, dict) and inputs:
        return [type(inputs)(piece) for piece in zip(*(scatter(item, target_gpus, dim) for item in inputs.items()))]
    return [inputs for _ in target_gpus]


def scatter_kwargs(inputs: tuple, kwargs: dict | None, target_gpus: Sequence[Any], dim: int = 0) -> tuple[tuple, tuple]:
    """Positional and keyword arguments in pieces, as many of the ones as of the others."""
    args = scatter(inputs, target_gpus, dim) if inputs else []
    named = scatter(kwargs, target_gpus, dim) if kwargs else []
    args += [() for _ in range(len(named) - len(args))]
    named += [{} for _ in range(len(args) - len(named))]
    return tuple(args), tuple(named)


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """The results of the pieces joined along `dim`."""
    first = outputs[0]
    if isinstance(first, Tensor):
        return torch.stack(list(outputs)) if first.dim() == 0 else torch.cat(list(outputs), dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(out) != len(first) for out in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((key, gather([out[key] for out in outputs], target_device, dim)) for key in first)
    joined = [gather(parts, target_device, dim) for parts in zip(*outputs)]
    return type(first)(*joined) if hasattr(first, "_fields") else type(first)(joined)


def replicate(network: Module, devices: Sequence[Any], detach: bool = False) -> list[Module]:
    """The module itself, once for each device: there is one."""
    return [network for _ in devices]


def parallel_apply(modules: Sequence[Module], inputs: Sequence[Any], kwargs_tup: Sequence[dict] | None = None,
                   devices: Sequence[Any] | None = None) -> list[Any]:
    """Each module on its input."""
    if len(modules) != len(inputs):
        raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of inputs {len(inputs)}")
    kwargs_tup = [{} for _ in modules] if kwargs_tup is None else kwargs_tup
    return [module(*(x if isinstance(x, (list, tuple)) else (x,)), **kwargs)
            for module, x, kwargs in zip(modules, inputs, kwargs_tup)]
