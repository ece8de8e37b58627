"""How the benchmarks measure: interleaved rounds, medians, ratios, Markdown tables.

In: competitors with `step()` and `loss()`.  Out: seconds a step for each and the median of the ratios of rounds.
"""
from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from types import ModuleType
from typing import Any

import jax

# torch's OpenMP threads would spin between its steps and slow down whoever is measured next; read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

COMPILED = "/jax/core/compile/backend_compile_duration"


def module(name: str) -> ModuleType | None:
    """The module where it is installed, else None: torch is not needed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


@dataclass
class Compilations:
    """How many programs XLA compiled in a `with counting()` block, and how long that took."""
    count: int = 0
    seconds: float = 0.0
    active: bool = True

    def __call__(self, event: str, duration: float, **details: Any) -> None:
        if event == COMPILED and self.active:
            self.count += 1
            self.seconds += duration


@contextmanager
def counting() -> Iterator[Compilations]:
    """Counts the compilations of the process through JAX's own monitoring, whoever asked for them."""
    seen = Compilations()
    jax.monitoring.register_event_duration_secs_listener(seen)
    try:
        yield seen
    finally:
        seen.active = False


@dataclass
class Timing:
    """Seconds a step, round by round, of each competitor."""
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        return median(self.rounds[name])

    def ratio(self, name: str, base: str) -> float:
        """The median over the rounds of time(name) / time(base) in the same round."""
        return median(a / b for a, b in zip(self.rounds[name], self.rounds[base]))


def stretch(step: Callable[[], None], finish: Callable[[], Any], steps: int) -> float:
    """Seconds a step over `steps` steps, the last one waited for."""
    start = time.perf_counter()
    for _ in range(steps):
        step()
    finish()
    return (time.perf_counter() - start) / steps


def interleaved(competitors: dict[str, Any], rounds: int = 15, seconds: float = 0.15) -> Timing:
    """Times the competitors in turn, round after round, `seconds` each; the order turns around every other round."""
    steps = {}
    for name, competitor in competitors.items():
        stretch(competitor.step, competitor.loss, 10)                       # compile, warm the caches
        steps[name] = max(3, int(seconds / stretch(competitor.step, competitor.loss, 5)))
        stretch(competitor.step, competitor.loss, min(steps[name], 50))
    timing = Timing({name: [] for name in competitors})
    for i in range(rounds):
        for name in list(competitors)[::-1 if i % 2 else 1]:
            competitor = competitors[name]
            timing.rounds[name].append(stretch(competitor.step, competitor.loss, steps[name]))
    return timing


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def readable(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
