"""torch.distributed.elastic: the decorator that launched scripts use."""
from __future__ import annotations

from ...missing import missing
from . import multiprocessing

__all__ = ["multiprocessing"]
__getattr__ = missing("torch.distributed.elastic", globals())
