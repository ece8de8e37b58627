"""torch.profiler.itt: marks for a profiler that XLA does not write to.

In: names.  Out: RuntimeError as of a torch built without ITT; `range` as a context does nothing.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_available", "mark", "range", "range_pop", "range_push"]


def is_available() -> bool:
    """False."""
    return False


def range_push(msg: str) -> int:
    """RuntimeError."""
    raise RuntimeError("ITT functions not installed. Are you sure you have a ITT build?")


def range_pop() -> int:
    """RuntimeError."""
    return range_push("")


def mark(msg: str) -> int:
    """RuntimeError."""
    return range_push(msg)


@contextmanager
def range(msg: str, *args: object, **kwargs: object) -> Iterator[None]:
    """Nothing."""
    yield
