"""torch.distributed.fsdp: the class of modules whose parameters lie on several processes. There are none here.

In: modules of which a library asks whether they are such.  Out: they are not.
"""
from __future__ import annotations

from ...missing import missing
from .fully_sharded_data_parallel import FullyShardedDataParallel

__all__ = ["FullyShardedDataParallel"]

__getattr__ = missing("torch.distributed.fsdp", globals())
