"""Other adaptive methods: RMSprop, Adagrad, Adadelta, Rprop."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .differentiable import rules
from .driver import Rule, check_implementation, check_lr, check_number, fill, number

__all__ = ["Adadelta", "Adagrad", "RMSprop", "Rprop"]


def _common(group: dict) -> dict[str, Any]:
    """The arguments that all rules share."""
    return {"lr": number(group["lr"]), "eps": number(group["eps"]), "weight_decay": number(group["weight_decay"]),
            "decay": bool(group["weight_decay"] != 0), "maximize": group["maximize"]}


class RMSprop(Rule):
    """p - lr * g / (sqrt(v) + eps), v the running mean of g^2; see torch.optim.RMSprop."""

    later = {**Rule.later, "momentum": 0, "centered": False}

    def __init__(self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
                 momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        check_number(eps >= 0, "epsilon value", eps)
        check_number(momentum >= 0, "momentum value", momentum)
        check_number(weight_decay >= 0, "weight_decay value", weight_decay)
        check_number(alpha >= 0, "alpha value", alpha)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("square_avg", *(["momentum_buffer"] if group["momentum"] > 0 else []),
                *(["grad_avg"] if group["centered"] else []))

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        values = rules()._rmsprop(params, grads, states[0], states[1] if group["momentum"] > 0 else [],
                                states[-1] if group["centered"] else [], alpha=number(group["alpha"]),
                                momentum=number(group["momentum"]), **_common(group))
        return values, (host[0] + 1,)


class Adagrad(Rule):
    """p - lr * g / (sqrt(s) + eps), s the sum of g^2; see torch.optim.Adagrad."""

    def __init__(self, params: Any, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        check_lr(lr)
        check_number(lr_decay >= 0, "lr_decay value", lr_decay)
        check_number(weight_decay >= 0, "weight_decay value", weight_decay)
        check_number(initial_accumulator_value >= 0, "initial_accumulator_value value", initial_accumulator_value)
        check_number(eps >= 0, "epsilon value", eps)
        check_implementation(foreach, fused, differentiable)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused})
        for group in self.param_groups:             # torch makes this state at once, not at the first step
            for p in group["params"]:
                self._begin(p, self.state[p], group, ("sum",))

    def share_memory(self) -> None:
        """Does nothing: there is one process."""

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("sum",)

    def _fresh(self, name: str, p: Tensor, group: dict) -> Tensor:
        return fill(p, float(group["initial_accumulator_value"]))

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        common = _common(group)
        common["lr"] = common["lr"] / (1 + host[0] * number(group["lr_decay"]))
        return rules()._adagrad(params, grads, states[0], **common), (host[0] + 1,)


class Adadelta(Rule):
    """Steps scaled by the ratio of the running means of past steps and gradients; see torch.optim.Adadelta."""

    def __init__(self, params: Any, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False) -> None:
        check_lr(lr)
        check_number(0 <= rho <= 1, "rho value", rho)
        check_number(eps >= 0, "epsilon value", eps)
        check_number(weight_decay >= 0, "weight_decay value", weight_decay)
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        values = rules()._adadelta(params, grads, *states, rho=number(group["rho"]), **_common(group))
        return values, (host[0] + 1,)


class Rprop(Rule):
    """Steps by the sign of the gradient, of adaptive length; see torch.optim.Rprop."""

    def __init__(self, params: Any, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        check_number(0 < etas[0] < 1.0 < etas[1], "eta values", f"{etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _fresh(self, name: str, p: Tensor, group: dict) -> Tensor:
        return fill(p, 0.0 if name == "prev" else number(group["lr"]))

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        (minus, plus), (smallest, largest) = group["etas"], group["step_sizes"]
        values = rules()._rprop(params, grads, *states, etaminus=number(minus), etaplus=number(plus),
                              smallest=number(smallest), largest=number(largest), maximize=group["maximize"])
        return values, (host[0] + 1,)
