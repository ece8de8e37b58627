"""Control flow that stands in a compiled step: cond, while_loop, scan, associative_scan, map.

In: functions of tensors and their operands.  Out: entries of the tape under jax.lax's operators of the same names.
Source: https://docs.pytorch.org/docs/stable/generated/torch.cond.html
"""
from __future__ import annotations

from types import SimpleNamespace

from ..missing import missing
from .associative_scan import associative_scan
from .cond import cond
from .map import map
from .scan import scan
from .while_loop import while_loop

__all__ = ["associative_scan", "cond", "higher_order", "map", "scan", "while_loop"]

higher_order = SimpleNamespace(cond=cond, while_loop=while_loop, scan=scan, associative_scan=associative_scan, map=map,
                               map_impl=map)
__getattr__ = missing("torch._higher_order_ops", globals())
