"""torch.utils._mode_utils: whether modes are one and the same, and a block in which none of them dispatches."""
from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from ..missing import missing

__all__: list[str] = []

no_dispatch = nullcontext       # there is no dispatcher whose modes could see a call


def all_same_mode(modes: Sequence[Any]) -> bool:
    """Whether they all equal the first."""
    return all(mode == modes[0] for mode in modes)


__getattr__ = missing("torch.utils._mode_utils", globals())
