"""Warnings that name the user's line.

In: what is to be said.  Out: a warning at the nearest frame outside torchish, however many of its own frames lie between: the
first call of a function goes through one that makes it, and after an override is installed through one that asks.
"""
from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["held", "once", "warn", "warn_once"]


class _Held(threading.local):
    """What is said in this thread while an op is traced, where the user's line is not to be seen; None where none is."""
    said: list[tuple[str, type[Warning]]] | None = None


class _Once:
    """What has been said already; always: such things are told every time (`torch.set_warn_always`)."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.always = False


_held, once = _Held(), _Once()
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """warnings.warn at the user's line."""
    if _held.said is not None:
        _held.said.append((message, category))
        return
    level, frame = 2, sys._getframe(1)     # 2: the frame that called this one
    while (below := _below(frame)) is not None:
        level, frame = level + 1, below
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def held() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Inside, nothing is said but kept: an op that is traced says it when its entry is new, and not at each trace of it."""
    before, _held.said = _held.said, []
    try:
        yield _held.said
    finally:
        _held.said = before


def warn_once(message: str, category: type[Warning] = UserWarning) -> None:
    """The same of what torch, too, says the first time only."""
    if message not in once.said or once.always:
        once.said.add(message)
        warn(message, category)


def _below(frame: Any) -> Any:
    """The caller of a frame of torchish's; None at the user's, or where there is no other."""
    file = frame.f_code.co_filename
    return frame.f_back if file.startswith((_HERE, "<torchish")) else None
