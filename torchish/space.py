"""The functions of one of torch's namespaces by their public names.

In: the name of a namespace of `wiring.spaces`, the prefix its declarations carry where a name is taken elsewhere, and its module.
Out: name -> function.
"""
from __future__ import annotations

from collections.abc import Callable

from .wiring import spaces

__all__ = ["published"]


def published(space: str, prefix: str, module: str, shared: bool = False) -> dict[str, Callable]:
    """Functions of `space`, named without `prefix`; what has the prefix wins. `module` is where they are published.

    shared: in-place forms are published there, too, and what torch itself has may be looked for there.
    """
    found = dict(sorted(spaces[space].items(), key=lambda item: item[0].startswith(prefix)))
    functions = {name.removeprefix(prefix): function for name, function in found.items() if shared or not name.endswith("_")}
    for name, function in found.items():
        if name.startswith(prefix):
            function.__name__ = function.__qualname__ = name.removeprefix(prefix)
    for function in functions.values():
        if shared or spaces["function"].get(function.__name__) is not function:
            function.__module__ = module        # pickle looks for a function where it says it is
    return functions
