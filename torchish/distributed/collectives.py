"""What processes do together, for one process: a sum over it is its own value, what it sends to all comes back to it.

In: tensors and, for reductions, an operation.  Out: the tensors, written as torch writes them; with `async_op` a finished Work.
Source: https://docs.pytorch.org/docs/stable/distributed.html#collective-functions
"""
from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from .. import api as torch
from ..futures import Future
from ..tensor import Tensor
from .distributed_c10d import current

__all__ = ["P2POp", "ReduceOp", "Work", "all_gather", "all_gather_coalesced", "all_gather_into_tensor", "all_reduce",
           "all_reduce_coalesced", "all_to_all", "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast", "gather",
           "irecv", "isend", "monitored_barrier", "recv", "reduce", "reduce_op", "reduce_scatter", "reduce_scatter_tensor",
           "scatter", "send"]


class _RedOpType(enum.IntEnum):
    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)

    def __str__(self) -> str:
        return f"RedOpType.{self.name}"

    def __repr__(self) -> str:
        return f"<RedOpType.{self.name}: {self.value}>"


class ReduceOp:
    """The operations of reductions. Over one process each of them is the value itself."""
    RedOpType = _RedOpType
    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = _RedOpType


class reduce_op:
    """The old name of ReduceOp."""
    SUM, PRODUCT, MAX, MIN = ReduceOp.SUM, ReduceOp.PRODUCT, ReduceOp.MAX, ReduceOp.MIN


class Work:
    """A piece of communication, done."""
    __module__ = "torch.distributed.distributed_c10d"

    def __init__(self, result: Sequence[Tensor] = ()) -> None:
        self._result = list(result)

    def wait(self, timeout: Any = None) -> bool:
        """True."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    is_success = is_completed

    def exception(self) -> None:
        """None."""

    def result(self) -> list[Tensor]:
        """The tensors that were written."""
        return self._result

    def get_future(self) -> Future[list[Tensor]]:
        """A future of the tensors, done."""
        future: Future[list[Tensor]] = Future()
        future.set_result(self._result)
        return future


def _done(async_op: bool, *result: Tensor) -> Work | None:
    return Work(result) if async_op else None


def _tensor(value: Any, name: str) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n"
                        f"             but got {type(value)} instead.")


def _tensors(values: Any, name: str, like: Tensor | None = None) -> None:
    if not isinstance(values, list) or not all(isinstance(x, Tensor) for x in values):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n"
                        f"             but got {type(values)} instead.")
    if like is not None:
        _same_dtype(like, *values)


def _same_dtype(like: Tensor, *values: Tensor) -> None:
    for x in values:
        if x.dtype != like.dtype:
            raise ValueError(f"Invalid usage of tensors with different dtypesFound {x.dtype} and  {like.dtype}")


def _operation(op: Any) -> None:
    if not isinstance(op, _RedOpType):
        raise TypeError(f"(): incompatible function arguments. The operation is one of torch.distributed.ReduceOp, not {op!r}")


def _root(given: int | None, by_group: int | None, call: str) -> None:
    if given is None and by_group is None:
        raise ValueError("Must specify global_rank or group_rank")
    if given is not None and by_group is not None:
        raise ValueError("Can't specify both group_rank and global_rank")
    rank = by_group if given is None else given
    if rank != 0:
        raise RuntimeError(f"ProcessGroupGloo::{call}: invalid root rank: {rank}")


def _one(values: list[Tensor], call: str, what: str) -> Tensor:
    if len(values) != 1:
        raise RuntimeError(f"ProcessGroupGloo::{call}: invalid {what} tensor list at index 0 (expected length 1, got "
                           f"{len(values)})")
    return values[0]


def _write(target: Tensor, source: Tensor, call: str) -> None:
    if target.shape != source.shape:
        shapes = [f"({', '.join(map(str, x.shape))})" for x in (source, target)]
        raise RuntimeError(f"ProcessGroupGloo::{call}: invalid tensor size at index 0 (expected {shapes[0]}, got {shapes[1]})")
    with torch.no_grad():
        target.copy_(source)


def _flat(target: Tensor, source: Tensor, call: str) -> None:
    _same_dtype(source, target)
    if target.numel() != source.numel():
        raise RuntimeError(f"ProcessGroupGloo::{call}: output tensor size must be equal to world_size times input tensor size")
    with torch.no_grad():
        target.copy_(source.reshape(target.shape))


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """`tensor` as it is."""
    _tensor(tensor, "tensor")
    current(group)
    _operation(op)
    return _done(async_op, tensor)


def all_reduce_coalesced(tensors: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """The tensors as they are."""
    _tensors([tensors] if isinstance(tensors, Tensor) else tensors, "tensors")
    current(group)
    return _done(async_op)


def reduce(tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:
    """`tensor` as it is."""
    _tensor(tensor, "tensor")
    current(group)
    _operation(op)
    _root(dst, group_dst, "reduce")
    return _done(async_op, tensor)


def broadcast(tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:
    """`tensor` as it is."""
    _tensor(tensor, "tensor")
    current(group)
    _root(src, group_src, "broadcast")
    return _done(async_op, tensor)


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Writes `tensor` into the one tensor of the list."""
    _tensors(tensor_list, "tensor_list", tensor)
    _tensor(tensor, "tensor")
    current(group)
    _write(_one(tensor_list, "allgather", "output"), tensor, "allgather")
    return _done(async_op, *tensor_list)


def all_gather_coalesced(output_tensor_lists: list[list[Tensor]], input_tensor_list: list[Tensor], group: Any = None,
                         async_op: bool = False) -> Work | None:
    """Writes each tensor into the one of its list."""
    current(group)
    for outputs, tensor in zip(output_tensor_lists, input_tensor_list, strict=True):
        all_gather(outputs, tensor, group)
    return _done(async_op)


def all_gather_into_tensor(output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Writes the input into the output."""
    _tensor(input_tensor, "input_tensor")
    _tensor(output_tensor, "output_tensor")
    current(group)
    _flat(output_tensor, input_tensor, "allgather")
    return _done(async_op, output_tensor)


def gather(tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:
    """Writes `tensor` into the one tensor of the list."""
    _tensor(tensor, "tensor")
    current(group)
    if gather_list is None:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _tensors(gather_list, "gather_list", tensor)
    _root(0 if dst is None and group_dst is None else dst, group_dst, "gather")
    _write(_one(gather_list, "gather", "output"), tensor, "gather")
    return _done(async_op, *gather_list)


def scatter(tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:
    """Writes the one tensor of the list into `tensor`."""
    _tensor(tensor, "tensor")
    current(group)
    if scatter_list is None:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    _tensors(scatter_list, "scatter_list", tensor)
    _root(0 if src is None and group_src is None else src, group_src, "scatter")
    _write(tensor, _one(scatter_list, "scatter", "input"), "scatter")
    return _done(async_op, tensor)


def reduce_scatter(output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None,
                   async_op: bool = False) -> Work | None:
    """Writes the one tensor of the list into `output`."""
    _tensor(output, "output")
    _tensors(input_list, "input_list", output)
    current(group)
    _write(output, _one(input_list, "reduce_scatter", "input"), "reduce_scatter")
    return _done(async_op, output)


def reduce_scatter_tensor(output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None,
                          async_op: bool = False) -> Work | None:
    """Writes the input into the output."""
    _tensor(output, "output")
    _tensor(input, "input")
    current(group)
    _flat(output, input, "reduce_scatter")
    return _done(async_op, output)


def all_to_all(output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Any = None,
               async_op: bool = False) -> Work | None:
    """Writes the one tensor of the input into that of the output."""
    _tensors(output_tensor_list, "output_tensor_list")
    _tensors(input_tensor_list, "input_tensor_list")
    current(group)
    _write(_one(output_tensor_list, "alltoall", "output"), _one(input_tensor_list, "alltoall", "input"), "alltoall")
    return _done(async_op, *output_tensor_list)


def all_to_all_single(output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
                      group: Any = None, async_op: bool = False) -> Work | None:
    """Writes the input into the output."""
    _tensor(output, "output")
    _tensor(input, "input")
    current(group)
    _flat(output, input, "alltoall")
    return _done(async_op, output)


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None) -> Work | None:
    """Nothing: there is no other process to wait for."""
    current(group)
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Nothing: there is no other process to wait for."""
    current(group)


def _no_other(rank: Any, role: str, group: Any) -> None:
    current(group)
    if rank == 0:
        raise ValueError(f"Invalid {role} rank: {role} rank should not be the same as the rank of the current process.")
    raise ValueError(f"rank {rank} is not in a group of one process")


def send(tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0, group_dst: int | None = None) -> None:
    """ValueError: there is nobody to send to."""
    _tensor(tensor, "tensor")
    _no_other(group_dst if dst is None else dst, "destination", group)


def isend(tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0, group_dst: int | None = None) -> None:
    """ValueError: there is nobody to send to."""
    send(tensor, dst, group, tag, group_dst)


def recv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0, group_src: int | None = None) -> None:
    """ValueError: there is nobody to receive from."""
    _tensor(tensor, "tensor")
    _no_other(group_src if src is None else src, "source", group)


def irecv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0, group_src: int | None = None) -> None:
    """ValueError: there is nobody to receive from."""
    recv(tensor, src, group, tag, group_src)


class P2POp:
    """A send or receive for batch_isend_irecv."""

    def __init__(self, op: Any, tensor: Tensor, peer: int | None = None, group: Any = None, tag: int = 0,
                 group_peer: int | None = None) -> None:
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                             "``torch.distributed.irecv``.")
        self.op, self.tensor, self.peer, self.group, self.tag, self.group_peer = op, tensor, peer, group, tag, group_peer


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Each of them, in order."""
    return [op.op(op.tensor, op.peer, op.group, op.tag, op.group_peer) for op in p2p_op_list]
