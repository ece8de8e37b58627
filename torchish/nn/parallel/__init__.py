"""torch.nn.parallel: the interface of data parallelism, on one device.

In: a module.  Out: a wrapper with the same interface: XLA runs the whole batch as one program.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html
"""
from __future__ import annotations

from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel
from .scatter_gather import gather, parallel_apply, replicate, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate", "scatter"]
