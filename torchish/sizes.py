"""torch.Size: the tuple that a shape is.

In: integers.  Out: a tuple that stays a Size when it is cut or joined.
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from operator import index
from typing import Any

__all__ = ["Size"]


class Size(tuple):
    """torch.Size: the shape of a tensor. It equals, and hashes as, the tuple of its integers."""
    __slots__ = ()

    def __new__(cls, iterable: Iterable[Any] = (), /) -> Size:
        items = tuple(iterable)
        for i, item in enumerate(items):
            if type(item) is not int:
                return tuple.__new__(cls, _integers(items, i))
        return tuple.__new__(cls, items)

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return tuple.__new__(Size, found) if type(key) is slice else found

    def __add__(self, other: Any) -> Size:
        if not isinstance(other, tuple):
            raise TypeError(f'can only concatenate tuple (not "{type(other).__name__}") to torch.Size')
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Size:
        return Size(other) + self if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Size:
        return tuple.__new__(Size, tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(repr, self))}])"

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)


def _integers(items: tuple, start: int) -> tuple[int, ...]:
    """Integers from whatever acts as one (numpy's, 0-dim tensors)."""
    found = list(items[:start])
    for i, item in enumerate(items[start:], start):
        try:
            found.append(index(item))
        except TypeError:
            raise TypeError(
                f"torch.Size() takes an iterable of 'int' (item {i} is '{type(item).__name__}')") from None
    return tuple(found)
