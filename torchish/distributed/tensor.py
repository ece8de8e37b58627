"""torch.distributed.tensor: the class of tensors that lie on several processes. There are none here.

In: tensors of which a library asks whether they are such.  Out: they are not.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..tensor import Tensor

__all__ = ["DTensor"]

ONE_PROCESS = "torchish has one process: several devices are JAX's to use, through torchish.to_jax"


class DTensor(Tensor):
    """No tensor is one. NotImplementedError where one is to be made: several devices are JAX's to use."""

    def __new__(cls, *args: Any, **kwargs: Any) -> DTensor:
        raise NotImplementedError(ONE_PROCESS)


__getattr__ = missing("torch.distributed.tensor", globals())
