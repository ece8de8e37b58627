"""torch.special: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names; a declaration named special_x is x here.
Source: https://docs.pytorch.org/docs/stable/special.html
"""
from __future__ import annotations

from .. import api
from ..missing import missing
from ..space import published

_functions = published("special", "special_", __name__)
globals().update(_functions)
__all__ = sorted(_functions)
__getattr__ = missing("torch.special", globals())
