"""torch.Stream, torch.Event and torch.get_device_module: the same for every kind of device.

In: a device.  Out: objects with torch's methods; XLA orders the work itself, so waiting means that what was asked for is computed.
Source: https://docs.pytorch.org/docs/stable/torch.html#accelerators
"""
from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Any

from .devices import device as Device
from .devices import get_default_device
from .recorder import hooks
from .tape import state

__all__ = ["Event", "Stream", "get_device_module"]


def _device(given: Any) -> Device:
    return get_default_device() if given is None else Device(given) if not isinstance(given, Device) else given


def _wait() -> None:
    tape = state.tape
    if tape.node.parent is not None and tape.inline is None:
        hooks.finish(tape)


class Stream:
    """The one stream of work of a device."""

    def __init__(self, device: Any = None, *, priority: int = 0) -> None:
        self.device, self.stream_id = _device(device), 0
        self.device_index = -1 if self.device.index is None else self.device.index

    def wait_event(self, event: Event) -> None:
        """Nothing: work is done in the order it was asked for."""

    def wait_stream(self, stream: Stream) -> None:
        """Nothing: work is done in the order it was asked for."""

    def record_event(self, event: Event | None = None) -> Event:
        """An event at this point."""
        event = Event(self.device) if event is None else event
        event.record(self)
        return event

    def synchronize(self) -> None:
        """Ends the step that is open."""
        _wait()

    def query(self) -> bool:
        """True."""
        return True

    def is_capturing(self) -> bool:
        """False."""
        return False

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device == self.device

    def __hash__(self) -> int:
        return hash((Stream, self.device))

    def __repr__(self) -> str:
        return f"torch.Stream device_type={self.device.type}, device_index={self.device_index}, stream_id={self.stream_id}"


class Event:
    """A moment of the host's clock at which all that was asked for before had been started."""

    def __init__(self, device: Any = None, *, enable_timing: bool = False, blocking: bool = False,
                 interprocess: bool = False) -> None:
        self.device, self.enable_timing, self.event_id = _device(device), enable_timing, 0
        self._at: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Ends the step that is open and notes the time."""
        _wait()
        self._at = time.perf_counter()

    def wait(self, stream: Stream | None = None) -> None:
        """Nothing: work is done in the order it was asked for."""

    def synchronize(self) -> None:
        """Ends the step that is open."""
        _wait()

    def query(self) -> bool:
        """True."""
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another. RuntimeError unless both were recorded."""
        if self._at is None or end_event._at is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return 1000 * (end_event._at - self._at)

    def __repr__(self) -> str:
        index = -1 if self.device.index is None else self.device.index
        return f"torch.Event device_type={self.device.type}, device_index={index}, event_flag=0, event_id={self.event_id}"


def get_device_module(device: Any = None) -> ModuleType:
    """torch.cuda for "cuda", and so on. RuntimeError where there is no such module."""
    kind = _device(device).type
    found = sys.modules.get(f"{__package__}.{kind}")
    if found is None:
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return found
