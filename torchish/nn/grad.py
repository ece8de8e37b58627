"""torch.nn.grad: the gradients of convolutions by their input and by their weight.

In: the sizes, what the convolution was called with, and the gradient of its result.  Out: a gradient.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/nn/grad.html
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import api as torch
from ..autograd.calls import grad
from ..tensor import Tensor

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _by(convolved: Callable[[Tensor], Tensor], sizes: Any, grad_output: Tensor) -> Tensor:
    """The gradient by an operand of these sizes: a convolution is linear, so any value of it will do."""
    with torch.enable_grad():
        x = torch.zeros(tuple(sizes), dtype=grad_output.dtype, device=grad_output.device, requires_grad=True)
        out = convolved(x)
    return grad(out, x, grad_output)[0]     # type: ignore[return-value]


def _gradients(n: int) -> Iterator[Callable[..., Tensor]]:
    """The two functions of n dimensions."""
    convolution = getattr(torch, f"conv{n}d")

    def by_input(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1) -> Tensor:
        return _by(lambda x: convolution(x, weight.detach(), None, stride, padding, dilation, groups), input_size, grad_output)

    def by_weight(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                  groups: int = 1) -> Tensor:
        return _by(lambda w: convolution(input.detach(), w, None, stride, padding, dilation, groups), weight_size, grad_output)

    for function, operand in ((by_input, "input"), (by_weight, "weight")):
        function.__name__ = function.__qualname__ = f"conv{n}d_{operand}"
        function.__doc__ = f"The gradient of conv{n}d by its {operand}."
        yield function


conv1d_input, conv1d_weight = _gradients(1)
conv2d_input, conv2d_weight = _gradients(2)
conv3d_input, conv3d_weight = _gradients(3)
