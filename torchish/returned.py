"""Results with named parts: what torch.return_types holds.

In: a name and the names of the parts.  Out: a class of tuples that have these parts and print as torch's do.
"""
from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = ["classes", "named"]

classes: dict[str, Any] = {}      # by name, those that a result has needed


def named(name: str, parts: tuple[str, ...]) -> Any:
    """The class `torch.return_types.name`."""
    cls: Any = namedtuple(name, parts)      # type: ignore[misc]
    cls.__module__, cls.__repr__, cls.__reduce__ = "torch.return_types", _shown, _reduced
    classes[name] = cls
    return cls


def _reduced(result: Any) -> tuple:
    """How a result is pickled: where torchish is not called torch, the class's own module is no module."""
    return rebuilt, (type(result).__name__, type(result)._fields, tuple(result))


def rebuilt(name: str, parts: tuple[str, ...], values: tuple) -> Any:
    """A result out of a pickle."""
    return (classes.get(name) or named(name, parts))(*values)


def _shown(result: Any) -> str:
    parts = ",\n".join(f"{name}={value!r}" for name, value in zip(result._fields, result, strict=True))
    return f"torch.return_types.{type(result).__name__}(\n{parts})"
