"""torch.cpu: the CPU under the names that the modules of accelerators have.

In: nothing.  Out: that there is one, and it is never behind.
Source: https://docs.pytorch.org/docs/stable/cpu.html
"""
from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ..missing import missing
from . import amp

__all__ = ["Stream", "StreamContext", "amp", "current_device", "current_stream", "device_count", "is_available", "is_initialized",
           "set_device", "stream", "synchronize"]


class Stream:
    """A stream of the CPU: there is one, and work on it is done when its value is looked at."""

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream: Any) -> None:
        """Nothing."""


class StreamContext(AbstractContextManager):
    """Work inside goes to a stream: of the CPU there is one."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __exit__(self, *_: object) -> None:
        return None


_stream = Stream()


def is_available() -> bool:
    """True."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


def synchronize(device: Any = None) -> None:
    """Nothing: values are waited for where they are looked at."""


def current_stream(device: Any = None) -> Stream:
    """The one stream."""
    return _stream


def stream(stream: Any) -> AbstractContextManager:
    """A context for work on a stream."""
    return StreamContext(stream)


def device_count() -> int:
    """1."""
    return 1


def set_device(device: Any) -> None:
    """Nothing."""


def current_device() -> str:
    """cpu."""
    return "cpu"


__getattr__ = missing("torch.cpu", globals())
