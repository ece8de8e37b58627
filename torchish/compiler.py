"""torch.compiler: switches of a compiler that torchish does not need; functions come back as they are.

In: functions.  Out: the same.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .missing import missing
from .settings import compile

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling",
           "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance", "substitute_in_graph"]


def is_compiling() -> bool:
    """False: the code that runs is Python's own."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn` itself, or a decorator that changes nothing."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Callable) -> Callable:
    """`fn` itself."""
    return fn


assume_constant_result = allow_in_graph


def substitute_in_graph(original_fn: Callable, *, can_constant_fold_through: bool = False,
                        skip_signature_check: bool = False) -> Callable:
    """A decorator that changes nothing."""
    return lambda fn: fn


def cudagraph_mark_step_begin() -> None:
    """Nothing: torchish finds the beginnings of steps itself."""


def reset() -> None:
    """Nothing: programs are kept by what they compute and are never wrong."""


def list_backends(exclude_tags: tuple[str, ...] = ("debug", "experimental")) -> list[str]:
    """What compiles: XLA."""
    return ["openxla"]


class set_stance:
    """Accepted as a call, a context and a decorator; changes nothing."""

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None) -> None:
        self.stance = stance

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, fn: Callable) -> Callable:
        return fn


__getattr__ = missing("torch.compiler", globals())
