"""Convolutions and transposed convolutions in one, two and three dimensions."""
from __future__ import annotations

import math
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .sizes import ntuple

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share; `n` is the number of spatial dimensions, `transposed` the direction."""

    n: int
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
                 dtype: Any = None, *, _output_padding: Any = 0) -> None:
        super().__init__()
        stride, dilation = ntuple(stride, self.n), ntuple(dilation, self.n)
        self._check(in_channels, out_channels, groups, stride, padding, padding_mode)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = ntuple(kernel_size, self.n), stride
        self.padding = padding if isinstance(padding, str) else ntuple(padding, self.n)
        self.dilation = dilation
        self.output_padding = ntuple(_output_padding, self.n)
        self.transposed, self.groups, self.padding_mode = self.transposed, groups, padding_mode
        self._reversed_padding_repeated_twice = self._edge_padding()        # torch's name: whole modules are saved with it
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(torch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    @staticmethod
    def _check(in_channels: int, out_channels: int, groups: int, stride: tuple, padding: Any, mode: str) -> None:
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {set(_MODES)}, but got padding_mode={mode!r}")

    def _edge_padding(self) -> list[int]:
        """The padding in the order of F.pad: last dimension first, both sides of each."""
        if self.padding == "valid":
            return [0, 0] * self.n
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return [side for t in reversed(totals) for side in (t // 2, t - t // 2)]
        return [side for p in reversed(self.padding) for side in (p, p)]

    def reset_parameters(self) -> None:
        """Draws the weight, then the bias, uniformly from (-k, k) with k = 1/sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self.n
        return getattr(F, self._function)(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        ones, zeros = (1,) * self.n, (0,) * self.n
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        shown += [f"{name}={value}" for name, value, default in (
            ("padding", self.padding, zeros), ("dilation", self.dilation, ones),
            ("output_padding", self.output_padding, zeros), ("groups", self.groups, 1)) if value != default]
        if self.bias is None:
            shown.append("bias=False")
        if self.padding_mode != "zeros":
            shown.append(f"padding_mode={self.padding_mode}")
        return ", ".join(shown)


class Conv1d(_ConvNd):
    """Cross-correlation of (N, C, L)."""
    n = 1
    _function = "conv1d"


class Conv2d(_ConvNd):
    """Cross-correlation of (N, C, H, W)."""
    n = 2
    _function = "conv2d"


class Conv3d(_ConvNd):
    """Cross-correlation of (N, C, D, H, W)."""
    n = 3
    _function = "conv3d"


class _ConvTransposeNd(_ConvNd):
    """The gradient of a convolution with respect to its input, as a layer; weight (in, out / groups, kernel...)."""

    transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         device, dtype, _output_padding=output_padding)

    def _output_padding_for(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives `output_size`, or ValueError if none does."""
        n, batched = self.n, input.dim() == self.n + 2
        size = list(output_size)
        if len(size) == n + (2 if batched else 1):
            size = size[-n:]
        if len(size) != n:
            raise ValueError(f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                             f"{n + (2 if batched else 1)} elements (got {len(size)})")
        spatial = input.shape[-n:]
        least = [(spatial[d] - 1) * self.stride[d] - 2 * self.padding[d]
                 + self.dilation[d] * (self.kernel_size[d] - 1) + 1 for d in range(n)]
        most = [low + self.stride[d] - 1 for d, low in enumerate(least)]
        if any(not low <= s <= high for s, low, high in zip(size, least, most)):
            raise ValueError(f"requested an output size of {output_size}, but valid sizes range from {least} to {most} "
                             f"(for an input of {spatial})")
        return tuple(s - low for s, low in zip(size, least))

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding_for(input, output_size)
        return getattr(F, self._function)(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
                                    self.dilation)


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, C, L)."""
    n = 1
    _function = "conv_transpose1d"


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of (N, C, H, W)."""
    n = 2
    _function = "conv_transpose2d"


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, C, D, H, W)."""
    n = 3
    _function = "conv_transpose3d"
