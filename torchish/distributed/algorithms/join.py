"""torch.distributed.algorithms.join: training with uneven inputs on several processes; of one process, which is the last to join.

In: objects that take part.  Out: their hooks for the end are called.
Source: https://docs.pytorch.org/docs/stable/distributed.algorithms.join.html
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What a process does while the others go on (`main_hook`), and when all have joined (`post_hook`)."""

    def main_hook(self) -> None:
        """Answers the collectives of the others; a single process has none to answer."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Called once, when all have joined."""


class Joinable(ABC):
    """An object that takes part: it gives a hook, its device and its group."""

    @abstractmethod
    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def join_hook(self, **kwargs: Any) -> JoinHook:
        """The hook for one region."""

    @property
    @abstractmethod
    def join_device(self) -> Any:
        """The device of its collectives."""

    @property
    @abstractmethod
    def join_process_group(self) -> Any:
        """The group of its collectives."""


class Join:
    """A region in which processes may run out of inputs at different times. ValueError without anything that takes part."""

    def __init__(self, joinables: Sequence[Joinable], enable: bool = True, throw_on_early_termination: bool = False,
                 **kwargs: Any) -> None:
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        self._hooks = [joinable.join_hook(**kwargs) for joinable in joinables]
        self._enable = enable

    def __enter__(self) -> None:
        """Nothing has to be told to other processes."""

    def __exit__(self, kind: type | None, value: BaseException | None, traceback: Any) -> None:
        if self._enable and kind is None:
            for hook in self._hooks:
                hook.post_hook(is_last_joiner=True)

    @staticmethod
    def notify_join_context(joinable: Joinable) -> None:
        """None: there is no other process to notify."""
