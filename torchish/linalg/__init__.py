"""torch.linalg: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names; a declaration named linalg_x is x here.
Source: https://docs.pytorch.org/docs/stable/linalg.html
"""
from __future__ import annotations

from .. import api  # noqa: F401  fills the namespace that composites compute with
from ..errors import LinAlgError
from ..missing import missing
from ..space import published

_functions = published("linalg", "linalg_")
globals().update(_functions)
__all__ = sorted([*_functions, "LinAlgError"])  # noqa: PLE0604
__getattr__ = missing("torch.linalg", globals())
