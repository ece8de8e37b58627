"""torch.nn.grad: the gradients of convolutions by their input and by their weight.

In: the sizes, what the convolution was called with, and the gradient of its result.  Out: a gradient.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/nn/grad.html
"""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..autograd.calls import grad
from ..tensor import Tensor
from . import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _by_input(n: int, input_size: Any, weight: Tensor, grad_output: Tensor, *options: Any) -> Tensor:
    with torch.enable_grad():
        x = torch.zeros(tuple(input_size), dtype=grad_output.dtype, device=grad_output.device, requires_grad=True)
        out = getattr(F, f"conv{n}d")(x, weight.detach(), None, *options)
    return grad(out, x, grad_output)[0]     # type: ignore[return-value]


def _by_weight(n: int, input: Tensor, weight_size: Any, grad_output: Tensor, *options: Any) -> Tensor:
    with torch.enable_grad():
        w = torch.zeros(tuple(weight_size), dtype=grad_output.dtype, device=grad_output.device, requires_grad=True)
        out = getattr(F, f"conv{n}d")(input.detach(), w, None, *options)
    return grad(out, w, grad_output)[0]     # type: ignore[return-value]


def conv1d_input(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of conv1d by its input."""
    return _by_input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of conv1d by its weight."""
    return _by_weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of conv2d by its input."""
    return _by_input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of conv2d by its weight."""
    return _by_weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of conv3d by its input."""
    return _by_input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of conv3d by its weight."""
    return _by_weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)
