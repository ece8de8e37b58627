"""torch.cuda.nvtx: ranges in NVIDIA's profiler, given to JAX's.

In: names.  Out: annotations in a trace of `jax.profiler`.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax

__all__ = ["mark", "range", "range_pop", "range_push"]

_open: list = []


def range_push(msg: str) -> int:
    """Begins a range; how many were open before."""
    annotation = jax.profiler.TraceAnnotation(msg)
    annotation.__enter__()
    _open.append(annotation)
    return len(_open) - 1


def range_pop() -> int:
    """Ends the last range; how many are open still. -1 without one."""
    if not _open:
        return -1
    _open.pop().__exit__(None, None, None)
    return len(_open)


@contextmanager
def range(msg: str, *args: object, **kwargs: object) -> Iterator[None]:
    """A range as a context."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()


def mark(msg: str) -> None:
    """A range without length."""
    range_push(msg)
    range_pop()
