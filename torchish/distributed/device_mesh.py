"""torch.distributed.device_mesh: the class of meshes of processes. There are none here.

In: what a library asks of one.  Out: NotImplementedError, with what there is instead.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from .one_process import ONE_PROCESS, refusing

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """No object is one. NotImplementedError where one is to be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ONE_PROCESS)


init_device_mesh = refusing("init_device_mesh")

__getattr__ = missing("torch.distributed.device_mesh", globals())
