"""torch.profiler: which steps to look at, and what the host did in them.

In: a schedule, names given with `record_function`.  Out: calls and the host's time by name, a trace for chrome://tracing.
What XLA does with a step, which runs as one program, is seen with `jax.profiler`.
Source: https://docs.pytorch.org/docs/stable/profiler.html
"""
from __future__ import annotations

from ..autograd.profiler import kineto_available, record_function
from ..missing import missing
from . import itt
from .profiler import ProfilerAction, ProfilerActivity, profile, schedule, supported_activities, tensorboard_trace_handler

__all__ = ["ProfilerAction", "ProfilerActivity", "itt", "kineto_available", "profile", "record_function", "schedule",
           "supported_activities", "tensorboard_trace_handler"]

__getattr__ = missing("torch.profiler", globals())
