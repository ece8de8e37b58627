"""The profiler of torch.profiler: a window of steps, and what is done when it closes.

In: a schedule and a handler.  Out: the host's times of each window.
Source: https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler.profile
"""
from __future__ import annotations

import enum
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import profiler as host
from ..devices import cuda_is_available

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "schedule", "supported_activities", "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What may be looked at. Here it is the host in any case."""
    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)


class ProfilerAction(enum.Enum):
    """What is done in a step."""
    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """CPU, and CUDA where JAX has an accelerator."""
    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if cuda_is_available() else set())


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
             skip_first_wait: int = 0) -> Callable[[int], ProfilerAction]:
    """The action of each step: `wait` steps nothing, `warmup` steps, `active` steps recorded, over and over or `repeat` times."""
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError("Invalid profiler schedule arguments")
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError("Step must be non-negative. Got {step}.")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        round_, at = divmod(step, length)
        if repeat > 0 and round_ >= repeat or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < length - 1 else ProfilerAction.RECORD_AND_SAVE
    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False,
                              output_dir: str | None = None) -> Callable[[profile], None]:
    """A handler that writes each window's trace into a folder."""
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def handler(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}.pt.trace.json"))
    return handler


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


class profile:
    """Counts what happens under names (`record_function`, `ProfilerStep#n`) in the steps that `schedule` chooses.

    Differs from torch: only the host is looked at, and there are no single operations: a step is one program.
    """

    def __init__(self, *, activities: Iterable[ProfilerActivity] | None = None,
                 schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[[profile], Any] | None = None, record_shapes: bool = False,
                 profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False, with_modules: bool = False,
                 experimental_config: Any = None, execution_trace_observer: Any = None, acc_events: bool = False,
                 use_cuda: bool | None = None, custom_trace_id_callback: Callable[[], str] | None = None,
                 post_processing_timeout_s: float | None = None) -> None:
        self.activities = set(activities) if activities else supported_activities()
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        self.schedule, self.on_trace_ready = schedule or _always, on_trace_ready
        self.record_steps = schedule is not None
        self.step_num, self.current_action = 0, self.schedule(0)
        self.profiler: host.profile | None = None
        self._step: host.record_function | None = None
        self._metadata: dict[str, str] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins with step 0."""
        self._move(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """Ends the window that is open."""
        self._end_step()
        self._move(self.current_action, None)

    def step(self) -> None:
        """The next step begins."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._move(before, self.current_action)
        self._begin_step()

    def _begin_step(self) -> None:
        if self.record_steps and self.current_action in RECORDING:
            self._step = host.record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None

    def _move(self, before: ProfilerAction, after: ProfilerAction | None) -> None:
        """Closes the window that `before` was in, and opens the one of `after`."""
        closes = before is ProfilerAction.RECORD_AND_SAVE or (before is ProfilerAction.RECORD and after not in RECORDING)
        if closes and self.profiler is not None:
            self.profiler.__exit__()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if after in RECORDING and (closes or before not in RECORDING):
            self.profiler = host.profile()
            self.profiler.__enter__()

    def _known(self) -> host.profile:
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before getting key averages")
        return self.profiler

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> host.EventList:
        """The names of the last window with their totals."""
        return self._known().key_averages()

    def events(self) -> host.EventList:
        """The names of the last window."""
        return self._known().function_events

    def export_chrome_trace(self, path: str) -> None:
        """Writes the last window for chrome://tracing or Perfetto, as JSON."""
        self._known().export_chrome_trace(path, self._metadata)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Writes a line `name microseconds` for each name."""
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{event.name} {int(event.cpu_time_total)}\n" for event in self.events())

    def add_metadata(self, key: str, value: str) -> None:
        """Puts a text into the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Puts a text, which is JSON, into the trace."""
        self._metadata[key] = json.loads(value)

    def get_trace_id(self) -> str:
        """A name for this trace."""
        return uuid.uuid4().hex

    def preset_metadata_json(self, key: str, value: str) -> None:
        """As add_metadata_json."""
        self.add_metadata_json(key, value)
