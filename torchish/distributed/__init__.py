"""torch.distributed for one process: a group of size 1, its collectives, and honest errors for more.

In: what a script says so that it may also run on many processes.  Out: the same script on one.
Source: https://docs.pytorch.org/docs/stable/distributed.html
"""
from __future__ import annotations

from ..missing import missing
from . import collectives, distributed_c10d, elastic, nn, objects, stores
from .collectives import *  # noqa: F403
from .distributed_c10d import *  # noqa: F403
from .objects import *  # noqa: F403
from .stores import *  # noqa: F403

__all__ = sorted({"distributed_c10d", "elastic", "nn"}.union(collectives.__all__, distributed_c10d.__all__, objects.__all__,
                                                           stores.__all__))

__getattr__ = missing("torch.distributed", globals(), late={
    "_functional_collectives", "_tensor", "algorithms", "autograd", "checkpoint", "constants", "device_mesh", "fsdp", "optim",
    "rpc", "tensor"},
    objects={"DeviceMesh": "device_mesh", "init_device_mesh": "device_mesh"})
