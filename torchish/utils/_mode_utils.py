"""torch.utils._mode_utils: whether modes are one and the same."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..missing import missing

__all__: list[str] = []


def all_same_mode(modes: Sequence[Any]) -> bool:
    """Whether they all equal the first."""
    return all(mode == modes[0] for mode in modes)


__getattr__ = missing("torch.utils._mode_utils", globals())
