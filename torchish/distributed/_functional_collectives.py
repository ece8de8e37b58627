"""torch.distributed._functional_collectives: collectives that give a new tensor, for one process.

In: a tensor.  Out: the tensor.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing
from ..tensor import Tensor

__all__ = ["all_to_all_single_autograd", "wait_tensor"]


def wait_tensor(tensor: Tensor) -> Tensor:
    """The tensor: nothing is on its way."""
    return tensor


def all_to_all_single_autograd(self: Tensor, output_split_sizes: Any, input_split_sizes: Any, group: Any,
                               tag: str = "") -> Tensor:
    """The tensor: the one process sends all of it to itself."""
    return self


__getattr__ = missing("torch.distributed._functional_collectives", globals())
