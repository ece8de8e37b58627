"""torch.utils.benchmark: how long a statement takes, the work it starts included.

In: statements.  Out: measurements, and a table that compares them.
Source: https://docs.pytorch.org/docs/stable/benchmark_utils.html
"""
from __future__ import annotations

from ...missing import missing
from .measurement import Compare, Measurement
from .timer import Timer, timer

__all__ = ["Compare", "Measurement", "Timer", "timer"]

__getattr__ = missing("torch.utils.benchmark", globals())
