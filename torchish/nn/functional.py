"""torch.nn.functional: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names.
Source: https://docs.pytorch.org/docs/stable/nn.functional.html
"""
from __future__ import annotations

from .. import api  # noqa: F401  fills the namespace that composites compute with
from ..missing import missing
from ..wiring import spaces

globals().update(spaces["F"])
__all__ = sorted(spaces["F"])
__getattr__ = missing("torch.nn.functional", globals())
