"""torch.distributed.fsdp.fully_sharded_data_parallel: no module is one.

In: a module.  Out: NotImplementedError, with what there is instead.
"""
from __future__ import annotations

from typing import Any

from ...missing import missing
from ...nn.module import Module
from ..one_process import ONE_PROCESS

__all__ = ["FullyShardedDataParallel"]


class FullyShardedDataParallel(Module):
    """No module is one. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ONE_PROCESS)


__getattr__ = missing("torch.distributed.fsdp.fully_sharded_data_parallel", globals())
