"""torch.ao.quantization: the places in a model where tensors would be quantized. They stay floating: XLA has no such types.

In: tensors.  Out: the same, as in PyTorch before a model is prepared and converted.
Source: https://docs.pytorch.org/docs/stable/quantization-support.html
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..nn.module import Module

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(Module):
    """Where quantization would begin: x itself. `qconfig` is kept."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Any) -> Any:
        """x."""
        return x


class DeQuantStub(QuantStub):
    """Where quantization would end: x itself."""


__getattr__ = missing("torch.ao.quantization", globals())
