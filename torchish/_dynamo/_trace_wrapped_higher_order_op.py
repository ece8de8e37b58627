"""torch._dynamo._trace_wrapped_higher_order_op: a context in which PyTorch lets a function under vmap index by its member.

In, out: nothing: `x[i]` with a 0-dim tensor `i` that stands for a batch is an operation like any other here.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex:
    """Changes nothing."""

    def __enter__(self) -> TransformGetItemToIndex:
        return self

    def __exit__(self, *error: Any) -> None:
        return None


__getattr__ = missing("torch._dynamo._trace_wrapped_higher_order_op", globals())
