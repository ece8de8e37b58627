"""The driver of all built-in optimizers: an algorithm is an op, the names of its states, and its numbers at a step.

In: a `Rule` subclass and parameters with gradients.  Out: one recorded op for each group (and step count), whose
results are written back in place.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .optimizer import Optimizer
from .states import Closed, ParamState, close

__all__ = ["Rule", "check_implementation", "check_lr", "check_number", "check_one_element", "fill", "number"]

_read, _write = dict.__getitem__, dict.__setitem__


def number(value: Any) -> float:
    """An option as a float; it may be given as a tensor of one element, which a differentiable step takes as it is."""
    if type(value) is float:
        return value
    return value if isinstance(value, Tensor) and torch.is_grad_enabled() else float(value)


def check_number(ok: bool, what: str, value: Any) -> None:
    """torch's error for an option out of range."""
    if not ok:
        raise ValueError(f"Invalid {what}: {value}")


def check_one_element(value: Any, name: str = "lr") -> None:
    """A learning rate may be a tensor of one element."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")


def check_lr(lr: Any) -> None:
    """A learning rate is at least 0; a tensor has one element."""
    check_one_element(lr)
    check_number(lr >= 0, "learning rate", lr)


def check_implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """The choices between torch's implementations are accepted (there is one here), contradictions refused."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def fill(p: Tensor, value: float) -> Tensor:
    """A concrete tensor like `p` full of `value`; of a complex one both parts, as it is seen as pairs of reals."""
    return torch._filled(p, complex(value, value) if p.is_complex() else value)


class Rule(Optimizer):
    """An optimizer given by an op.  Subclasses say which states a group needs and what the numbers of a step are."""

    _state_factory = ParamState
    host_numbers: dict[str, float] = {"step": 0.0}
    # what groups had not from the first, and what it is for those of older files
    later: dict[str, Any] = {"maximize": False, "foreach": None, "capturable": False, "differentiable": False, "fused": None,
                             "decoupled_weight_decay": False}
    counts_in_graph = False     # whether a differentiable step computes with its count as a tensor, and so rounds as that does
    _check_fused = False        # whether the first step is to look what it is given
    counted_along = ""          # what else torch counts in tensors, in the words of its refusal of `capturable`

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        self._check_fused = bool(defaults.get("fused"))

    @property
    def _closed(self) -> dict[int, Closed]:
        """By the place of the group: its states while they are closed."""
        return self.__dict__.setdefault("_closed_groups", {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes over a state; of files of old, counts that are Python numbers are read as tensors like all others."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.later.items():
                if name in self.defaults:
                    group.setdefault(name, value)
        for values in self.state.values():
            for name in self.host_numbers:
                if isinstance(values, ParamState) and type(dict.get(values, name)) is int:
                    values[name] = float(_read(values, name))

    def _slots(self, group: dict) -> tuple[str, ...]:
        """The names of the state tensors."""
        raise NotImplementedError

    def _call(self, group: dict, params: list, grads: list, states: list[list], host: tuple[float, ...],
              ) -> tuple[list, tuple[float, ...]]:
        """The new values (parameters, then states) and the new host numbers."""
        raise NotImplementedError

    def _fresh(self, name: str, p: Tensor, group: dict) -> Tensor:
        """The first value of a state: a concrete tensor, so that the first step is the same program as all others."""
        return fill(p, 0.0)

    def _begin(self, p: Tensor, state: ParamState, group: dict, slots: tuple[str, ...]) -> None:
        for name, value in self.host_numbers.items():
            state.setdefault(name, value)
        for name in slots:
            if name not in state:
                _write(state, name, self._fresh(name, p, group))

    def _buckets(self, group: dict, slots: tuple[str, ...]) -> Iterator[tuple[tuple, list, list, list]]:
        """Parameters with gradients and their states, together where the host numbers agree.

        Goes through all parameters at every step: what can be read without a property or a call is.
        """
        names = tuple(self.host_numbers)
        full, state_of = len(names) + len(slots), self.state
        first = names[0] if len(names) == 1 else None
        buckets: dict[tuple, tuple[list, list, list]] = {}
        last: Any = None
        params: list = []
        for p in group["params"]:
            grad = p._grad
            if grad is None:
                continue
            state = None
            key: Any = ()
            if full:
                state = state_of[p]
                if len(state) < full:
                    self._begin(p, state, group, slots)
                state._open()
                if first is not None:
                    key = _read(state, first)
                    if key.__class__ is not float:
                        key = state.host(first)
                else:
                    key = tuple([state.host(name) for name in names])
            if key != last:
                params, grads, states = buckets.setdefault(key, ([], [], []))
                last = key
            params.append(p)
            grads.append(grad)
            states.append(state)
        for key, (params, grads, states) in buckets.items():
            yield (key,) if first is not None else key, params, grads, states

    def step(self, closure: Callable | None = None) -> Any:
        """Makes one update; `closure` re-evaluates the loss."""
        if self.host_numbers:
            torch._once_only(f"{type(self).__name__}.step() counts its steps in Python")
        in_graph = bool(self.defaults.get("differentiable"))
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if self._check_fused:
            self._refuse_fused()
        before = torch.is_grad_enabled()
        torch._set_grad(in_graph)
        try:
            for k, group in enumerate(self.param_groups):
                slots = self._slots(group)
                if in_graph:
                    self._step_in_graph(k, group, slots)
                elif not slots and not self.host_numbers:
                    params = [p for p in group["params"] if p._grad is not None]
                    if params:
                        values, _ = self._call(group, params, [p._grad for p in params], [], ())
                        torch._assign(params, values)
                elif not self._step_closed(k, group, slots):
                    self._step_open(k, group, slots)
        finally:
            torch._set_grad(before)
        return loss

    def _refuse_fused(self) -> None:
        """torch looks at the first parameter with a gradient, in the first step: an optimizer may be made on the device meta."""
        p = next((p for group in self.param_groups for p in group["params"] if p.grad is not None), None)
        if p is not None and not (p.is_floating_point() and p.device.type != "meta"):
            raise RuntimeError("`fused=True` requires all the params to be floating point Tensors of supported devices: "
                               f"['mps', 'cuda', 'xpu', 'hpu', 'cpu', 'mtia', 'privateuseone'] but {p.dtype} and {p.device.type}")
        self._check_fused = p is None

    def _check_capturable(self, group: dict, params: Iterable[Tensor]) -> None:
        """torch counts on the accelerator where steps are to be captured, and refuses what is not there."""
        if group.get("capturable") and any(p.device.type == "cpu" for p in params):
            raise AssertionError(f"If capturable=True, params{self.counted_along} and state_steps must be on supported devices: "
                                 "['cuda', 'xpu', 'hpu', 'privateuseone', 'xla'].")

    def _step_in_graph(self, k: int, group: dict, slots: tuple[str, ...]) -> None:
        """A step that is differentiated through: one parameter after the other, written in place as any tensor is."""
        if group.get("foreach") and self.host_numbers:
            raise AssertionError("_foreach ops don't support autograd")
        self._check_capturable(group, [p for p in group["params"] if p.grad is not None])
        self._closed.pop(k, None)
        for p in group["params"]:
            if p.grad is not None:
                with torch.no_grad():
                    self._begin(p, self.state[p], group, slots)
                self._one_in_graph(group, p, slots)

    def _one_in_graph(self, group: dict, p: Tensor, slots: tuple[str, ...]) -> None:
        state = self.state[p]
        counts = [state[name] for name in self.host_numbers]
        states = [[state[name]] for name in slots]
        values, new = self._call(group, [p], [p.grad], states, tuple(
            [x if x.requires_grad or self.counts_in_graph else float(x) for x in counts]))
        for x, value in zip([p, *chain.from_iterable(states), *counts], [*values, *new], strict=True):
            x.copy_(value)

    def _step_closed(self, k: int, group: dict, slots: tuple[str, ...]) -> bool:
        """A step with states that nobody has looked at since the last one; False where they have to be opened."""
        closed = self._closed.get(k)
        if closed is None or not torch._plain_tape():
            return False
        params = [p for p in group["params"] if p._grad is not None]
        if not params or not closed.fits(params, self.state, slots):
            return False
        values, closed.host = self._call(group, params, [p._grad for p in params], closed.bundles, closed.host)
        torch._assign(params, values, closed.bundles)
        return True

    def _step_open(self, k: int, group: dict, slots: tuple[str, ...]) -> None:
        """A step with the states one by one; they are closed first where that can be done."""
        self._closed.pop(k, None)
        buckets = list(self._buckets(group, slots))
        self._check_capturable(group, chain.from_iterable(bucket[1] for bucket in buckets))
        if len(buckets) == 1 and slots and torch._plain_tape():
            key, params, _, states = buckets[0]
            closed = close(params, states, slots, tuple(self.host_numbers), key)
            if closed is not None:
                self._closed[k] = closed
                del buckets, states
                self._step_closed(k, group, slots)
                return
        for key, params, grads, states in buckets:
            old = [[_read(s, name) for s in states] for name in slots]
            values, new = self._call(group, params, grads, old, key)
            torch._assign(list(chain(params, *old)), values)
            for name, value in zip(self.host_numbers, new):
                for state in states:
                    _write(state, name, value)
