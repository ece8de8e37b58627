"""Leaves at the end of a backward: their hooks, and what is done to their gradients.

In: leaves with the gradients that have come to them.  Out: those whose gradient is complete have run their hooks and been
accumulated, before hooks further back run, as in torch.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .behind import spread
from .stops import NotBatched, leaf_stop
from .tape import state

__all__ = ["Leaves"]


class Leaves:
    """The part of a backward (`walk.Pass`) that is about leaves."""
    found: dict[int, tuple[Any, Any]]
    hooked: set[int]
    done: set[int]
    borrowed: set[int]
    batch: int | None
    create: bool
    arrived: Callable | None
    _waiting: Callable[[], list]

    def _leaves_first(self) -> bool:
        """Before hooks further back run: those of leaves whose gradient is complete, as in torch. Whether there were any."""
        hooked = [k for k, (x, _) in self.found.items() if x._leaf and k not in self.hooked and
                  (x._hooks or (x._post_hooks and self.arrived is not None))]
        if not hooked:
            return False
        behind = spread(self._waiting())
        ripe = [k for k in hooked if k not in behind.leaves]
        self._finish_leaves(ripe)
        return bool(ripe)

    def _finish_leaves(self, ids: list[int]) -> None:
        """Of each leaf the hooks, then the accumulation, where this is a backward that does, with the hooks that follow it."""
        for k in ids:
            self._leaf_hooks(k)
            if self.arrived is not None and k not in self.done:
                self.done.add(k)
                self.arrived(self, *self.found[k])

    def _leaf_hooks(self, k: int) -> None:
        """Runs the hooks of a leaf."""
        x, g = self.found[k]
        if not x._leaf or k in self.hooked:
            return
        self.hooked.add(k)
        if not x._hooks:
            return
        if self.batch is not None:
            raise NotBatched
        state.tape.set_grad(self.create)
        self.found[k] = (x, new := leaf_stop(x._hooks, self.arrived is not None).run(g))
        self.borrowed.add(id(new))      # a hook may have kept what it saw
