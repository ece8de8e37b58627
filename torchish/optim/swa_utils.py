"""torch.optim.swa_utils: averages of a model's parameters over training.

In: a model after each epoch or step.  Out: `AveragedModel`, a model with the mean (or exponential mean) of the parameters.
Source: https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from .. import api as torch
from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..tensor import Tensor
from .optimizer import Optimizer
from .scheduler_base import LRScheduler, per_group

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
           "update_bn"]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """mean * decay + value * (1 - decay), for one parameter."""
    _check_decay(decay)

    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with torch.no_grad():
            return decay * ema_param + (1 - decay) * current_param
    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """mean * decay + value * (1 - decay), in place for a list of parameters."""
    _check_decay(decay)

    def ema_update(ema_param_list: list[Tensor], current_param_list: list[Tensor], _: Any) -> None:
        with torch.no_grad():
            for mean, value in zip(ema_param_list, current_param_list):
                if mean.is_floating_point() or mean.is_complex():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(mean * decay + value * (1 - decay))
    return ema_update


def get_swa_avg_fn() -> Callable:
    """mean + (value - mean) / (n + 1), for one parameter."""
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with torch.no_grad():
            return averaged_param + (current_param - averaged_param) / (num_averaged + 1)
    return swa_update


def get_swa_multi_avg_fn() -> Callable:
    """mean + (value - mean) / (n + 1), in place for a list of parameters."""
    def swa_update(averaged_param_list: list[Tensor], current_param_list: list[Tensor], num_averaged: Any) -> None:
        with torch.no_grad():
            for mean, value in zip(averaged_param_list, current_param_list):
                if mean.is_floating_point() or mean.is_complex():
                    mean.lerp_(value, 1 / (int(num_averaged) + 1))
                else:
                    mean.add_((value - mean) / (num_averaged + 1))
    return swa_update


class AveragedModel(Module):
    """A copy of `model` whose parameters are means of those that `update_parameters` sees; plain means by default."""

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Callable | None = None, multi_avg_fn: Callable | None = None,
                 use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", torch.tensor(0, dtype=torch.int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        return [*model.parameters(), *(model.buffers() if self.use_buffers else ())]

    def update_parameters(self, model: Module) -> None:
        """Takes the present parameters of `model` into the means; the first call copies them."""
        means, values = self._averaged(self.module), [x.detach().to(self.n_averaged.device) for x in self._averaged(model)]
        with torch.no_grad():
            if int(self.n_averaged) == 0:
                for mean, value in zip(means, values):
                    mean.copy_(value)
            elif self.avg_fn is not None:
                for mean, value in zip(means, values):
                    mean.copy_(self.avg_fn(mean.detach(), value, self.n_averaged))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(means, values, self.n_averaged)
            if not self.use_buffers:
                for own, value in zip(self.module.buffers(), model.buffers()):
                    own.copy_(value)
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of all BatchNorm layers anew, as plain means over the data of `loader`."""
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    with torch.no_grad():
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneals the learning rate of each group to `swa_lr` over `anneal_epochs`, by a cosine or a line."""

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1) -> None:
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _alpha(self, step: int) -> float:
        """How far the rate has gone, 0 to 1."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """From the present rates: where they began is found first."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._alpha(step - 1), self._alpha(step)
        firsts = [g["swa_lr"] if before == 1 else (g["lr"] - g["swa_lr"] * before) / (1 - before)
                  for g in self.optimizer.param_groups]
        return [g["swa_lr"] * now + lr * (1 - now) for g, lr in zip(self.optimizer.param_groups, firsts)]
