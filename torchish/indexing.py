"""What stands between the brackets of `x[...]`, brought into canonical form.

In: any index that torch takes, and the shape of x.  Out: `(spec, starts, tensors, kind)` for the ops `slice` and
`index`.  It runs at every x[...] of every step: plain ints and slices take short ways. torch's errors are raised here.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import index as as_int
from typing import Any

import numpy as np

from .from_python import array_of
from .ops.check import out_of_bounds, refuse_outside
from .ops.index import BYTES
from .warned import warn

__all__ = ["parse"]

INT, NEW, FULL = ("i",), ("n",), (":",)
SPEC_INT = (INT,)
SPEC_FULL = (FULL,)
NOTHING: tuple = ()
ROWS = (None, ("t",))


def parse(index: Any, shape: tuple[int, ...], tensor: type) -> tuple[tuple, tuple, tuple, str]:
    """The canonical form of x[index] for an x of `shape`; `tensor` is the class of tensors.

    kind "basic": `spec` and `starts` are those of the op `slice`; the whole index is one view.
    kind "index" or "mask": `spec` is a pair (of the op `slice`, or None where it is not needed, with `starts`; of the
    op `index`, for the sliced tensor, with `tensors`).  `tensors` has tensors and numpy arrays.  With "mask" at least
    one of them is of bool (or uint8) and stands for as many integer tensors as it has dimensions: the places where it
    is true; the spec already counts them.
    """
    kind = type(index)
    if kind is int:
        if shape:
            n = shape[0]
            if 0 <= index < n:
                return SPEC_INT, (index,), NOTHING, "basic"
            if -n <= index < 0:
                return SPEC_INT, (index + n,), NOTHING, "basic"
        raise _out_of_bounds(index, 0, shape)
    if kind is slice:
        if not shape:
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if index.start is None and index.stop is None and index.step is None:
            return SPEC_FULL, NOTHING, NOTHING, "basic"
        start, length, step = _slice(index, shape[0])
        return (("s", length, step),), (start,), NOTHING, "basic"
    if index is Ellipsis:
        return NOTHING, NOTHING, NOTHING, "basic"
    if kind is tuple:
        return _parse_tuple(index, shape, tensor) if index else (NOTHING, NOTHING, NOTHING, "basic")
    if isinstance(index, tensor) and shape and index.ndim and _dtype_kind(index.dtype) == "i":
        return ROWS, NOTHING, (index,), "index"
    if isinstance(index, tuple) or _is_old_style(index, tensor):
        return _parse_tuple(tuple(index), shape, tensor)
    return _parse_tuple((index,), shape, tensor)


def _slice(s: slice, n: int) -> tuple[int, int, int]:
    """start, length and step of a slice of a dimension of `n`."""
    step = s.step
    if step is None:
        step = 1
    elif step.__class__ is not int:
        step = _bound(step)
    if step <= 0:
        raise ValueError("slice step cannot be zero" if step == 0 else "step must be greater than zero")
    start, stop = s.start, s.stop
    if start is None:
        start = 0
    else:
        if start.__class__ is not int:
            start = _bound(start)
        if start < 0:
            start = max(start + n, 0)
        elif start > n:
            start = n
    if stop is None:
        stop = n
    else:
        if stop.__class__ is not int:
            stop = _bound(stop)
        if stop < 0:
            stop = max(stop + n, 0)
        elif stop > n:
            stop = n
    if stop <= start:
        return start, 0, step
    return start, stop - start if step == 1 else (stop - start + step - 1) // step, step


def _bound(value: Any) -> int:
    try:
        return as_int(value)
    except TypeError:
        if hasattr(value, "__index__"):
            raise
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


def _out_of_bounds(index: int, dim: int, shape: tuple[int, ...]) -> Exception:
    if not -2 ** 63 <= index < 2 ** 63:
        return ValueError("Overflow when unpacking long long")
    if not shape:
        return IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                          "to convert a 0-dim tensor to a number")
    return IndexError(f"index {index} is out of bounds for dimension {dim} with size {shape[dim]}")


def _parse_tuple(items: tuple, shape: tuple[int, ...], tensor: type) -> tuple[tuple, tuple, tuple, str]:
    spec, starts, dim = [], [], 0
    for item in items:
        kind = type(item)
        if kind is int or kind is slice:
            if dim == len(shape):
                return _Reader(items, shape, tensor).read()     # which raises the fitting error
            n = shape[dim]
            if kind is int:
                if item < 0:
                    item += n
                if not 0 <= item < n:
                    return _Reader(items, shape, tensor).read()
                spec.append(INT)
                starts.append(item)
            elif item.start is None and item.stop is None and item.step is None:
                spec.append(FULL)
            else:
                start, length, step = _slice(item, n)
                spec.append(("s", length, step))
                starts.append(start)
            dim += 1
        elif item is None:
            spec.append(NEW)
        elif item is Ellipsis and (count := _full_dims(items, len(shape))) is not None:
            spec += [FULL] * count
            dim += count
        else:
            return _Reader(items, shape, tensor).read()
    return tuple(spec) if spec else (FULL,) * len(shape), tuple(starts), NOTHING, "basic"


def _full_dims(items: tuple, ndim: int) -> int | None:
    """How many dimensions the one ellipsis of a basic index stands for; None if it is another kind or does not fit."""
    used = ellipses = 0
    for item in items:
        kind = type(item)
        if kind is int or kind is slice:
            used += 1
        elif item is Ellipsis and not ellipses:
            ellipses = 1
        elif item is not None:
            return None
    return ndim - used if used <= ndim else None


class _Reader:
    """Reads an index with an ellipsis, bools, lists, arrays or tensors in it."""

    def __init__(self, items: tuple, shape: tuple[int, ...], tensor: type) -> None:
        self.items, self.shape, self.tensor, self.dim = [_plain(i, tensor) for i in items], shape, tensor, 0
        self.spec, self.starts = [], []
        self.tensors, self.after, self.masked = [], [], False      # after: the op `index`'s spec

    def read(self) -> tuple[tuple, tuple, tuple, str]:
        shape = self.shape
        used = sum(self.consumed(i) for i in self.items)
        if used > len(shape):
            if not shape:
                raise _out_of_bounds(0, 0, shape) if type(self.items[0]) is int and used == 1 else IndexError(
                    "slice() cannot be applied to a 0-dim tensor." if type(self.items[0]) is slice and used == 1 else
                    "too many indices for tensor of dimension 0")
            raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
        open_dims = len(shape) - used
        for item in self.items:
            if item is Ellipsis:
                self.full(open_dims)
                open_dims = 0
            else:
                self.one(item)
        basic = all(s is FULL for s in self.spec)
        if not self.tensors:
            return tuple(self.spec), tuple(self.starts), NOTHING, "basic"
        while self.after[-1] == ":":
            self.after.pop()
        pair = (None if basic else tuple(self.spec), tuple(self.after))
        return pair, tuple(self.starts), tuple(self.tensors), "mask" if self.masked else "index"

    def consumed(self, item: Any) -> int:
        """How many dimensions of x an item takes."""
        if item is None or item is Ellipsis or item is True or item is False:
            return 0
        if type(item) is int or type(item) is slice:
            return 1
        return item.ndim if _is_mask(item) else 1

    def full(self, count: int) -> None:
        self.spec += [FULL] * count
        self.after += [":"] * count
        self.dim += count

    def one(self, item: Any) -> None:
        if item is None:
            self.spec.append(NEW)
            self.after.append(":")
        elif item is True or item is False:
            self.truth(item)
        elif type(item) is int:
            self.integer(item)
        elif type(item) is slice:
            start, length, step = _slice(item, self.shape[self.dim])
            whole = item.start is None and item.stop is None and step == 1
            self.spec.append(FULL if whole else ("s", length, step))
            if not whole:
                self.starts.append(start)
            self.after.append(":")
            self.dim += 1
        else:
            self.array(item)

    def integer(self, place: int) -> None:
        n = self.shape[self.dim]
        if not -n <= place < n:
            raise _out_of_bounds(place, self.dim, self.shape)
        self.spec.append(INT)
        self.starts.append(place % n)
        self.dim += 1

    def truth(self, value: bool) -> None:
        """True and False index a new dimension of size 1: they keep it or empty it."""
        self.spec.append(NEW)
        self.after.append("t")
        self.tensors.append(np.zeros(1 if value else 0, np.int64))

    def array(self, item: Any) -> None:
        if _is_mask(item):
            if item.ndim == 0:      # a new dimension, masked
                self.spec.append(NEW)
                item = item.reshape(1)
            else:
                if item.dtype != bool and "uint8" in str(item.dtype):
                    warn(BYTES)
                self.check_mask(item)
                self.spec += [FULL] * item.ndim
                self.dim += item.ndim
            self.masked = True
            self.after += ["t"] * item.ndim
        elif item.ndim == 0 and _dtype_kind(item.dtype) and not (isinstance(item, self.tensor) and item._inside() is not None):
            self.integer(int(item))
            return
        elif not _is_integer(item):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        else:
            if isinstance(item, np.ndarray) and item.size:
                self.check_places(item)
            self.spec.append(FULL)
            self.after.append("t")
            self.dim += 1
        self.tensors.append(item)

    def check_places(self, item: np.ndarray) -> None:
        n = self.shape[self.dim]
        if not n:
            raise IndexError("index is out of bounds for dimension with size 0")
        refuse_outside(item, n, out_of_bounds(self.after.count("t"), n, IndexError), wrap=True)

    def check_mask(self, item: Any) -> None:
        for k, n in enumerate(item.shape):
            if n != self.shape[self.dim + k]:
                mask, whole = (", ".join(map(str, shape)) for shape in (item.shape, self.shape))
                raise IndexError(f"The shape of the mask [{mask}] at index {k} does not match the shape of the indexed "
                                 f"tensor [{whole}] at index {self.dim + k}")


def _plain(item: Any, tensor: type) -> Any:
    """One item as an int, a slice, None, Ellipsis, a bool, a numpy array or a tensor."""
    if item is None or item is Ellipsis or isinstance(item, (bool, slice, tensor, np.ndarray)):
        if isinstance(item, np.ndarray) and item.ndim == 0:
            return bool(item) if item.dtype == bool else int(item)
        return _as_places(item) if isinstance(item, np.ndarray) else item
    if isinstance(item, Sequence):
        return _sequence(item, tensor)
    if hasattr(item, "__index__") and not isinstance(item, np.bool_):
        return as_int(item)
    name = f"{type(item).__module__}.{type(item).__name__}".removeprefix("builtins.")
    raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                     f"(got {name})")


def _sequence(item: Any, tensor: type) -> np.ndarray:
    if len(item) == 0:
        return np.zeros(0, np.int64)
    return _as_places(array_of(item, None, tensor, lambda x: x._numpy()))


def _as_places(array: np.ndarray) -> np.ndarray:
    """Numbers as places, whatever they are; truth values and bytes stay."""
    return array if array.dtype in (np.bool_, np.uint8) else array.astype(np.int64)


def _is_old_style(index: Any, tensor: type) -> bool:
    """A short sequence that stands for a tuple: x[[0, slice(None)]], x[[a, b]] with tensors. One of numbers is an index."""
    if not isinstance(index, Sequence) or len(index) >= 32:
        return False
    kinds = (slice, Sequence, tensor, np.ndarray, type(None), type(Ellipsis))
    if not any(isinstance(i, kinds) for i in index):
        return False
    warn("Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
         "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
         "which will result either in an error or a different result")
    return True


@cache
def _dtype_kind(dtype: Any) -> str:
    """"m" for the dtype of a mask, "i" for one of places, "0" for one of a single place, "" for one that cannot index."""
    name = str(dtype).rpartition(".")[2]
    return "m" if name in ("bool", "uint8") else "i" if name in ("int64", "int32") else "0" if "int" in name else ""


def _is_mask(item: Any) -> bool:
    return _dtype_kind(item.dtype) == "m"


def _is_integer(item: Any) -> bool:
    return _dtype_kind(item.dtype) == "i"
