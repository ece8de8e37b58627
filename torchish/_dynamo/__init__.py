"""torch._dynamo: what scripts set and call of a compiler that torchish does not need.

In: settings, functions.  Out: the same.
"""
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..compiler import (
    allow_in_graph,
    assume_constant_result,
    disable,
    is_compiling,
    list_backends,
    reset,
    set_stance,
    substitute_in_graph,
)
from ..missing import missing
from . import config, eval_frame
from .eval_frame import OptimizedModule

__all__ = ["OptimizedModule", "allow_in_graph", "assume_constant_result", "config", "disable", "disallow_in_graph",
           "error_on_graph_break", "eval_frame", "forbid_in_graph", "graph_break", "is_compiling", "is_dynamo_supported",
           "is_inductor_supported", "list_backends", "mark_dynamic", "mark_static", "mark_static_address", "maybe_mark_dynamic",
           "nonstrict_trace", "optimize", "optimize_assert", "register_backend", "reset", "reset_code_caches", "run", "set_stance",
           "substitute_in_graph"]

disallow_in_graph = forbid_in_graph = nonstrict_trace = allow_in_graph
reset_code_caches = reset


def graph_break(msg: str = "") -> None:
    """Nothing: a step is cut where a value is looked at."""


def mark_dynamic(t: object, index: object, **limits: object) -> None:
    """Nothing: each shape is a program of its own."""


maybe_mark_dynamic = mark_static = mark_dynamic


def mark_static_address(t: object, guard: bool = False) -> None:
    """Nothing: where values lie is XLA's business."""


def optimize(backend: Any = "inductor", **options: Any) -> Callable:
    """A decorator that changes nothing: everything is compiled already. `torch.compile` is the public form."""
    return lambda fn: fn


optimize_assert = optimize


def run(fn: Callable | None = None) -> Any:
    """`fn` itself, or a decorator that changes nothing."""
    return (lambda f: f) if fn is None else fn


def error_on_graph_break(error_on_graph_break: bool) -> AbstractContextManager:
    """A context that changes nothing: a step is cut where a value is looked at."""
    return nullcontext()


def register_backend(compiler_fn: Callable | None = None, name: str | None = None, tags: tuple = ()) -> Any:
    """`compiler_fn` itself, or a decorator that changes nothing: what compiles is XLA."""
    return (lambda f: f) if compiler_fn is None else compiler_fn


def is_dynamo_supported() -> bool:
    """True: what is given to torch.compile runs."""
    return True


def is_inductor_supported() -> bool:
    """False: what compiles is XLA."""
    return False


__getattr__ = missing("torch._dynamo", globals(), late={"_trace_wrapped_higher_order_op", "exc", "trace_rules", "utils"})
