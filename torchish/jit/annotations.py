"""torch.jit.annotations: types that stand in the annotations of code written for TorchScript.

In: a type.  Out: what an annotation may hold; nothing reads it here.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: UP035  scripts import them from here

from ..missing import missing

__all__ = ["Any", "BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "Dict", "List", "Optional", "Tuple", "Union"]


class _BroadcastingList:
    """BroadcastingList2[int]: two numbers, or one that stands for both."""

    def __getitem__(self, types: Any) -> None:
        return None


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = _BroadcastingList()

__getattr__ = missing("torch.jit.annotations", globals())
