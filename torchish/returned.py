"""Results with named parts: what torch.return_types holds.

In: a name and the names of the parts.  Out: a class of tuples that have these parts and print as torch's do.
"""
from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = ["named"]


def named(name: str, parts: tuple[str, ...]) -> Any:
    """The class `torch.return_types.name`."""
    cls: Any = namedtuple(name, parts)      # type: ignore[misc]
    cls.__module__, cls.__repr__ = "torch.return_types", _shown
    return cls


def _shown(result: Any) -> str:
    parts = ",\n".join(f"{name}={value!r}" for name, value in zip(result._fields, result, strict=True))
    return f"torch.return_types.{type(result).__name__}(\n{parts})"
