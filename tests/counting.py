"""Counts for tests: how many programs a block of code compiled."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torchish.tape import stats


class Count:
    """Compilations and runs of programs since the block began."""

    def __init__(self) -> None:
        self.first = (stats.compilations, stats.flushes)

    @property
    def compiled(self) -> int:
        return stats.compilations - self.first[0]

    @property
    def ran(self) -> int:
        return stats.flushes - self.first[1]


@contextlib.contextmanager
def counting() -> Iterator[Count]:
    """`with counting() as c: ...`, then `c.compiled`, `c.ran`."""
    yield Count()
