"""torch.autograd.profiler: names for parts of a program, and how long the host took to record them.

In: `profile` and `record_function` as contexts or decorators.  Out: for each name the number of calls and the host's wall time.
A step is recorded when it is called and computed later, in one program: what XLA does with it is seen with `jax.profiler`.
Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""
from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import ContextDecorator
from enum import IntEnum
from typing import Any

__all__ = ["DeviceType", "EventList", "FunctionEvent", "emit_itt", "emit_nvtx", "kineto_available", "profile", "record_function"]

_active: list[profile] = []

DeviceType = IntEnum("DeviceType", [
    "CPU", "CUDA", "MKLDNN", "OPENGL", "OPENCL", "IDEEP", "HIP", "FPGA", "MAIA", "XLA", "Vulkan", "Metal", "XPU", "MPS", "Meta",
    "HPU", "VE", "Lazy", "IPU", "MTIA", "PrivateUse1"], start=0)


class FunctionEvent:
    """One name: how often, and how long in microseconds."""

    def __init__(self, name: str) -> None:
        self.name = self.key = name
        self.count = 0
        self.cpu_time_total = 0.0

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call, on average."""
        return self.cpu_time_total / max(self.count, 1)

    def __repr__(self) -> str:
        return f"<FunctionEvent {self.name}: {self.count} calls, {self.cpu_time_total:.0f} us on the host>"


class EventList(list):
    """The names of a profile."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """A table as text."""
        rows = sorted(self, key=lambda e: -e.cpu_time_total)[:row_limit if row_limit >= 0 else None]
        width = max([4, *(len(e.name) for e in rows)])
        lines = [f"{'Name':<{width}}  {'Calls':>8}  {'Host total (us)':>16}  {'Host avg (us)':>14}"]
        lines += [f"{e.name:<{width}}  {e.count:>8}  {e.cpu_time_total:>16.1f}  {e.cpu_time:>14.1f}" for e in rows]
        return "\n".join(lines)

    def key_averages(self, *args: Any, **kwargs: Any) -> EventList:
        """The list itself: calls of one name are counted together."""
        return self


class profile:
    """Inside, `record_function` counts its names and the host's time."""

    def __init__(self, enabled: bool = True, **options: Any) -> None:
        self.enabled = enabled
        self.function_events = EventList()
        self._by_name: dict[str, FunctionEvent] = {}
        self._spans: list[tuple[str, float, float, int]] = []

    def __enter__(self) -> profile:
        if self.enabled:
            _active.append(self)
        return self

    def __exit__(self, *args: object) -> None:
        if self.enabled:
            _active.remove(self)

    def _note(self, name: str, began: float, seconds: float) -> None:
        self._spans.append((name, began, seconds, threading.get_ident()))
        event = self._by_name.get(name)
        if event is None:
            event = self._by_name[name] = FunctionEvent(name)
            self.function_events.append(event)
        event.count += 1
        event.cpu_time_total += seconds * 1e6

    def key_averages(self, *args: Any, **kwargs: Any) -> EventList:
        """The names with their totals."""
        return self.function_events

    def table(self, **options: Any) -> str:
        """The names as a table."""
        return self.function_events.table(**options)

    def export_chrome_trace(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        """Writes every call of a name for chrome://tracing or Perfetto, as JSON."""
        pid = os.getpid()
        calls = [{"ph": "X", "cat": "user_annotation", "name": name, "pid": pid, "tid": thread, "ts": began * 1e6,
                  "dur": seconds * 1e6} for name, began, seconds, thread in self._spans]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 1, **(metadata or {}), "traceEvents": calls}, file)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all names together."""
        return sum(e.cpu_time_total for e in self.function_events)

    def total_average(self) -> FunctionEvent:
        """All names as one."""
        total = FunctionEvent("Total")
        total.count = sum(e.count for e in self.function_events)
        total.cpu_time_total = self.self_cpu_time_total
        return total


class record_function(ContextDecorator):
    """Gives the calls inside a name."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self.began: list[float] = []

    def __enter__(self) -> record_function:
        self.began.append(time.perf_counter())
        return self

    def __exit__(self, *args: object) -> None:
        began = self.began.pop()
        seconds = time.perf_counter() - began
        for active in _active:
            active._note(self.name, began, seconds)

    def __call__(self, fn: Callable) -> Callable:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)
        return wrapped


class emit_nvtx:
    """Accepted: there are no kernels of single ops to mark."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing to do."""


class emit_itt(emit_nvtx):
    """Accepted, as `emit_nvtx`."""


def kineto_available() -> bool:
    """False."""
    return False
