"""torch.distributed._composable.fsdp: the old path of torch.distributed.fsdp."""
from __future__ import annotations

from ...missing import missing
from ..fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

__all__ = ["CPUOffloadPolicy", "FSDPModule", "MixedPrecisionPolicy", "OffloadPolicy", "fully_shard"]

__getattr__ = missing("torch.distributed._composable.fsdp", globals())
