"""Pooling modules: maximum, average, power, adaptive and unpooling, in one to three dimensions."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .declare import module_of
from .module import Module
from .sizes import ntuple

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
           "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d", "LPPool1d",
           "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


class _MaxPoolNd(Module):
    """The largest value of every window."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._function)(input, self.kernel_size, self.stride, self.padding, self.dilation,
                                    ceil_mode=self.ceil_mode, return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPoolNd):
    """Max pooling of (N, C, L)."""
    _function = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """Max pooling of (N, C, H, W)."""
    _function = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """Max pooling of (N, C, D, H, W)."""
    _function = "max_pool3d"


class _AvgPoolNd(Module):
    """The mean of every window."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._function)(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                    self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """Average pooling of (N, C, L)."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        stride = kernel_size if stride is None else stride
        super().__init__(ntuple(kernel_size, 1), ntuple(stride, 1), ntuple(padding, 1), ceil_mode, count_include_pad)
        del self.divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_AvgPoolNd):
    """Average pooling of (N, C, H, W)."""
    _function = "avg_pool2d"


class AvgPool3d(_AvgPoolNd):
    """Average pooling of (N, C, D, H, W)."""
    _function = "avg_pool3d"


class _FractionalMaxPoolNd(Module):
    """The largest value of every window; the windows' places are drawn."""

    n: int

    def __init__(self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
                 _random_samples: Tensor | None = None) -> None:
        super().__init__()
        self.kernel_size, self.return_indices = ntuple(kernel_size, self.n), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else ntuple(output_size, self.n)
        self.output_ratio = None if output_ratio is None else ntuple(output_ratio, self.n)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{type(self).__name__} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio[:self.n]):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._function)(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
                                          _random_samples=self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Max pooling of (N, C, H, W) with windows that are drawn."""
    n = 2
    _function = "fractional_max_pool2d"


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Max pooling of (N, C, T, H, W) with windows that are drawn."""
    n = 3
    _function = "fractional_max_pool3d"

    def __init__(self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
                 _random_samples: Tensor | None = None) -> None:
        if any(k <= 0 for k in ntuple(kernel_size, 3)):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        super().__init__(kernel_size, output_size, output_ratio, return_indices, _random_samples)


class _LPPoolNd(Module):
    """(sum of x^p)^(1/p) of every window."""

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._function)(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPoolNd):
    """Power-average pooling of (N, C, L)."""
    _function = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """Power-average pooling of (N, C, H, W)."""
    _function = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """Power-average pooling of (N, C, D, H, W)."""
    _function = "lp_pool3d"


class _Adaptive(Module):
    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


@module_of("F.adaptive_avg_pool1d", show=False)
class AdaptiveAvgPool1d(_Adaptive):
    """Average pooling to a given length."""
    output_size: Any


@module_of("F.adaptive_avg_pool2d", show=False)
class AdaptiveAvgPool2d(_Adaptive):
    """Average pooling to a given size."""
    output_size: Any


@module_of("F.adaptive_avg_pool3d", show=False)
class AdaptiveAvgPool3d(_Adaptive):
    """Average pooling to a given size."""
    output_size: Any


@module_of("F.adaptive_max_pool1d", show=False)
class AdaptiveMaxPool1d(_Adaptive):
    """Max pooling to a given length."""
    output_size: Any
    return_indices: bool = False


@module_of("F.adaptive_max_pool2d", show=False)
class AdaptiveMaxPool2d(_Adaptive):
    """Max pooling to a given size."""
    output_size: Any
    return_indices: bool = False


@module_of("F.adaptive_max_pool3d", show=False)
class AdaptiveMaxPool3d(_Adaptive):
    """Max pooling to a given size."""
    output_size: Any
    return_indices: bool = False


class _MaxUnpoolNd(Module):
    """Puts the maxima back where they came from, zeros elsewhere."""

    n: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = ntuple(kernel_size, self.n)
        self.stride = ntuple(kernel_size if stride is None else stride, self.n)
        self.padding = ntuple(padding, self.n)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return getattr(F, self._function)(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The partial inverse of MaxPool1d."""
    n = 1
    _function = "max_unpool1d"


class MaxUnpool2d(_MaxUnpoolNd):
    """The partial inverse of MaxPool2d."""
    n = 2
    _function = "max_unpool2d"


class MaxUnpool3d(_MaxUnpoolNd):
    """The partial inverse of MaxPool3d."""
    n = 3
    _function = "max_unpool3d"
