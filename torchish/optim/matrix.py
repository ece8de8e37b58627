"""Methods that see a parameter as a matrix: Adafactor, Muon.

In: parameters with gradients.  Out: their new values, one recorded op for all matrices and one for all vectors of a group.
Source: https://docs.pytorch.org/docs/stable/optim.html
"""
from __future__ import annotations

from itertools import chain
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .driver import Rule, check_one_element, number
from .states import ParamState

__all__ = ["Adafactor", "Muon"]


def _check(ok: bool, what: str, bound: str, value: Any) -> None:
    if not ok:
        raise ValueError(f"{what} should be {bound} but is: {value}")


def _real_only(name: str, params: list[Tensor]) -> None:
    if any(p.is_complex() for p in params):
        raise RuntimeError(f"{name} does not support complex parameters")


class Adafactor(Rule):
    """Steps scaled by the running mean of g^2, kept as one number for each row and column; see torch.optim.Adafactor."""

    later = {"foreach": None}

    def __init__(self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3),
                 d: float = 1.0, weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False) -> None:
        check_one_element(lr)
        _check(lr >= 0, "Learning rate", ">= 0", lr)
        _check(beta2_decay <= 0, "beta2_decay", "<= 0", beta2_decay)
        _check(eps[0] is None or eps[0] >= 0, "epsilon1", ">= 0", eps[0])
        _check(eps[1] >= 0, "epsilon2", ">= 0", eps[1])
        _check(d >= 1, "Clipping threshold d", ">= 1", d)
        _check(weight_decay >= 0, "weight_decay", ">= 0", weight_decay)
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize})

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("row_var", "col_var") if group.get("factored", True) else ("variance",)

    def _fresh(self, name: str, p: Tensor, group: dict) -> Tensor:
        shape = list(p.shape)
        if name != "variance":
            shape[-1 if name == "row_var" else -2] = 1
        return torch.zeros(shape, dtype=p.dtype, device=p.device)

    def _step_closed(self, k: int, group: dict, slots: tuple[str, ...]) -> bool:
        return False            # the states differ from parameter to parameter, so no bundle holds them

    def _step_open(self, k: int, group: dict, slots: tuple[str, ...]) -> None:
        params = [p for p in group["params"] if p._grad is not None]
        _real_only("Adafactor", params)
        for factored in (True, False):
            part = {**group, "factored": factored, "params": [p for p in params if (p.dim() > 1) is factored]}
            slots = self._slots(part)
            for key, some, grads, states in list(self._buckets(part, slots)):
                old = [[dict.__getitem__(s, name) for s in states] for name in slots]
                values, (step,) = self._call(part, some, grads, old, key)
                torch._assign(list(chain(some, *old)), values)
                for s in states:
                    dict.__setitem__(s, "step", step)

    def _call(self, group: dict, params: list, grads: list, states: list[list], host: tuple) -> tuple:
        step, lr = host[0] + 1, number(group["lr"])
        eps1, eps2 = group["eps"]
        values = torch._adafactor(params, grads, states[0], states[1] if group["factored"] else [], lr=lr,
                                  rho=min(lr, step**-0.5), weight=step ** group["beta2_decay"], eps2=number(eps2),
                                  d=number(group["d"]), weight_decay=number(group["weight_decay"]), eps1=eps1,
                                  decay=group["weight_decay"] != 0, maximize=group["maximize"])
        return values, (step,)


class Muon(Rule):
    """lr times the running mean of the gradient made orthogonal, for matrices only; see torch.optim.Muon."""

    host_numbers: dict[str, float] = {}
    later: dict[str, Any] = {}

    def __init__(self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
                 ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
                 adjust_lr_fn: str | None = None) -> None:
        check_one_element(lr)
        _check(lr >= 0, "Learning rate", ">= 0", lr)
        _check(momentum >= 0, "momentum", ">= 0", momentum)
        _check(weight_decay >= 0, "weight decay", ">= 0", weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov, "ns_coefficients": ns_coefficients,
            "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn})
        for p in chain.from_iterable(group["params"] for group in self.param_groups):
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def _slots(self, group: dict) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def _begin(self, p: Tensor, state: ParamState, group: dict, slots: tuple[str, ...]) -> None:
        _real_only("Muon", [p])
        super()._begin(p, state, group, slots)

    def _call(self, group: dict, params: list, grads: list, states: list[list], host: tuple) -> tuple:
        if group["ns_steps"] >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        values = torch._muon(params, grads, states[0], lr=number(group["lr"]), momentum=number(group["momentum"]),
                             weight_decay=number(group["weight_decay"]), nesterov=group["nesterov"],
                             coefficients=tuple(group["ns_coefficients"]), eps=group["eps"], steps=group["ns_steps"],
                             like_adamw=group["adjust_lr_fn"] == "match_rms_adamw")
        return values, ()
