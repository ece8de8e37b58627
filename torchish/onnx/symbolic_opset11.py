"""torch.onnx.symbolic_opset11: ONNX's operators; functions that only an export would call name them.

In: a name.  Out: AttributeError, with the reason.
"""
from __future__ import annotations

from ..missing import missing

__all__: list[str] = []

__getattr__ = missing("torch.onnx.symbolic_opset11", globals())
