"""Activation modules: each keeps its arguments and calls the function of the same subject."""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..tensor import Tensor
from ..warned import warn
from . import functional as F
from .declare import module_of
from .module import Module
from .parameter import Parameter

__all__ = ["CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
           "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax",
           "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold"]


@module_of("F.threshold")
class Threshold(Module):
    """x where x > threshold, else value."""
    threshold: float
    value: float
    inplace: bool = False


@module_of("F.relu")
class ReLU(Module):
    """max(x, 0)."""
    inplace: bool = False


@module_of("F.rrelu")
class RReLU(Module):
    """Leaky ReLU whose slope is drawn from U(lower, upper) in training."""
    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


@module_of("F.hardtanh")
class Hardtanh(Module):
    """x limited to [min_val, max_val]."""
    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False,
                 min_value: float | None = None, max_value: float | None = None) -> None:
        super().__init__()
        for old, new, given in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if given is not None:
                warn(f"keyword argument `{old}` is deprecated and renamed to `{new}`", FutureWarning)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")


class ReLU6(Hardtanh):
    """min(max(x, 0), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


@module_of("torch.sigmoid")
class Sigmoid(Module):
    """1 / (1 + exp(-x))."""


@module_of("torch.tanh")
class Tanh(Module):
    """tanh(x)."""


@module_of("F.logsigmoid")
class LogSigmoid(Module):
    """log(1 / (1 + exp(-x)))."""


@module_of("F.softsign")
class Softsign(Module):
    """x / (1 + |x|)."""


@module_of("F.tanhshrink")
class Tanhshrink(Module):
    """x - tanh(x)."""


@module_of("F.hardsigmoid", show=False)
class Hardsigmoid(Module):
    """relu6(x + 3) / 6."""
    inplace: bool = False


@module_of("F.silu")
class SiLU(Module):
    """x * sigmoid(x)."""
    inplace: bool = False


@module_of("F.mish")
class Mish(Module):
    """x * tanh(softplus(x))."""
    inplace: bool = False


@module_of("F.hardswish", show=False)
class Hardswish(Module):
    """x * relu6(x + 3) / 6."""
    inplace: bool = False


@module_of("F.elu")
class ELU(Module):
    """x where x > 0, else alpha * (exp(x) - 1)."""
    alpha: float = 1.0
    inplace: bool = False


@module_of("F.celu")
class CELU(Module):
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))."""
    alpha: float = 1.0
    inplace: bool = False


@module_of("F.selu")
class SELU(Module):
    """ELU with the constants that keep mean 0 and variance 1."""
    inplace: bool = False


@module_of("F.glu")
class GLU(Module):
    """a * sigmoid(b), where a and b are the halves of x along dim."""
    dim: int = -1


@module_of("F.gelu")
class GELU(Module):
    """x * Phi(x), or its tanh approximation."""
    approximate: str = "none"


@module_of("F.hardshrink")
class Hardshrink(Module):
    """x where |x| > lambd, else 0."""
    lambd: float = 0.5

    def extra_repr(self) -> str:
        return f"{self.lambd}"


@module_of("F.softshrink")
class Softshrink(Module):
    """x moved towards 0 by lambd, at most to 0."""
    lambd: float = 0.5

    def extra_repr(self) -> str:
        return str(self.lambd)


@module_of("F.leaky_relu")
class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x."""
    negative_slope: float = 0.01
    inplace: bool = False


@module_of("F.softplus")
class Softplus(Module):
    """log(1 + exp(beta * x)) / beta; x where beta * x > threshold."""
    beta: float = 1.0
    threshold: float = 20.0


@module_of("F.softmin")
class Softmin(Module):
    """softmax(-x) along dim."""
    dim: int | None = None


@module_of("F.softmax")
class Softmax(Module):
    """exp(x) / sum(exp(x)) along dim."""
    dim: int | None = None


@module_of("F.log_softmax")
class LogSoftmax(Module):
    """x - logsumexp(x) along dim."""
    dim: int | None = None


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)


class PReLU(Module):
    """x where x > 0, else weight * x, with one learned weight or one a channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        self.num_parameters = num_parameters
        super().__init__()
        self.init = init
        self.weight = Parameter(torch.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets every weight to `init`."""
        with torch.no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
