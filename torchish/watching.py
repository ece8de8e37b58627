"""Who is told of entries as they are recorded: hooks that pack saved tensors, counters of operations.

In: watchers.  Out: the mode WATCHED while there is one; each is called with what is recorded, and what is pulled back, in it.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .hooks import hooks
from .tape import WATCHED, Node, state

__all__ = ["Watcher", "watchers"]


class Watcher(Protocol):
    """recorded: an entry, its parameters and results.  pulled: the entries a backward goes through, what is in each slot, and the
    slots at which it arrives.  takes: whether an operator of a user's own is one thing to it; then it is told of that by `called`,
    and of nothing inside.
    """

    def recorded(self, node: Node, values: Any, result: Any) -> None:
        """An entry has been recorded."""

    def pulled(self, found: list[Node], outs: Any, wrt: Iterable[int]) -> None:
        """A backward through these entries has been recorded."""

    def takes(self, operator: Any) -> bool:
        """Whether `called` is to be told of it."""

    def called(self, operator: Any, args: list, kwargs: dict, result: Any) -> None:
        """An operator of a user's own has run."""


class Watchers(threading.local):
    """Those of this thread."""

    def __init__(self) -> None:
        self.all: list[Watcher] = []

    def set(self, watcher: Watcher, on: bool) -> None:
        """From now on `watcher` is told, or is not."""
        others = [w for w in self.all if w is not watcher]
        self.all = [*others, watcher] if on else others
        tape = state.tape
        extra = tape.extra | WATCHED if self.all else tape.extra & ~WATCHED
        if extra != tape.extra and tape.nested is None and tape.inline is None:
            tape.set_mode(tape.grad, tape.autocast, extra)

    def recorded(self, node: Node, values: Any, result: Any) -> None:
        """Tells all."""
        for watcher in self.all:
            watcher.recorded(node, values, result)

    def pulled(self, found: list[Node], outs: Any, wrt: Iterable[int]) -> None:
        """Tells all."""
        for watcher in self.all:
            watcher.pulled(found, outs, wrt)

    def run(self, operator: Any, kernel: Callable, args: list, kwargs: dict) -> Any:
        """What the kernel of a user's operator gives."""
        all_ = self.all
        takers = [w for w in all_ if w.takes(operator)]
        self.all = [w for w in all_ if w not in takers]
        try:
            result = kernel(*args, **kwargs)
        finally:
            self.all = all_
        for watcher in takers:
            watcher.called(operator, args, kwargs, result)
        return result


watchers = Watchers()
hooks.recorded, hooks.pulled = watchers.recorded, watchers.pulled
