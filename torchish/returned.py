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
    cls.__new__ = _made
    cls.n_fields = cls.n_sequence_fields = len(parts)
    cls.n_unnamed_fields = 0
    classes[name] = cls
    return cls


def _made(cls: Any, *values: Any) -> Any:
    """A result of its parts, or of one sequence of them, as torch has it."""
    if len(values) == len(cls._fields):
        return tuple.__new__(cls, values)
    given = values[0] if values else None
    if len(values) != 1 or not hasattr(given, "__iter__"):
        raise TypeError("constructor requires a sequence" if values else "structseq() missing required argument 'sequence' (pos 1)")
    parts = tuple(given)
    if len(parts) != len(cls._fields):
        raise TypeError(f"torch.return_types.{cls.__name__}() takes a {len(cls._fields)}-sequence ({len(parts)}-sequence given)")
    return tuple.__new__(cls, parts)


def _reduced(result: Any) -> tuple:
    """How a result is pickled: where torchish is not called torch, the class's own module is no module."""
    return rebuilt, (type(result).__name__, type(result)._fields, tuple(result))


def rebuilt(name: str, parts: tuple[str, ...], values: tuple) -> Any:
    """A result out of a pickle."""
    return (classes.get(name) or named(name, parts))(*values)


def _shown(result: Any) -> str:
    parts = ",\n".join(f"{name}={value!r}" for name, value in zip(result._fields, result, strict=True))
    return f"torch.return_types.{type(result).__name__}(\n{parts})"
