"""Streams and events: XLA has one stream of work for each accelerator, so there is little to choose.

In: devices.  Out: objects with torch's methods; waiting means that what was asked for is computed, timing is of the host.
"""
from __future__ import annotations

import time
from typing import Any

import jax

from ..devices import cuda_is_available
from ..devices import device as Device
from ..recorder import hooks
from ..tape import state
from .place import index_of, jax_device

__all__ = ["CUDAGraph", "Event", "Stream", "StreamContext", "current_stream", "default_stream", "graph",
           "is_current_stream_capturing", "set_stream", "stream", "synchronize", "wait"]


def wait() -> None:
    """Ends the tape and waits until everything on it is computed."""
    tape = state.tape
    tensors = list(tape.tensors)
    if tape.node.parent is not None and tape.inline is None:
        hooks.finish(tape)
    for x in tensors:
        if isinstance(x._data, jax.Array):
            x._data.block_until_ready()


def synchronize(device: Any = None) -> None:
    """Waits until everything that was asked for is computed."""
    jax_device(device)
    wait()


class Stream:
    """The one stream of an accelerator."""

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        if not cuda_is_available():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        self.device_index = index_of(device)
        self.priority, self.cuda_stream, self.stream_id = priority, 0, 0

    @property
    def device(self) -> Device:
        """The accelerator."""
        return Device("cuda", self.device_index)

    def wait_event(self, event: Event) -> None:
        """Nothing: work is done in the order it was asked for."""

    def wait_stream(self, stream: Stream) -> None:
        """Nothing: work is done in the order it was asked for."""

    def record_event(self, event: Event | None = None) -> Event:
        """An event at this point."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def synchronize(self) -> None:
        """Waits until everything that was asked for is computed."""
        wait()

    def query(self) -> bool:
        """True once everything is computed, which is waited for."""
        wait()
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device_index == self.device_index

    def __hash__(self) -> int:
        return hash((Stream, self.device_index))

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Event:
    """A point in time, taken on the host once everything asked for before is computed."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False,
                 external: bool = False) -> None:
        if not cuda_is_available():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        self.enable_timing, self.time = enable_timing, None

    def record(self, stream: Stream | None = None) -> None:
        """Takes the time; with enable_timing everything asked for before is waited for."""
        if self.enable_timing:
            wait()
        self.time = time.perf_counter()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds between two events."""
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self.time is None or end_event.time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event.time - self.time) * 1e3

    def synchronize(self) -> None:
        """Waits until everything that was asked for is computed."""
        wait()

    def wait(self, stream: Stream | None = None) -> None:
        """Nothing: work is done in the order it was asked for."""

    def query(self) -> bool:
        """True once everything is computed, which is waited for."""
        wait()
        return True


class CUDAGraph:
    """There are none: a step is one program anyway. RuntimeError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Tried to instantiate dummy base class CUDAGraph. A step is one program here: nothing is to be captured")


class graph:
    """The context that would fill a CUDAGraph: RuntimeError where one is to be made."""

    def __init__(self, cuda_graph: Any, pool: Any = None, stream: Stream | None = None,
                 capture_error_mode: str = "global") -> None:
        CUDAGraph()


class StreamContext:
    """A context that changes nothing: there is one stream."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def stream(stream: Stream | None) -> StreamContext:
    """A context that changes nothing: there is one stream."""
    return StreamContext(stream)


def current_stream(device: Any = None) -> Stream:
    """The stream of the accelerator."""
    jax_device(device)
    return Stream(device)


default_stream = current_stream


def set_stream(stream: Stream | None) -> None:
    """Nothing: there is one stream."""


def is_current_stream_capturing() -> bool:
    """False."""
    return False
