"""torch._dynamo: what scripts set and call of a compiler that torchish does not need.

In: settings, functions.  Out: the same.
"""
from __future__ import annotations

from ..compiler import allow_in_graph, assume_constant_result, disable, is_compiling, list_backends, reset
from ..missing import missing
from . import config, eval_frame
from .eval_frame import OptimizedModule

__all__ = ["OptimizedModule", "allow_in_graph", "assume_constant_result", "config", "disable", "eval_frame",
           "graph_break", "is_compiling", "list_backends", "mark_dynamic", "mark_static", "maybe_mark_dynamic", "reset"]


def graph_break(msg: str = "") -> None:
    """Nothing: a step is cut where a value is looked at."""


def mark_dynamic(t: object, index: object, **limits: object) -> None:
    """Nothing: each shape is a program of its own."""


maybe_mark_dynamic = mark_static = mark_dynamic

__getattr__ = missing("torch._dynamo", globals(), late={"utils"})
