"""torch.fx: the mark that libraries put on functions for PyTorch's tracer. There is no such tracer here.

In: functions.  Out: the same.
"""
from __future__ import annotations

from typing import Any

__all__ = ["wrap"]


def wrap(fn_or_name: Any) -> Any:
    """`fn_or_name` itself: nothing is traced."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.fx' has no attribute '{name}'. Out of scope: PyTorch's own tracers: a tape is what "
                         "torchish records of a function; `torchish.to_jax(module)` gives it as a function of JAX", name=name)
