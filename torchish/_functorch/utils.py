"""torch._functorch.utils: what libraries annotate and show functions with."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..missing import missing

__all__ = ["argnums_t", "exposed_in"]

argnums_t: TypeAlias = int | tuple[int, ...]


def exposed_in(module: str) -> Callable[[Any], Any]:
    """A decorator: the function says that it is from `module`."""
    def wrapper(function: Any) -> Any:
        function.__module__ = module
        return function
    return wrapper


__getattr__ = missing("torch._functorch.utils", globals())
