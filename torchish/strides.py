"""How torch lays results out in memory: strides of results from those of operands.

In: shapes and strides (counted in elements).  Out: the strides torch gives a result, None where they are row-major.
Nothing here moves data: strides are what a program is told and what decides whether a result may be viewed.
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.memory_format
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .avals import Aval, contiguous_strides

__all__ = ["Lay", "RULES", "asked", "dense", "elementwise", "formatted", "is_formatted", "laid", "lies_as", "of_gradient", "packed",
           "preserved", "strides_of", "suggested"]

Lay = tuple[Sequence[int], Sequence[int]]       # shape and strides
FORMATS = {4: "channels_last", 5: "channels_last_3d"}


def strides_of(aval: Aval) -> tuple[int, ...]:
    """The strides of a tensor; an Aval keeps only those that are not row-major."""
    return aval.strides if aval.strides is not None else contiguous_strides(aval.shape)


def laid(aval: Aval) -> Lay:
    """Shape and strides of a tensor."""
    return aval.shape, strides_of(aval)


def packed(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Strides without gaps of a tensor whose dimensions lie in `order`, the innermost first."""
    found, step = [0] * len(shape), 1
    for d in order:
        found[d] = step
        step *= max(shape[d], 1)
    return tuple(found)


def row_major(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements lie in row-major order; dimensions of size 1 do not matter."""
    return 0 in shape or all(n == 1 or a == b for n, a, b in zip(shape, strides, contiguous_strides(tuple(shape)), strict=True))


def dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements fill one piece of memory, each at a place of its own."""
    step = 1
    for s, n in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n > 1):
        if s != step:
            return False
        step *= n
    return 0 not in shape or row_major(shape, strides)


def of_gradient(aval: Aval) -> tuple[int, ...] | None:
    """The strides of a tensor's gradient: those of the tensor if they fill a piece of memory, else row by row."""
    return aval.strides if aval.strides is not None and dense(aval.shape, aval.strides) else None


def _before(a: int, b: int, shape: Sequence[int], operands: Sequence[Sequence[int]]) -> int:
    """Whether dimension `b` lies further inside than `a` (1), further outside (-1), or nothing tells (0)."""
    for strides in operands:
        if not strides[a] or not strides[b]:
            continue
        if strides[a] != strides[b]:
            return 1 if strides[a] > strides[b] else -1
        if shape[a] > shape[b]:
            return 1
    return 0


def _order(shape: Sequence[int], operands: Sequence[Sequence[int]]) -> list[int]:
    """The dimensions, the innermost first: sorted by insertion, as nothing may tell about two of them."""
    order = list(range(len(shape)))[::-1]
    for k in range(1, len(order)):
        at = k
        for j in reversed(range(k)):
            told = _before(order[j], order[at], shape, operands)
            if told < 0:
                break
            if told > 0:
                order[j], order[at] = order[at], order[j]
                at = j
    return order


def elementwise(shape: Sequence[int], operands: Sequence[Lay]) -> tuple[int, ...] | None:
    """Strides of what is computed element by element from operands that broadcast to `shape`; row-major where it was reduced."""
    if any(len(s) > len(shape) for s, _ in operands):
        return None
    if all(tuple(s) == tuple(shape) for s, _ in operands):
        if all(row_major(*o) for o in operands):
            return None
        if all(is_formatted(*o) for o in operands):
            return formatted(shape)
        first = tuple(operands[0][1])
        if all(tuple(t) == first and dense(s, t) for s, t in operands):
            return first
    spread = []
    for s, strides in operands:
        lead = len(shape) - len(s)
        spread.append([0] * lead + [0 if n == 1 and shape[lead + d] != 1 else strides[d] for d, n in enumerate(s)])
    return packed(shape, _order(shape, spread))


def preserved(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Strides of a copy that keeps the format: the same where there are no gaps, else their order without gaps."""
    return tuple(strides) if dense(shape, strides) else packed(shape, _order(shape, [strides]))


def _channels_order(ndim: int) -> list[int]:
    return [1, *range(ndim - 1, 1, -1), 0]


def formatted(shape: Sequence[int]) -> tuple[int, ...]:
    """channels_last strides of 4 sizes, channels_last_3d strides of 5."""
    return packed(shape, _channels_order(len(shape)))


def is_formatted(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements lie one after the other with the channels innermost."""
    if len(shape) not in FORMATS:
        return False
    step = 1
    for d in _channels_order(len(shape)):
        if shape[d] != 1:
            if strides[d] != step:
                return False
            step *= shape[d]
    return True


def suggested(shape: Sequence[int], strides: Sequence[int]) -> str:
    """The memory format that strides speak for: channels_last, channels_last_3d or contiguous_format."""
    if len(shape) not in FORMATS or not strides[1] or 0 in shape:
        return "contiguous_format"
    least = 0
    for d in _channels_order(len(shape)):
        if strides[d] < least or d == 0 and least == strides[1]:
            return "contiguous_format"
        least = strides[d] * max(shape[d], 1)
    return FORMATS[len(shape)]


def asked(shape: Sequence[int], strides: Sequence[int], memory_format: Any) -> tuple[int, ...] | None:
    """Strides of a copy in a memory format that was asked for (None: preserve_format). None: row-major."""
    name = "preserve_format" if memory_format is None else memory_format.name
    if name == "preserve_format":
        return preserved(shape, strides)
    if name == "contiguous_format":
        return None
    rank = 4 if name == "channels_last" else 5
    if len(shape) != rank:
        raise RuntimeError(f"required rank {rank} tensor to use {name} format")
    return formatted(shape)


def lies_as(shape: Sequence[int], strides: Sequence[int], memory_format: Any) -> bool:
    """Whether the elements lie one after the other in this memory format (None: row-major)."""
    if memory_format is None or memory_format.name == "contiguous_format":
        return row_major(shape, strides)
    return FORMATS.get(len(shape)) == memory_format.name and is_formatted(shape, strides)


def _first(shape: Sequence[int], operands: Sequence[Lay], index: int) -> tuple[int, ...] | None:
    return preserved(*operands[0]) if tuple(operands[0][0]) == tuple(shape) else None


def _by_format(chosen: Sequence[str], shape: Sequence[int]) -> tuple[int, ...] | None:
    return formatted(shape) if len(shape) in FORMATS and FORMATS[len(shape)] in chosen else None


def _columns(shape: Sequence[int], operands: Sequence[Lay], index: int) -> tuple[int, ...] | None:
    n = len(shape)
    return packed(shape, [n - 2, n - 1, *range(n - 3, -1, -1)]) if n > 1 else None


def _joined(shape: Sequence[int], operands: Sequence[Lay], index: int) -> tuple[int, ...] | None:
    formats = {suggested(*o) for o in operands}
    return _by_format(list(formats), shape) if len(formats) == 1 else None


def _likewise(shape: Sequence[int], operands: Sequence[Lay], index: int) -> tuple[int, ...] | None:
    return next((tuple(s) for n, s in operands if tuple(n) == tuple(shape)), None)


RULES: dict[str, Callable[[Sequence[int], Sequence[Lay], int], tuple[int, ...] | None]] = {
    "elementwise": lambda shape, operands, _: elementwise(shape, operands),     # as operands that broadcast
    "first": _first,                        # as the first operand, without gaps
    "same": lambda shape, operands, _: tuple(operands[0][1]),                   # exactly as the first operand
    "format": lambda shape, operands, _: _by_format([suggested(*operands[0])], shape),      # the first operand's memory format
    "any format": lambda shape, operands, _: _by_format([suggested(*o) for o in operands[:2]], shape),   # or the weight's
    "joined": _joined,                      # the memory format that all operands have
    "columns": _columns,                    # matrices column by column, as LAPACK writes them
    "likewise": _likewise,                  # as the first operand of the result's shape
}
