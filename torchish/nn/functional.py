"""torch.nn.functional: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names; a declaration named F_x is x here, where it differs from torch's own x.
Source: https://docs.pytorch.org/docs/stable/nn.functional.html
"""
from __future__ import annotations

from .. import api  # noqa: F401  fills the namespace that composites compute with
from ..missing import missing
from ..namespace import namespace
from ..wiring import spaces

_functions = dict(sorted(spaces["F"].items(), key=lambda item: item[0].startswith("F_")))
for _name, _function in _functions.items():
    # composites use what only functional has by the name of its declaration
    namespace.__dict__.setdefault(_name, _function)
    _function.__name__ = _function.__qualname__ = _name.removeprefix("F_")
    if spaces["function"].get(_name) is not _function:
        _function.__module__ = __name__     # pickle looks for a function where it says it is
_functions = {name.removeprefix("F_"): function for name, function in _functions.items()}
globals().update(_functions)
__all__ = sorted(_functions)
__getattr__ = missing("torch.nn.functional", globals())
