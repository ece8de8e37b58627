"""What is said where several processes would be needed.

In: the name of a function.  Out: a function that refuses every call.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["ONE_PROCESS", "refusing"]

ONE_PROCESS = "torchish has one process: several devices are JAX's to use, through torchish.to_jax"


def refusing(name: str) -> Callable[..., NoReturn]:
    """A function of that name that raises NotImplementedError."""
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name}: {ONE_PROCESS}")
    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = "NotImplementedError: there is one process."
    return refuse
