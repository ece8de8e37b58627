"""torch.autograd.grad_mode: the modes, and two switches that change nothing here.

In: modes.  Out: contexts and decorators.
Source: https://docs.pytorch.org/docs/stable/autograd.html#locally-disabling-gradient-computation
"""
from __future__ import annotations

from typing import Any

from ..modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from ..storage import storage_of
from ..tensor import Tensor

__all__ = ["enable_grad", "enforce_grad_layout_policy", "inference_mode", "is_multithreading_enabled", "is_view_replay_enabled",
           "no_grad", "set_grad_enabled", "set_multithreading_enabled"]

_threads = [True]


class _Switch:
    """A flag that is set at once, and set back at the end of a `with` block."""

    def __init__(self, mode: bool) -> None:
        self.mode, self.before = mode, _threads[0]
        _threads[0] = mode

    def __enter__(self) -> None:
        """The switch was made when the object was built."""

    def __exit__(self, *args: object) -> None:
        _threads[0] = self.before

    def clone(self) -> Any:
        """Another one of the same mode."""
        return type(self)(self.mode)


class set_multithreading_enabled(_Switch):
    """Whether backward may use several threads: noted; XLA decides by itself."""


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` said last."""
    return _threads[0]


class _force_original_view_tracking:
    """Whether views are replayed op by op after a write: noted; here they always are."""
    enabled = False

    def __init__(self, mode: bool) -> None:
        self.mode, self.before = mode, _force_original_view_tracking.enabled
        _force_original_view_tracking.enabled = mode

    def __enter__(self) -> None:
        """The switch was made when the object was built."""

    def __exit__(self, *args: object) -> None:
        _force_original_view_tracking.enabled = self.before


def is_view_replay_enabled() -> bool:
    """What `_force_original_view_tracking` said last."""
    return _force_original_view_tracking.enabled


class _unsafe_preserve_version_counter:
    """Inside, writes into the given tensors are not counted in their `_version`."""

    def __init__(self, tensors: Any) -> None:
        self.tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
        self.before = [x._version for x in self.tensors]

    def __enter__(self) -> None:
        """The versions were noted when the object was built."""

    def __exit__(self, *args: object) -> None:
        for x, before in zip(self.tensors, self.before, strict=True):
            storage_of(x)._unseen_writes += x._version - before


class enforce_grad_layout_policy:
    """How gradients lie in memory: accepted; XLA lays them out."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, *args: object) -> None:
        """Nothing to do."""
