"""The functions of one of torch's namespaces by their public names.

In: the name of a namespace of `wiring.spaces`, and the prefix its declarations carry where a name is taken elsewhere.
Out: name -> function.
"""
from __future__ import annotations

from collections.abc import Callable

from .wiring import spaces

__all__ = ["published"]


def published(space: str, prefix: str) -> dict[str, Callable]:
    """Functions of `space`, named without `prefix`; what has the prefix wins."""
    found = dict(sorted(spaces[space].items(), key=lambda item: item[0].startswith(prefix)))
    for name, function in found.items():
        if name.startswith(prefix):
            function.__name__ = function.__qualname__ = name.removeprefix(prefix)
    return {name.removeprefix(prefix): function for name, function in found.items() if not name.endswith("_")}
