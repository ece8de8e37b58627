"""torch.distributed.tensor: the class of tensors that lie on several processes. There are none here.

In: tensors of which a library asks whether they are such.  Out: they are not.
Source: https://docs.pytorch.org/docs/stable/distributed.tensor.html
"""
from __future__ import annotations

from typing import Any

from ...missing import missing
from ...tensor import Tensor
from ..one_process import ONE_PROCESS, refusing
from .placement_types import Partial, Placement, Replicate, Shard

__all__ = ["DTensor", "Partial", "Placement", "Replicate", "Shard", "distribute_module", "distribute_tensor"]


class DTensor(Tensor):
    """No tensor is one. NotImplementedError where one is to be made: several devices are JAX's to use."""

    def __new__(cls, *args: Any, **kwargs: Any) -> DTensor:
        raise NotImplementedError(ONE_PROCESS)

    from_local = staticmethod(refusing("from_local"))


distribute_tensor, distribute_module = refusing("distribute_tensor"), refusing("distribute_module")

__getattr__ = missing("torch.distributed.tensor", globals(), late={"_utils", "experimental", "placement_types"})
