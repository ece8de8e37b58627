"""torch.fx: the mark that libraries put on functions for PyTorch's tracer, and the classes they ask about. There is no such tracer.

In: functions, modules of which a library asks whether they were traced.  Out: the same; they were not.
Source: https://docs.pytorch.org/docs/stable/fx.html
"""
from __future__ import annotations

from typing import Any

from ..nn.module import Module

__all__ = ["Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer", "symbolic_trace", "wrap"]

_WHY = ("Out of scope: PyTorch's own tracers: a tape is what torchish records of a function; `torchish.to_jax(module)` gives it "
        "as a function of JAX")


def wrap(fn_or_name: Any) -> Any:
    """`fn_or_name` itself: nothing is traced."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name


class _Traced:
    """No object is one of these. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"torch.fx.{type(self).__name__}: {_WHY}")


class GraphModule(_Traced, Module):
    """No module is one."""


class Graph(_Traced):
    """There are none."""


class Node(_Traced):
    """There are none."""


class Proxy(_Traced):
    """There are none."""


class Tracer(_Traced):
    """There is none."""


class Interpreter(_Traced):
    """There is none."""


class Transformer(Interpreter):
    """There is none."""


def symbolic_trace(root: Any, concrete_args: dict | None = None) -> Any:
    """NotImplementedError: nothing is traced."""
    raise NotImplementedError(f"torch.fx.symbolic_trace: {_WHY}")


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.fx' has no attribute '{name}'. {_WHY}", name=name)
