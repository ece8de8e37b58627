"""Padding modules: constant, zero, reflecting, replicating and circular edges."""
from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module
from .sizes import ntuple

__all__ = [f"{kind}Pad{n}d" for kind in ("Circular", "Constant", "Reflection", "Replication", "Zero") for n in (1, 2,
                                                                                                                3)]


class _PadNd(Module):
    """`padding` is one int or (left, right, top, bottom, front, back), the last dimension first."""

    n: int
    _mode: str
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self.n)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with `value`."""
    n = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with `value`."""
    n = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with `value`."""
    n = 3


class _ZeroPad:
    """What turns a ConstantPad into a ZeroPad."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Pads the last dimension with 0."""


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Pads the last two dimensions with 0."""


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Pads the last three dimensions with 0."""


class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Mirrors the last dimension at its edges, without repeating them."""
    n = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Mirrors the last two dimensions at their edges, without repeating them."""
    n = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Mirrors the last three dimensions at their edges, without repeating them."""
    n = 3


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Repeats the edges of the last dimension."""
    n = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Repeats the edges of the last two dimensions."""
    n = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Repeats the edges of the last three dimensions."""
    n = 3


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim - self.n not in (1, 2):
            raise ValueError(f"expected {self.n + 1}D or {self.n + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """Continues the last dimension from its other end."""
    n = 1


class CircularPad2d(_CircularPadNd):
    """Continues the last two dimensions from their other ends."""
    n = 2


class CircularPad3d(_CircularPadNd):
    """Continues the last three dimensions from their other ends."""
    n = 3
