"""torch.linalg: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names; a declaration named linalg_x is x here.
Source: https://docs.pytorch.org/docs/stable/linalg.html
"""
from __future__ import annotations

from .. import api
from ..errors import LinAlgError
from ..ldl import ldl_factor, ldl_factor_ex, ldl_solve
from ..missing import missing
from ..space import published

_functions = published("linalg", "linalg_", __name__)
globals().update(_functions)
__all__ = sorted([*_functions, "LinAlgError", "ldl_factor", "ldl_factor_ex", "ldl_solve"])
__getattr__ = missing("torch.linalg", globals())
