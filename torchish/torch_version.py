"""torch.__version__: a text that compares as a version.

In: a version's text.  Out: the same text, which may be compared with texts and tuples.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .version import __version__ as _version

__all__ = ["TorchVersion", "__version__"]

_PARTS = re.compile(r"\s*v?(\d+(?:\.\d+)*)(?:[-_.]?(a|alpha|b|beta|rc|c|dev|post)[-_.]?(\d*))?.*", re.I | re.S)
_ORDER = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "rc": -1, "c": -1, "post": 1}


def _key(text: str) -> tuple | None:
    """What versions are ordered by; None for what is none. What follows "+" counts last."""
    public, _, local = text.partition("+")
    match = _PARTS.fullmatch(public)
    if match is None:
        return None
    numbers = [int(n) for n in match[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), _ORDER.get((match[2] or "").lower(), 0), int(match[3] or 0), local


class TorchVersion(str):
    """A text; `<`, `==` and the like compare it as a version: TorchVersion("1.10.0a") > (1, 2)."""

    def _compare(self, other: Any, holds: Callable[[Any, Any], bool]) -> bool:
        if not isinstance(other, Iterable):
            return NotImplemented
        mine, theirs = _key(self), _key(other if isinstance(other, str) else ".".join(map(str, other)))
        if mine is None or theirs is None:      # as texts, where one of them is no version
            return holds(str(self), str(other))
        return holds(mine, theirs)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, lambda a, b: a < b)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, lambda a, b: a >= b)

    def __eq__(self, other: object) -> bool:
        return self._compare(other, lambda a, b: a == b)

    __hash__ = str.__hash__


__version__ = TorchVersion(_version)
