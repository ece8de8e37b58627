"""torch.signal: windows.

Source: https://docs.pytorch.org/docs/stable/signal.html
"""
from __future__ import annotations

from ..missing import missing
from . import windows

__all__ = ["windows"]
__getattr__ = missing("torch.signal", globals())
