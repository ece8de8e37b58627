"""torch.distributed.constants: how long a group waits."""
from __future__ import annotations

from ..missing import missing
from .distributed_c10d import default_pg_timeout

__all__ = ["default_pg_nccl_timeout", "default_pg_timeout"]

default_pg_nccl_timeout = None      # there is no NCCL

__getattr__ = missing("torch.distributed.constants", globals())
