"""torch.distributed.optim: optimizers whose states lie on several processes. There are none here.

In: optimizers of which a library asks whether they are such.  Out: they are not.
Source: https://docs.pytorch.org/docs/stable/distributed.optim.html
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..optim import Optimizer
from .one_process import ONE_PROCESS

__all__ = ["DistributedOptimizer", "PostLocalSGDOptimizer", "ZeroRedundancyOptimizer"]


class DistributedOptimizer:
    """No optimizer is one. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ONE_PROCESS)


class PostLocalSGDOptimizer(Optimizer):
    """No optimizer is one. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ONE_PROCESS)


class ZeroRedundancyOptimizer(Optimizer):
    """No optimizer is one. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ONE_PROCESS)


__getattr__ = missing("torch.distributed.optim", globals())
