"""torch.func.rearrange: the dims of a tensor regrouped and reordered as a pattern says it.

In: a tensor (or several of one shape, which are stacked first), a pattern like "b h (two w) -> (b two) h w", lengths of axes.
Out: the tensor: split into its axes, permuted, joined again.
Source: https://docs.pytorch.org/docs/stable/func.html
"""
from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from functools import lru_cache
from math import prod

from .. import api as torch
from ..tensor import Tensor
from ..warned import warn

__all__ = ["DimensionBindError", "rearrange"]

DOTS = "..."                                # all that are not named
Groups = list[tuple[str, ...] | str]        # for each dim the axes it consists of; or DOTS, which are dims of their own


class DimensionBindError(Exception):
    """A dim cannot be split into the axes of its group."""


def rearrange(tensor: Tensor | Sequence[Tensor], pattern: str, **axes_lengths: int) -> Tensor:
    """`tensor` in the order of axes on the right of "->", where it has those on the left; axes in parentheses are one dim.

    `...` are all dims that are not named, `1` and `()` a dim of size 1. One length in each group follows from the others.
    Errors: ValueError for a pattern that cannot be read or does not fit the number of dims, TypeError for lengths that are no
    ints, DimensionBindError for sizes that do not fit.
    """
    x = tensor if isinstance(tensor, Tensor) else torch.stack(tensor)
    for length in axes_lengths.values():
        if not isinstance(length, int):
            raise TypeError(f"rearrange axis lengths must be integers, got: {type(length)}")
    left, right = _read(pattern, tuple(axes_lengths))
    dotted = DOTS in left
    if dotted and len(left) - 1 > x.ndim:
        raise ValueError(f"Number of dimensions in pattern ({len(left) - 1}) must be less than or equal to the number of "
                         f"dimensions in the tensor ({x.ndim})")
    if not dotted and len(left) != x.ndim:
        raise ValueError(f"Number of dimensions in pattern ({len(left)}) must be equal to the number of dimensions in the "
                         f"tensor ({x.ndim})")
    rest = [f"...{k}" for k in range(x.ndim - len(left) + 1)] if dotted else []
    lengths: dict[str, int] = {}
    for group, size in zip(_filled(left, rest), x.shape, strict=True):
        lengths.update(_split(group, size, axes_lengths))
    joined = _filled(right, rest)
    axes = list(lengths)
    order = [axes.index(name) for group in joined for name in group]
    split, shape = list(lengths.values()), [prod(lengths[name] for name in group) for group in joined]
    x = x if list(x.shape) == split else x.reshape(split)
    x = x if order == sorted(order) else x.permute(order)
    return x if list(x.shape) == shape else x.reshape(shape)


def _filled(groups: Groups, rest: list[str]) -> list[tuple[str, ...]]:
    """The groups with the axes of `rest` for the dots."""
    found: list[tuple[str, ...]] = []
    for group in groups:
        if group == DOTS:
            found += [(name,) for name in rest]
        else:
            found.append(tuple([name for part in group for name in (rest if part == DOTS else [part])]))
    return found


def _split(group: tuple[str, ...], size: int, given: dict[str, int]) -> dict[str, int]:
    """The length of each axis of a dim."""
    shown = ", ".join(f"{name}={given[name]}" if name in given else name for name in group)
    unknown = [name for name in group if name not in given]
    known = prod(given[name] for name in group if name in given)
    if len(unknown) > 1:
        raise DimensionBindError(f"cannot infer the sizes of two dimensions at once {unknown[0]} and {unknown[1]}")
    if unknown and (known == 0 or size % known):
        raise DimensionBindError(f"inferred dimension does not evenly fit into larger dimension: {size} vs ({shown})")
    if not unknown and size != known:
        raise DimensionBindError(f"Dimension sizes to do not match ({size} != {known}) when matching dimension pack ({shown})")
    return {name: given[name] if name in given else size // known for name in group}


@lru_cache(256)
def _read(pattern: str, given: tuple[str, ...]) -> tuple[Groups, Groups]:
    """The groups of both sides of a pattern; `given` are the axes whose lengths are."""
    if pattern.count("->") != 1:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = map(_side, pattern.split("->"))
    before, after = [{name for group in side for name in ((DOTS,) if group == DOTS else group)} for side in (left, right)]
    if DOTS in after and DOTS not in before:
        raise ValueError(f"Ellipsis found in right side, but not left side of a pattern {pattern}")
    if any(DOTS in group for group in left if group != DOTS):
        raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
    if before != after:
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {before ^ after}")
    if not set(given) <= before:
        raise ValueError(f"Identifiers not found in rearrange expression: {set(given) - before}")
    return left, right


def _side(text: str) -> Groups:
    """The groups of one side."""
    if "." in text and (text.count(DOTS) != 1 or text.count(".") != 3):
        raise ValueError("Expression may contain dots only inside ellipsis (...)" +
                         ("; only one ellipsis for tensor " if text.count(DOTS) > 1 else ""))
    strange = re.search(r"[^\w\s().]", text)
    if strange:
        raise ValueError(f"Unknown character '{strange[0]}'")
    groups: Groups = []
    seen: set[str] = set()
    opened: list[str] | None = None
    for word in re.findall(r"\.\.\.|[()]|\w+", text):
        if word == "(":
            if opened is not None:
                raise ValueError("Axis composition is one-level (brackets inside brackets not allowed)")
            opened = []
        elif word == ")":
            if opened is None:
                raise ValueError("Brackets are not balanced")
            groups.append(tuple(opened))
            opened = None
        else:
            names = () if word == "1" else (_axis(word, seen),)
            if opened is None:
                groups.append(DOTS if word == DOTS else names)
            else:
                opened += names
    if opened is not None:
        raise ValueError(f"Imbalanced parentheses in expression: '{text}'")
    return groups


def _axis(word: str, seen: set[str]) -> str:
    """A name, checked; ValueError where it is none or stands there twice."""
    if word.isdecimal():
        raise ValueError("rearrange only supports unnamed axes of size 1")
    if word in seen:
        raise ValueError(f"Indexing expression contains duplicate dimension '{word}'")
    seen.add(word)
    if word != DOTS and not word.isidentifier():
        raise ValueError(f"Invalid axis identifier: {word}\nnot a valid python identifier")
    if word[0] == "_" or word[-1] == "_":
        raise ValueError(f"Invalid axis identifier: {word}\naxis name should should not start or end with underscore")
    if keyword.iskeyword(word):
        warn(f"It is discouraged to use axes names that are keywords: {word}", RuntimeWarning)
    return word
