"""torch.autograd.profiler_util: the classes of what a profile holds, under the name that libraries import them by.

In, out: the classes of torch.autograd.profiler.
"""
from __future__ import annotations

from ..missing import missing
from .profiler import DeviceType, EventList, FunctionEvent

__all__ = ["DeviceType", "EventList", "FunctionEvent"]

__getattr__ = missing("torch.autograd.profiler_util", globals())
