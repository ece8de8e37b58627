"""torch.return_types: the classes of results with named parts.

In: the name of an op along a dimension, a factorisation, ....  Out: its class of tuples.
Source: https://docs.pytorch.org/docs/stable/torch.html
"""
from __future__ import annotations

from typing import Any

from .derive import returns
from .ops.table import TABLE
from .returned import classes

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    """The class, made now if no result has needed it yet."""
    if name not in classes:
        for op in TABLE.values():
            if op.returns is not None and op.told == name:
                returns(op)
    if name not in classes:
        raise AttributeError(f"module 'torch.return_types' has no attribute '{name}'")
    return classes[name]
