"""Measurements: the times of one statement, and tables of several.

In: seconds of runs.  Out: medians and spreads, as text.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Compare", "Measurement", "unit_of"]

UNITS = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))


def unit_of(seconds: float) -> tuple[str, float]:
    """The unit that suits a time, and its seconds."""
    scale, name = next((u for u in reversed(UNITS) if seconds >= u[0]), UNITS[0])
    return name, scale


@dataclass(repr=False)
class Measurement:
    """The times of one statement: `raw_times` are seconds of `number_per_run` runs each."""
    number_per_run: int
    raw_times: list[float]
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1
    stmt: str = ""
    metadata: dict[Any, Any] | None = field(default=None)

    @property
    def times(self) -> list[float]:
        """Seconds of one run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """The median of the times."""
        return float(np.median(self.times))

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """The distance between the quartiles."""
        low, high = np.quantile(self.times, (0.25, 0.75))
        return float(high - low)

    @property
    def has_warnings(self) -> bool:
        """Whether the times are few or far from each other."""
        return len(self.raw_times) < 2 or self.iqr / self.median > 0.1

    @property
    def title(self) -> str:
        """What was measured."""
        return (self.label or self.stmt) + (f": {self.sub_label}" if self.sub_label else "")

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same statement as one."""
        found: dict[tuple, Measurement] = {}
        for m in measurements:
            key = (m.label, m.sub_label, m.description, m.env, m.num_threads, m.stmt, m.number_per_run)
            if key in found:
                found[key].raw_times.extend(m.raw_times)
            else:
                found[key] = Measurement(**{**vars(m), "raw_times": list(m.raw_times)})
        return list(found.values())

    def __repr__(self) -> str:
        name, scale = unit_of(self.median)
        count = len(self.raw_times)
        lines = [super().__repr__(), self.title, f"  {'Median: ' if count > 1 else ''}{self.median / scale:.2f} {name}"]
        if count > 1:
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {name}")
        threads = f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        lines.append(f"  {count} measurement{'s' if count > 1 else ''}, {self.number_per_run} runs "
                     f"{'per measurement' if count > 1 else ''}, {threads}")
        return "\n".join(lines)


class Compare:
    """A table of measurements: a row for each sub_label, a column for each description."""

    def __init__(self, results: list[Measurement]) -> None:
        self._results: list[Measurement] = []
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Adds measurements. ValueError for anything else."""
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
            self._results.append(result)

    def trim_significant_figures(self) -> None:
        """Accepted: the table is short as it is."""

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted: the table has no colours."""

    def __str__(self) -> str:
        results = Measurement.merge(self._results)
        unit, scale = unit_of(min(m.median for m in results))
        columns = list(dict.fromkeys(m.description or m.stmt for m in results))
        cells: dict[tuple, dict[str, str]] = {}
        for m in results:
            row = cells.setdefault((m.num_threads, m.sub_label or m.stmt), {})
            row[m.description or m.stmt] = f"{m.median / scale:.1f}"
        table = [["", *columns], *([f"{threads} threads: {name}", *(row.get(c, "") for c in columns)]
                                   for (threads, name), row in cells.items())]
        widths = [max(len(line[k]) for line in table) for k in range(len(columns) + 1)]
        title = f"[{'-' * 4} {results[0].label or ''} {'-' * 4}]"
        lines = ["  |  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in table]
        return "\n".join([title, *lines, "", f"Times are in {unit}."])

    def print(self) -> None:
        """Prints the table."""
        print(str(self))
