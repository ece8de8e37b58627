"""torch.utils.deterministic: whether memory that nothing was written to is filled, where deterministic algorithms are asked for.

In: the switch.  Out: what was set.
Source: https://docs.pytorch.org/docs/stable/deterministic.html
"""
from __future__ import annotations

import sys
import types
from typing import Any

from ..settings import _kept

__all__ = ["fill_uninitialized_memory"]

fill_uninitialized_memory: bool


class _Module(types.ModuleType):
    """This module; its switch may be assigned to."""

    @property
    def fill_uninitialized_memory(self) -> bool:
        """Whether `torch.empty` and its like are filled with NaN, or the largest integer."""
        return _kept.fill

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, mode: Any) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"fill_uninitialized_memory must be bool, not {type(mode).__name__}")
        _kept.fill = mode


sys.modules[__name__].__class__ = _Module
