"""Stochastic gradient descent with momentum."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .differentiable import rules
from .driver import Rule, check_implementation, check_lr, check_number, fill, number
from .states import ParamState

__all__ = ["SGD"]


class SGD(Rule):
    """p - lr * b, b = momentum * b + (1 - dampening) * g; see torch.optim.SGD."""

    # Not shown in the state: whether the momentum buffer is still to take its first gradient, undamped.
    host_numbers: dict[str, float] = {}
    later = {**Rule.later, "nesterov": False, "fused": False}

    def __init__(self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0,
                 nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        check_lr(lr)
        check_number(momentum >= 0, "momentum value", momentum)
        check_number(weight_decay >= 0, "weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_implementation(foreach, fused, differentiable)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _buckets(self, group: dict, slots: tuple[str, ...]) -> Any:
        """As the base class does it, but first steps apart from later ones where dampening makes a difference."""
        now: tuple[list, list, list] = ([], [], [])
        undamped: tuple[list, list, list] = ([], [], [])
        damped, state_of, get = group["dampening"] != 0, self.state, dict.get
        for p in group["params"]:
            grad = p._grad
            if grad is None:
                continue
            state: ParamState = state_of[p]
            state._open()
            first = get(state, "momentum_buffer") is None
            if first:
                state["momentum_buffer"] = fill(p, 0.0)
            params, grads, states = now if not (first and damped) else undamped
            params.append(p)
            grads.append(grad)
            states.append(state)
        for first, (params, grads, states) in ((False, now), (True, undamped)):
            if params:
                yield (first,), params, grads, states

    def _one_in_graph(self, group: dict, p: Tensor, slots: tuple[str, ...]) -> None:
        """A first momentum buffer is cut from the graph."""
        state = self.state[p]
        if not slots or dict.get(state, "momentum_buffer") is not None:
            super()._one_in_graph(group, p, slots)
            return
        g = -p.grad if group["maximize"] else p.grad
        if group["weight_decay"] != 0:
            g = g + p * group["weight_decay"]
        state["momentum_buffer"] = buffer = g.detach().clone()
        p.sub_((g + buffer * group["momentum"] if group["nesterov"] else buffer) * group["lr"])

    def _begin(self, p: Tensor, state: ParamState, group: dict, slots: tuple[str, ...]) -> None:
        """Nothing: a momentum buffer begins with the first gradient."""

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        values = rules()._sgd(
            params, grads, states[0] if states else [], lr=number(group["lr"]), momentum=number(group["momentum"]),
            dampening=0.0 if host and host[0] else number(group["dampening"]),
            weight_decay=number(group["weight_decay"]), decay=bool(group["weight_decay"] != 0), nesterov=group["nesterov"],
            maximize=group["maximize"])
        return values, (False,) if host else ()
