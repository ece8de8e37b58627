"""torch.multiprocessing: Python's multiprocessing, and `spawn`.

In: functions to run in processes of their own.  Out: the processes; an error in one is raised here with its traceback.
Differs from torch: tensors are sent as copies, and a function spawned once runs in this process, where the devices are.
Source: https://docs.pytorch.org/docs/stable/multiprocessing.html
"""
from __future__ import annotations

import multiprocessing as _python
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from typing import Any

from .missing import missing

__all__ = [*_python.__all__, "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException",
           "SpawnContext", "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
           "start_processes"]

STRATEGIES = {"file_descriptor", "file_system"} if sys.platform not in ("darwin", "win32") else {"file_system"}


class _Kept:
    """What was set."""
    strategy = "file_descriptor" if "file_descriptor" in STRATEGIES else "file_system"


_kept = _Kept()


def set_sharing_strategy(new_strategy: str) -> None:
    """Keeps the name: tensors are copied, whichever it is."""
    if new_strategy not in STRATEGIES:
        raise AssertionError(f"invalid sharing strategy: {new_strategy}")
    _kept.strategy = new_strategy


def get_sharing_strategy() -> str:
    """The name that was set."""
    return _kept.strategy


def get_all_sharing_strategies() -> set[str]:
    """The names there are."""
    return set(STRATEGIES)


class ProcessException(Exception):
    """One of the processes has failed."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """The function of a process has raised."""


class ProcessExitedException(ProcessException):
    """A process has ended with another status than 0."""

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name, self.error_pid = exit_code, signal_name, error_pid

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(fn: Callable, index: int, args: tuple, errors: Any) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        raise SystemExit(1) from None
    except Exception:
        errors.put(traceback.format_exc())
        raise SystemExit(1) from None


class ProcessContext:
    """Processes that were started together."""

    def __init__(self, processes: list[Any], error_queues: list[Any]) -> None:
        self.processes, self.error_queues = processes, error_queues

    def pids(self) -> list[int]:
        """Their numbers."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits until all have ended, or one has failed, or the time is over. Whether all have ended.

        Raises ProcessRaisedException or ProcessExitedException; the other processes are ended then.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            failed = next((i for i, p in enumerate(self.processes) if p.exitcode not in (None, 0)), None)
            if failed is not None:
                self._fail(failed, grace_period)
            if all(process.exitcode == 0 for process in self.processes):
                return True
            if until is not None and time.monotonic() > until:
                return False
            next(p for p in self.processes if p.exitcode is None).join(0.05)

    def _fail(self, index: int, grace_period: float | None) -> None:
        process, errors = self.processes[index], self.error_queues[index]
        for other in self.processes:
            if other.is_alive():
                other.terminate()
            other.join(grace_period)
        if not errors.empty():
            text = f"\n\n-- Process {index} terminated with the following error:\n{errors.get()}"
            raise ProcessRaisedException(text, index, process.pid)
        code = process.exitcode
        raise ProcessExitedException(f"process {index} terminated with exit code {code}", index, process.pid, code)


SpawnContext = ProcessContext


class _Ended:
    """A process that was this one."""
    exitcode = 0

    def __init__(self) -> None:
        self.pid = _python.current_process().pid

    def join(self, timeout: float | None = None) -> None:
        """Nothing."""

    def is_alive(self) -> bool:
        """False."""
        return False


def start_processes(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
                    start_method: str = "spawn") -> ProcessContext | None:
    """Runs fn(i, *args) for i below `nprocs`, each in a process; fn(0, *args) in this one where there is but one.

    Without `join` the context, to wait for them. Raises ProcessRaisedException with the traceback of a function that fails.
    """
    if nprocs == 1:
        try:
            fn(0, *args)
        except Exception as error:
            text = f"\n\n-- Process 0 terminated with the following error:\n{traceback.format_exc()}"
            raise ProcessRaisedException(text, 0, _python.current_process().pid or 0) from error
        return None if join else ProcessContext([_Ended()], [None])
    python = _python.get_context(start_method)
    queues = [python.SimpleQueue() for _ in range(nprocs)]
    processes = [python.Process(target=_run, args=(fn, i, args, queues[i]), daemon=daemon) for i in range(nprocs)]  # type: ignore[attr-defined]
    for process in processes:
        process.start()
    context = ProcessContext(processes, queues)
    return None if join and context.join() else context


def spawn(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> ProcessContext | None:
    """`start_processes`, with processes that begin anew."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)


__getattr__ = missing("torch.multiprocessing", globals())
