"""torch.distributed.elastic.multiprocessing.errors: `record`, put on a script's main function.

In: a function.  Out: the function: no launcher waits for a file with its error.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["record"]


def record(fn: Callable, error_handler: Any = None) -> Callable:
    """A function that calls `fn`; its errors are raised as they are."""
    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)
    return wrapped
