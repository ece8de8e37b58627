"""Random numbers within a function that runs on a tape of its own.

In: a draw, or a generator that is used, while the function is recorded.  Out: numbers drawn outside, for each member of a batch or
the same for all, as the user has said; torch's errors where he has not.
"""
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .avals import aval_of
from .hooks import hooks
from .tape import Tape

__all__ = ["NO_DRAWS", "Draws"]

NO_DRAWS = ("vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness "
            "flags on vmap or perform the randomness operation out of vmap")


class Draws:
    """The part of `Nested` that is about random numbers."""
    batch: int | None
    randomness: str | None
    varies: bool
    outer: Tape
    generators: dict[int, tuple[Any, Any]]
    holds: Callable[[Any], bool]
    is_marked: Callable[[Any], bool]
    unwrap: Callable[[Any], Any]
    axis_of: Callable[[Any], int | None]
    input: Callable[..., Any]
    outside: Callable[[], AbstractContextManager[None]]

    def drew(self, generator: Any, before: Any) -> None:
        """`generator` is about to leave its state on this tape; `before`: its state, and where numpy would begin."""
        self.generators.setdefault(id(generator), (generator, before))

    def draws(self) -> None:
        """A generator is about to be used here: torch's error where vmap has not been told what that means."""
        self._refuse_any()
        if self.varies:
            raise RuntimeError("vmap: this random operation draws the same numbers for all members of the batch; with "
                               "randomness='different' draw them outside and pass them in")

    def _refuse_any(self) -> None:
        level: Any = self
        while level is not None:
            if level.randomness == "error":
                raise RuntimeError(NO_DRAWS)
            level = level.outer.nested

    def refuse_one_for_all(self, x: Any) -> None:
        """torch's error where each member of the batch is to draw into what they share."""
        if self.randomness == "different" and not self.is_marked(x):
            raise RuntimeError("vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like "
                               "same randomness. If this is necessary for your usage, please file an issue with functorch.")

    def refuse_same(self, *xs: Any) -> None:
        """torch's errors where no numbers may be drawn, or the same for parameters that differ between members of the batch."""
        self._refuse_any()
        batched = self.batch is not None        # jacfwd's batch is of tangents
        if batched and self.randomness == "same" and any(isinstance(x, hooks.tensor) and self.is_marked(x) for x in xs):
            raise RuntimeError("Vmap does not currently support same randomness with a batched tensor input. Please file an issue "
                               "with functorch")

    def members(self, draw: Callable[[tuple], Any], shape: tuple) -> Any:
        """draw(shape) for each member of the batches around: drawn outside, at once, with the batch in front."""
        self._refuse_any()
        if self.randomness != "different":
            with self.outside():
                return draw(shape)
        with self.outside():
            x = draw((self.batch, *shape))
        a = x._node.aval
        return self.input(x, aval_of(a.shape[1:], a.dtype, a.device), rg=False, axis=0)

    def members_of(self, draw: Callable[..., Any], *xs: Any) -> Any:
        """draw(*xs) for each member of the batches around: drawn outside from what the tensors stand for, the batch in front."""
        self._refuse_any()
        outer = [self.unwrap(x) if self.holds(x) else x for x in xs]
        axes = [self.axis_of(x) if self.batch is not None else None for x in xs]
        with self.outside():
            if self.randomness != "different":
                return draw(*outer)
            found = draw(*[o.expand(self.batch, *o.shape) if d is None else o.movedim(d, 0)
                           for o, d in zip(outer, axes, strict=True)])
        a = found._node.aval
        return self.input(found, aval_of(a.shape[1:], a.dtype, a.device), rg=False, axis=0)
