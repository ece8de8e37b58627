"""Modules that only rearrange or resize: Flatten, Unflatten, Upsample, PixelShuffle, Fold, Unfold, ChannelShuffle."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .declare import module_of
from .module import Module

__all__ = ["ChannelShuffle", "Flatten", "Fold", "PixelShuffle", "PixelUnshuffle", "Unflatten", "Unfold", "Upsample",
           "UpsamplingBilinear2d", "UpsamplingNearest2d"]


@module_of("torch.flatten")
class Flatten(Module):
    """Joins dimensions start_dim to end_dim."""
    start_dim: int = 1
    end_dim: int = -1


class Unflatten(Module):
    """Splits dimension `dim` into `unflattened_size`."""

    def __init__(self, dim: Any, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError("unflattened_size must be a tuple of ints, but found type "
                            + type(unflattened_size).__name__)
        for i, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError("unflattened_size must be tuple of ints, but found element of type "
                                f"{type(size).__name__} at pos {i}")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Upsample(Module):
    """Resizes to `size` or by `scale_factor`."""

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             recompute_scale_factor=self.recompute_scale_factor)

    def extra_repr(self) -> str:
        by = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{by}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Nearest-neighbour resizing of (N, C, H, W)."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Bilinear resizing of (N, C, H, W), corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


@module_of("F.pixel_shuffle")
class PixelShuffle(Module):
    """(N, C r^2, H, W) to (N, C, H r, W r)."""
    upscale_factor: int


@module_of("F.pixel_unshuffle")
class PixelUnshuffle(Module):
    """(N, C, H r, W r) to (N, C r^2, H, W)."""
    downscale_factor: int


@module_of("F.channel_shuffle")
class ChannelShuffle(Module):
    """Interleaves the channels of `groups` groups."""
    groups: int


@module_of("F.fold")
class Fold(Module):
    """Adds up sliding blocks into an image."""
    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


@module_of("F.unfold")
class Unfold(Module):
    """Takes the sliding blocks of an image as columns."""
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1
