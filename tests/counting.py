"""Counts for tests: how many programs a block of code compiled, and what they are."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import pytest

from torchish import finish
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


def traced_programs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jaxprs of the programs that are compiled from here on."""
    found: list[Any] = []
    compile_program = finish.compile_program

    def traced(fn: Any, specs: Any, *rest: Any) -> Any:
        with jax.enable_x64(True):
            found.append(jax.make_jaxpr(fn)(*[jax.ShapeDtypeStruct(*spec) for spec in specs]))
        return compile_program(fn, specs, *rest)
    monkeypatch.setattr(finish, "compile_program", traced)
    return found


@contextlib.contextmanager
def counting() -> Iterator[Count]:
    """`with counting() as c: ...`, then `c.compiled`, `c.ran`."""
    yield Count()
