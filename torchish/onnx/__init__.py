"""torch.onnx: torchish writes no ONNX files; libraries that know ONNX can be imported and ask whether they are exported.

In: modules to export.  Out: NotImplementedError, with what there is instead.
Source: https://docs.pytorch.org/docs/stable/onnx.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..missing import missing
from . import operators

__all__ = ["OnnxExporterError", "export", "is_in_onnx_export", "operators", "register_custom_op_symbolic",
           "unregister_custom_op_symbolic"]


class OnnxExporterError(RuntimeError):
    """torch's error for what cannot be exported."""


def is_in_onnx_export() -> bool:
    """False."""
    return False


def export(*args: Any, **kwargs: Any) -> Any:
    """NotImplementedError: `torchish.export` writes a file that any process with JAX can run."""
    raise NotImplementedError("torchish writes no ONNX files. `torchish.export(model, *inputs)` gives a file that any process with "
                              "JAX can run, StableHLO inside")


def register_custom_op_symbolic(symbolic_name: str, symbolic_fn: Callable, opset_version: int, custom_opsets: Any = None) -> None:
    """Nothing: what an operator is in ONNX is asked for by export alone."""


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Nothing."""


__getattr__ = missing("torch.onnx", globals(), late={"symbolic_helper", "symbolic_opset11"})
