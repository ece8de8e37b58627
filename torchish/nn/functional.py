"""torch.nn.functional: every function of the table whose declaration says so.

In: the table.  Out: functions by torch's names; a declaration named F_x is x here, where it differs from torch's own x.
Source: https://docs.pytorch.org/docs/stable/nn.functional.html
"""
from __future__ import annotations

from .. import api  # noqa: F401  fills the namespace that composites compute with
from ..missing import missing
from ..namespace import namespace
from ..native import conv_tbc, native_channel_shuffle, rrelu_
from ..space import published
from ..wiring import spaces
from . import grad  # noqa: F401  torch's functional has it, too

for _name, _function in spaces["F"].items():
    namespace.__dict__.setdefault(_name, _function)     # composites use what only functional has by the name of its declaration
_functions = published("F", "F_", __name__, shared=True)
# torch's own functions, which are here as well
_functions |= {"conv_tbc": conv_tbc, "native_channel_shuffle": native_channel_shuffle, "rrelu_": rrelu_}
globals().update(_functions)
__all__ = sorted(_functions)
__getattr__ = missing("torch.nn.functional", globals())
