"""The family of Adam: Adam, AdamW, NAdam, RAdam, Adamax."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from .differentiable import rules
from .driver import Rule, check_implementation, check_lr, check_number, check_one_element, number

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


def _check(lr: Any, betas: tuple, eps: float, weight_decay: float) -> None:
    check_lr(lr)
    check_number(eps >= 0, "epsilon value", eps)
    check_number(0 <= betas[0] < 1, "beta parameter at index 0", betas[0])
    check_number(0 <= betas[1] < 1, "beta parameter at index 1", betas[1])
    check_number(weight_decay >= 0, "weight_decay value", weight_decay)


def _check_tensors(lr: Any, betas: tuple, foreach: bool | None, capturable: bool) -> None:
    """What Adam says of numbers that are given as tensors."""
    if not any(all(isinstance(b, kind) for b in betas) for kind in (float, Tensor)):
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
        if isinstance(value, Tensor) and foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        check_one_element(value, name)


def _common(group: dict) -> dict[str, Any]:
    """The arguments that all rules of the family share."""
    return {"beta1": number(group["betas"][0]), "beta2": number(group["betas"][1]), "eps": number(group["eps"]),
            "weight_decay": number(group["weight_decay"]), "decay": bool(group["weight_decay"] != 0),
            "maximize": group["maximize"]}


class Adam(Rule):
    """p - lr * m^ / (sqrt(v^) + eps) with bias-corrected running means m^ of g and v^ of g^2; see torch.optim.Adam."""

    counts_in_graph = True
    later = {**Rule.later, "amsgrad": False}

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:
        _check(lr, betas, eps, weight_decay)
        _check_tensors(lr, betas, foreach, capturable)
        check_implementation(foreach, fused, differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        step, lr = host[0] + 1, number(group["lr"])
        common = _common(group)
        values = rules()._adam(
            params, grads, states[0], states[1], states[2] if group["amsgrad"] else [], lr=lr,
            step_size=lr / (1 - common["beta1"] ** step), bias_correction2_sqrt=(1 - common["beta2"] ** step) ** 0.5,
            decoupled=group["decoupled_weight_decay"], **common)
        return values, (step,)


class AdamW(Adam):
    """Adam whose weight decay does not pass through the running means; see torch.optim.AdamW."""

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class NAdam(Rule):
    """Adam with Nesterov momentum; see torch.optim.NAdam."""

    host_numbers = {"step": 0.0, "mu_product": 1.0}
    counted_along = ", mu_products"

    def __init__(self, params: Any, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        _check(lr, betas, eps, weight_decay)
        check_number(momentum_decay >= 0, "momentum_decay value", momentum_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        step, lr = host[0] + 1, number(group["lr"])
        common = _common(group)
        mu, mu_next = (common["beta1"] * (1.0 - 0.5 * (0.96 ** (s * group["momentum_decay"]))) for s in (step,
                                                                                                         step + 1))
        product = host[1] * mu if isinstance(host[1], Tensor) else float(np.float32(host[1]) * np.float32(mu))  # a float32 in torch
        values = rules()._nadam(
            params, grads, *states, lr=lr, grad_scale=-lr * (1.0 - mu) / (1.0 - product),
            momentum_scale=(-lr * mu_next) / (1.0 - product * mu_next), bias_correction2=1 - common["beta2"] ** step,
            decoupled=group["decoupled_weight_decay"], **common)
        return values, (step, product)


class RAdam(Rule):
    """Adam with a rectified adaptive rate; see torch.optim.RAdam."""

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        _check(lr, betas, eps, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        step, common = host[0] + 1, _common(group)
        beta2 = common["beta2"]
        correction2 = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * (beta2**step) / correction2
        adaptive = length > 5.0
        rectification = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5 \
            if adaptive else 1.0
        values = rules()._radam(
            params, grads, *states, lr=number(group["lr"]), bias_correction1=1 - common["beta1"] ** step,
            bias_correction2_sqrt=correction2**0.5, rectification=rectification, adaptive=adaptive,
            decoupled=group["decoupled_weight_decay"], **common)
        return values, (step,)


class Adamax(Rule):
    """Adam with the infinity norm; see torch.optim.Adamax."""

    def __init__(self, params: Any, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        _check(lr, betas, eps, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _call(self, group: dict, params: list[Tensor], grads: list[Tensor], states: list[list], host: tuple) -> tuple:
        step, common = host[0] + 1, _common(group)
        values = rules()._adamax(params, grads, *states,
                               step_size=number(group["lr"]) / (1 - common["beta1"] ** step), **common)
        return values, (step,)
