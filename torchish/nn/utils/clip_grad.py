"""Gradient clipping: one recorded op for all gradients."""
from __future__ import annotations

from collections.abc import Iterable
from types import GeneratorType
from typing import Any

from ... import api as torch
from ...tensor import Tensor
from ...warned import warn

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _grads(parameters: Tensor | Iterable[Tensor], told: bool = False) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    elif told and isinstance(parameters, GeneratorType):
        parameters = list(parameters)
        if not parameters:
            warn("`parameters` is an empty generator, no gradient clipping will occur.")
    return [g for g in [p._grad for p in parameters] if g is not None]


def _check_finite(total: Tensor, norm_type: float) -> None:
    if not torch.isfinite(total):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
                           "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           "anyway, set `error_if_nonfinite=False`")


def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """The norm of all tensors seen as one vector."""
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not tensors:
        return torch.tensor(0.0)
    with torch.no_grad():
        total = torch._total_norm(tensors, norm_type=float(norm_type))
    if error_if_nonfinite:
        _check_finite(total, float(norm_type))
    return total


def clip_grads_with_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scales the gradients in place by min(1, max_norm / (total_norm + 1e-6))."""
    grads = _grads(parameters)
    if grads:
        with torch.no_grad():
            torch._assign(grads, torch._clip_grads_with_norm(grads, total_norm, max_norm=float(max_norm)))


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """Scales the gradients in place so that their total norm is at most `max_norm`; returns the norm before."""
    grads = _grads(parameters, told=True)
    if not grads:
        return torch.tensor(0.0)
    if error_if_nonfinite:
        _check_finite(get_total_norm(grads, norm_type), float(norm_type))
    with torch.no_grad():
        total = torch.empty(())         # takes the last result
        torch._assign([*grads, total], torch._clip_grads(grads, max_norm=float(max_norm), norm_type=float(norm_type)))
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """The older name of clip_grad_norm_."""
    warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.", FutureWarning)
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limits every element of the gradients to [-clip_value, clip_value], in place."""
    grads = _grads(parameters)
    value = float(clip_value)
    if grads:
        with torch.no_grad():
            torch._assign(grads, torch._clip_values(grads, low=-value, high=value))
