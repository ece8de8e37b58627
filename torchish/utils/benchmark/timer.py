"""The timer: runs a statement and waits for what it has started.

In: a statement as text, its names.  Out: a Measurement.  The statement runs twice before it counts, so that it is compiled.
A result that is dropped is never computed: keep it, as in `y = f(x)`, to see what it costs.
"""
from __future__ import annotations

import textwrap
import timeit
from collections.abc import Callable
from typing import Any

from ...cuda.streams import wait
from .measurement import Measurement

__all__ = ["Timer", "timer"]


def timer() -> float:
    """Seconds on a clock, once all that was asked for is computed."""
    wait()
    return timeit.default_timer()


class Timer:
    """Times `stmt` after `setup`, both Python; `globals` are its names."""

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
                 globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1, language: Any = "python") -> None:
        if str(getattr(language, "value", language)).lower() not in ("python", "py", "0"):
            raise NotImplementedError("torchish times Python: there is no C++ to compile")
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip()
        self._timer = timeit.Timer(stmt=stmt, setup=setup or "pass", timer=timer, globals=dict(globals or {}))
        self._about = {"label": label, "sub_label": sub_label, "description": description, "env": env, "num_threads": num_threads,
                       "stmt": stmt}

    def _run(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, **self._about)        # type: ignore[arg-type]

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One time, of `number` runs."""
        self._run(max(number // 100, 2))
        return self._measured(number, [self._run(number)])

    def _block(self, least: float) -> int:
        self._run(2)
        number = 1
        while self._run(number) < least and number < 10**8:
            number *= 10
        return number

    def blocked_autorange(self, callback: Callable | None = None, min_run_time: float = 0.2) -> Measurement:
        """Times of blocks of runs, for `min_run_time` seconds in all."""
        number = self._block(min_run_time / 1000)
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Callable | None = None) -> Measurement:
        """Times of blocks of runs, until the quartiles are close together or `max_run_time` seconds are over."""
        number = self._block(0.001)
        times: list[float] = []
        while True:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
            found = self._measured(number, times)
            steady = len(times) > 3 and sum(times) >= min_run_time and found.iqr / found.median < threshold
            if steady or sum(times) >= max_run_time:
                return found
