"""torch.backends.quantized: there are no quantised kernels."""
from __future__ import annotations

__all__ = ["engine", "supported_engines"]

engine = "none"
supported_engines = ["none"]
