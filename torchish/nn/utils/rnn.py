"""torch.nn.utils.rnn: sequences of different lengths, padded and packed.

In: a list of sequences, or a padded tensor and the lengths, which live on the host.  Out: a `PackedSequence` and back.
Each function is one gather by an index that is made on the host.
Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""
from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ... import api as torch
from ...ops.check import broadcast_shapes
from ...ops.recurrent import packed_places
from ...tensor import Tensor

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]


class PackedSequence_(NamedTuple):
    """The fields of a PackedSequence."""
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """The elements of several sequences, time by time: `batch_sizes[t]` of them at time t, the longest sequence first."""

    def __new__(cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. "
                             "They should be instantiated by functions like pack_sequence and pack_padded_sequences in "
                             "nn.utils.rnn. https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Tensor, **options: Any) -> PackedSequence:
        orders = [None if order is None else order.to(data.device, **options)
                  for order in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *orders)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Moves or casts the data; the indices only move."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._with(data)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on the accelerator."""
        return self.to("cuda", *args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def pin_memory(self) -> PackedSequence:
        """The same in memory from which an accelerator copies."""
        return self._with(self.data.pin_memory())

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on the accelerator."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()


def _cast(name: str, dtype: Any) -> Any:
    def method(self: PackedSequence) -> PackedSequence:
        return self.to(dtype)
    method.__name__, method.__doc__ = name, f"The data as {dtype}."
    return method


for _name, _dtype in (("double", torch.float64), ("float", torch.float32), ("half", torch.float16), ("long", torch.int64),
                      ("int", torch.int32), ("short", torch.int16), ("char", torch.int8), ("byte", torch.uint8)):
    setattr(PackedSequence, _name, _cast(_name, _dtype))


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`."""
    return None if permutation is None else torch.tensor(np.argsort(permutation.tolist()), device=permutation.device)


def _on_host(lengths: Tensor | list) -> list[int]:
    if not isinstance(lengths, Tensor):
        return [int(n) for n in lengths]
    if lengths.dim() != 1 or lengths.device.type != "cpu":
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D "
                           f"{lengths.device.type} Long tensor")
    return [int(n) for n in lengths.tolist()]


def _check_lengths(lengths: list[int], batch: int) -> None:
    if len(lengths) != batch:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={batch})")
    if min(lengths) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if any(a < b for a, b in pairwise(lengths)):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                           "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if "
                           "you do not need ONNX exportability.")


def pack_padded_sequence(input: Tensor, lengths: Tensor | list[int], batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Packs a padded (T, B, *), or (B, T, *) with batch_first, whose sequences have `lengths`."""
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    host = _on_host(lengths)
    sorted_indices = None
    if not enforce_sorted:
        order = sorted(range(len(host)), key=lambda b: -host[b])
        host = [host[b] for b in order]
        sorted_indices = torch.tensor(order, device=input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)
    _check_lengths(host, input.shape[1])
    sizes = [sum(n > time for n in host) for time in range(host[0])]
    places = torch.tensor(packed_places(sizes)[2], device=input.device)
    return PackedSequence(input.flatten(0, 1)[places], torch.tensor(sizes), sorted_indices)


def _filled_up(data: Tensor, rows: np.ndarray, value: float) -> Tensor:
    """data[rows], where the row after the last is full of `value`."""
    end = torch.full((1, *data.shape[1:]), value, dtype=data.dtype, device=data.device)
    return torch.cat([data, end])[torch.tensor(rows, device=data.device)]


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The padded sequences in their first order, and their lengths."""
    sizes = sequence.batch_sizes.tolist()
    lengths, rows, _ = packed_places(sizes)
    if total_length is not None:
        if total_length < len(sizes):
            raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                             f"total_length={total_length} and max sequence length being {len(sizes)}")
        rows = np.pad(rows, ((0, total_length - len(sizes)), (0, 0)), constant_values=sum(sizes))
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices.tolist()
        lengths, rows = lengths[order], rows[:, order]
    padded = _filled_up(sequence.data, rows, padding_value)
    return padded.transpose(0, 1) if batch_first else padded, torch.tensor(lengths)


def pad_sequence(sequences: Tensor | list[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Sequences (L_i, *) as one tensor (max L, B, *), or (B, max L, *) with batch_first."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    rest = sequences[0].shape[1:]
    if any(s.shape[1:] != rest for s in sequences):     # each is written over rows like those of the first
        for s in sequences:
            broadcast_shapes((s.size(0), *rest), s.shape)
        sequences = tuple([s.expand(s.size(0), *rest) for s in sequences])
    lengths = np.array([s.size(0) for s in sequences])
    longest = lengths.max()
    column = np.arange(longest) - (0 if padding_side == "right" else (longest - lengths)[:, None])
    rows = np.where((column >= 0) & (column < lengths[:, None]), column + (np.cumsum(lengths) - lengths)[:, None], lengths.sum())
    return _filled_up(torch.cat(sequences), rows if batch_first else rows.T, padding_value)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, each cut to its length."""
    padded = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [padded[b, :n] for b, n in enumerate(_on_host(lengths))]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of sequences (L_i, *)."""
    return pack_padded_sequence(pad_sequence(sequences), [s.size(0) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences in a PackedSequence."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
