"""Switches that hold inside a block.

In: the names of a module and the values that are wanted.  Out: a context manager.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["switched"]


@contextmanager
def switched(names: dict[str, Any], **given: Any) -> Iterator[None]:
    """The switches set inside, and back afterwards."""
    before = {name: names[name] for name in given}
    names.update(given)
    try:
        yield
    finally:
        names.update(before)
