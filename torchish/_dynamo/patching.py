"""`patch` of torch._dynamo.config and torch._inductor.config: settings that hold for a while.

In: a module of settings, changes.  Out: a context, also a decorator; the settings are as before afterwards.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

__all__ = ["patcher"]


def patcher(settings: dict[str, Any]) -> Callable[..., AbstractContextManager]:
    """The `patch` of a module whose globals are `settings`."""

    @contextmanager
    def changed(changes: dict[str, Any]) -> Iterator[None]:
        before = {name: settings[name] for name in changes if name in settings}
        settings.update(changes)
        try:
            yield
        finally:
            for name in changes:
                del settings[name]
            settings.update(before)

    def patch(arg1: str | dict[str, Any] | None = None, arg2: Any = None, **kwargs: Any) -> AbstractContextManager:
        """A context and decorator: patch("name", value), patch({"name": value}), patch(name=value)."""
        if isinstance(arg1, str):
            return changed({arg1: arg2})
        return changed({**(arg1 or {}), **kwargs})
    return patch
