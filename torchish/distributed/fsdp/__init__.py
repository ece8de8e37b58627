"""torch.distributed.fsdp: the classes of modules whose parameters lie on several processes. There are none here.

In: modules of which a library asks whether they are such.  Out: they are not.
Source: https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...missing import missing
from ..one_process import ONE_PROCESS, refusing
from .fully_sharded_data_parallel import FullyShardedDataParallel

__all__ = ["CPUOffloadPolicy", "FSDPModule", "FullyShardedDataParallel", "MixedPrecisionPolicy", "OffloadPolicy", "fully_shard"]


class FSDPModule:
    """No module is one. NotImplementedError where one is to be made."""

    def __new__(cls, *args: Any, **kwargs: Any) -> FSDPModule:
        raise NotImplementedError(ONE_PROCESS)


@dataclass(frozen=True)
class MixedPrecisionPolicy:
    """The dtypes that `fully_shard` would compute and sum in."""
    param_dtype: Any = None
    reduce_dtype: Any = None
    output_dtype: Any = None
    cast_forward_inputs: bool = True


@dataclass
class OffloadPolicy:
    """Parameters that `fully_shard` would leave where they are."""


@dataclass
class CPUOffloadPolicy(OffloadPolicy):
    """Parameters that `fully_shard` would keep in the host's memory."""
    pin_memory: bool = True


fully_shard = refusing("fully_shard")

__getattr__ = missing("torch.distributed.fsdp", globals())
