"""torch.onnx.symbolic_helper: what stands above functions that say what an operator is in ONNX. Nobody calls them here.

In: functions.  Out: the same.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..missing import missing

__all__ = ["parse_args", "quantized_args"]


def parse_args(*arg_descriptors: str) -> Callable:
    """A decorator that changes nothing."""
    return lambda fn: fn


def quantized_args(*arg_q_descriptors: bool, **options: Any) -> Callable:
    """A decorator that changes nothing."""
    return lambda fn: fn


__getattr__ = missing("torch.onnx.symbolic_helper", globals())
