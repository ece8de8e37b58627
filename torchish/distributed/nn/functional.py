"""Collectives through which gradients flow, for one process.

In: tensors.  Out: tensors that are part of the graph.
"""
from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ..collectives import ReduceOp
from ..distributed_c10d import current

__all__ = ["all_gather", "all_reduce", "all_to_all", "broadcast", "gather", "reduce", "reduce_scatter", "scatter"]


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """A tensor equal to `tensor`."""
    current(group)
    return tensor.clone()


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Tensor:
    """A tensor equal to `tensor`."""
    return all_reduce(tensor, group=group)


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """A tensor equal to `tensor`."""
    return all_reduce(tensor, group=group)


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """One tensor, equal to `tensor`."""
    return (all_reduce(tensor, group=group),)


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """One tensor, equal to `tensor`."""
    return (all_reduce(tensor, group=group),)


def scatter(tensors: Any, src: int = 0, group: Any = None) -> Tensor:
    """A tensor equal to the one of the list."""
    return all_reduce(tensors[0], group=group)


def reduce_scatter(output: Tensor, input_list: Any, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """A tensor equal to the one of the list."""
    return all_reduce(input_list[0], group=group)


def all_to_all(output_tensor_list: Any, input_tensor_list: Any, group: Any = None) -> tuple[Tensor, ...]:
    """One tensor, equal to the one of the list."""
    return (all_reduce(input_tensor_list[0], group=group),)
