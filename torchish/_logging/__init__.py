"""torch._logging: what scripts set of PyTorch's logs. What torchish says is chosen by the variable TORCHISH_LOGS.

In: settings.  Out: nothing.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing

__all__ = ["set_logs"]


def set_logs(**settings: Any) -> None:
    """Nothing: they are the logs of PyTorch's compiler. TORCHISH_LOGS chooses those of torchish (README.md)."""


__getattr__ = missing("torch._logging", globals(), late={"scribe"})
