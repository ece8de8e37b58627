"""The base of learning rate schedulers.

In: an optimizer.  Out: new values of `lr` in its groups at every `step()`, the last ones by `get_last_lr()`.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from weakref import ref

from ..tensor import Tensor
from ..warned import warn
from .optimizer import Optimizer

__all__ = ["EPOCH_DEPRECATION_WARNING", "LRScheduler", "PerGroup", "check_optimizer", "get_values", "per_group",
           "put_value"]

EPOCH_DEPRECATION_WARNING = ("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
                 "Please use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different "
                 "from "
                 "None, the closed form is used instead of the new chainable form, where available. Please open an "
                 "issue "
                 "if you are unable to replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose.")
_ORDER_WARNING = ("Detected call of `lr_scheduler.step()` before `optimizer.step()`. "
                  "In PyTorch 1.1.0 and later, you should call them in the opposite order: "
                  "`optimizer.step()` before `lr_scheduler.step()`.  Failure to do this "
                  "will result in PyTorch skipping the first value of the learning rate schedule. "
                  "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate")


_OVERRIDDEN = ("Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure "
               "to call `optimizer.step()` before `lr_scheduler.step()`. See more details at "
               "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate")


def _unwatched(optimizer: Optimizer) -> Any:
    """A `step` of the instance's own that does not note that it was called; None where there is none."""
    own = optimizer.__dict__.get("step")
    return None if hasattr(own, "_wrapped_by_lr_sched") else own


def _watch(optimizer: Optimizer) -> None:
    """From the first scheduler on it counts whether a step was made; a `step` of the instance's own is made to note it, too."""
    own = _unwatched(optimizer)
    if own is not None:
        place = ref(optimizer)

        @wraps(own)
        def step(*args: Any, **kwargs: Any) -> Any:
            place()._opt_called = True      # type: ignore[union-attr]
            return own(*args, **kwargs)
        step._wrapped_by_lr_sched = True    # type: ignore[attr-defined]
        optimizer.step = step               # type: ignore[method-assign]
    elif "_watched" in optimizer.__dict__:
        return
    optimizer._watched, optimizer._opt_called = True, False     # type: ignore[attr-defined]


def put_value(group: dict, key: str, value: Any) -> None:
    """Sets an option of a group; a tensor keeps its identity."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def get_values(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of every group; tensors are copied."""
    return [_own(group[key]) for group in optimizer.param_groups]


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """The argument `name` of a scheduler for every group; tensors are copied, since the user may go on to write into theirs."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(values)} values, "
                         f"param_groups has {count}.")
    return [_own(v) for v in values]


def check_optimizer(optimizer: Any) -> None:
    """torch's error for something that is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


class LRScheduler:
    """Base of schedulers: `get_lr` gives the rates for `last_epoch`, usually from the present ones."""

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                               "last_epoch >= 0.\nThis typically happens when:\n"
                               "1. You're trying to resume training from a checkpoint but haven't properly loaded the "
                               "optimizer state\n2. You're using last_epoch >= 0 for a fresh training run (not "
                               "recommended)")
        self.base_lrs = get_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The learning rates of the last step."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The learning rates for `last_epoch`; every subclass defines it."""
        raise NotImplementedError

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.")

    def step(self, epoch: int | None = None) -> None:
        """Goes on by one epoch (or to `epoch`, deprecated) and sets the learning rates."""
        if self._step_count == 1:
            if _unwatched(self.optimizer) is not None:
                warn(_OVERRIDDEN)
            elif not getattr(self.optimizer, "_opt_called", False):
                warn(_ORDER_WARNING)
        self._step_count += 1
        if epoch is not None:
            warn(EPOCH_DEPRECATION_WARNING)
        self._update_lr(epoch)

    @contextmanager
    def _stepping(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _update_lr(self, epoch: int | None = None) -> None:
        with self._stepping():
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                values = self._get_closed_form_lr() if hasattr(self, "_get_closed_form_lr") else self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            put_value(group, "lr", lr)
        self._last_lr = get_values(self.optimizer, "lr")


class PerGroup(LRScheduler):
    """Schedulers whose next rate follows from a group's present rate and its first one."""

    def _next(self, lr: Any, base: Any) -> Any:
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        """The learning rates for `last_epoch`."""
        self._warn_outside_step()
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return [self._next(lr, base) for lr, base in zip(rates, self.base_lrs, strict=True)]
