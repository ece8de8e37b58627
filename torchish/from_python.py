"""Python data as numpy arrays of the dtype torch gives it.

In: numbers, nested sequences of numbers, numpy arrays, tensors (by what they hold).  Out: a numpy array, or torch's error.
Source: https://docs.pytorch.org/docs/stable/generated/torch.tensor.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import dtypes
from .dtypes import dtype as Dtype
from .warned import warn_once

__all__ = ["SLOW", "array_of", "known_dtype"]

PYTHON = {bool: dtypes.bool_, int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}
FLAT = (str, bytes)
SLOW = ("Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting the list to a single "
        "numpy.ndarray with numpy.array() before converting to a tensor.")


def known_dtype(name: str, dtype: Any) -> Dtype | None:
    """A dtype, None, or the one that a Python type stands for. TypeError for anything else."""
    if dtype is None or isinstance(dtype, Dtype):
        return dtype
    found = PYTHON.get(dtype) if isinstance(dtype, type) else None
    if found is None:
        raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    return found


def array_of(data: Any, dtype: Dtype | None, tensor: type, value_of: Callable[[Any], np.ndarray]) -> np.ndarray:
    """`data` as a numpy array of the given or inferred dtype. `tensor`: the class of tensors, `value_of` what they hold."""
    if isinstance(data, FLAT):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if isinstance(data, (np.ndarray, np.generic)) or not _is_sequence(data) and not isinstance(data, tensor) and \
            hasattr(data, "__array__"):
        array = np.asarray(data)
        dtypes.from_numpy(array.dtype)
        return array if dtype is None else _astype(array, dtype)
    shape = _shape(data, tensor)
    kinds = _kinds(data, shape, 0) if shape else {type(data)}
    if any(issubclass(k, tensor) for k in kinds):
        data, kinds = _without_tensors(data, tensor, value_of, len(shape))
    target = dtype
    if dtype is None:
        target = reduce(dtypes.promote_types, [_dtype_of(k) for k in kinds]) if kinds else dtypes.default.float
    else:
        _refuse(kinds, dtype)
    return _filled(data, kinds, target) if 0 not in shape else np.zeros(shape, target.np)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, (list, tuple, range)) or isinstance(x, np.ndarray) and x.ndim > 0 or \
        (isinstance(x, Sequence) or hasattr(x, "__len__") and hasattr(x, "__getitem__")) and \
        not isinstance(x, (*FLAT, dict, np.ndarray, np.generic))


def _shape(data: Any, tensor: type) -> tuple[int, ...]:
    """The shape that the first elements tell."""
    shape: list[int] = []
    while _is_sequence(data) and not isinstance(data, tensor):
        shape.append(len(data))
        if not len(data):
            break
        try:
            inner = data[0]
        except (TypeError, KeyError):
            raise ValueError(f"could not determine the shape of object type '{type(data).__name__}'") from None
        if inner is data or len(shape) > 128:
            raise TypeError("new(): self-referential lists are incompatible")
        data = inner
        if isinstance(data, str):
            raise ValueError("too many dimensions 'str'")
    return tuple(shape)


def _kinds(data: Any, shape: tuple[int, ...], dim: int) -> set[type]:
    """The types of all numbers in nested sequences, whose lengths are checked."""
    if not _is_sequence(data):
        raise TypeError("not a sequence")
    if len(data) != shape[dim]:
        if shape[dim] == 0:             # as torch does not look at what comes after an empty row
            return set()
        raise ValueError(f"expected sequence of length {shape[dim]} at dim {dim} (got {len(data)})")
    if isinstance(data, np.ndarray):
        warn_once(SLOW)
        dtypes.from_numpy(data.dtype)
        if data.shape[1:] != shape[dim + 1:]:
            raise ValueError(f"expected sequence of length {(*shape, 0)[dim + 1]} at dim {dim + 1} (got {(*data.shape, 0)[1]})")
        return {data.dtype.type}
    if dim + 1 == len(shape):
        kinds = set(map(type, data))
        if list in kinds and any(item is data for item in data):
            raise TypeError("new(): self-referential lists are incompatible")
        if np.ndarray not in kinds:
            return kinds
        return {item.dtype.type if k is np.ndarray else k for k, item in zip(map(type, data), data, strict=True)}
    return set().union(*[_kinds(item, shape, dim + 1) for item in data]) if data else set()


def _dtype_of(kind: type) -> Dtype:
    """The dtype that a number of this type has for torch."""
    if kind is float:
        return dtypes.default.float
    if kind is complex:
        return dtypes.default.complex
    if kind in PYTHON:
        return PYTHON[kind]
    if issubclass(kind, np.generic):
        return dtypes.from_numpy(np.dtype(kind))
    if issubclass(kind, FLAT):
        raise TypeError(f"new(): invalid data type '{kind.__name__}'")
    base = next((b for b in (bool, int, float, complex) if issubclass(kind, b)), None)
    if base is not None:                # an IntEnum and the like
        return _dtype_of(base)
    if kind in (list, tuple):
        raise TypeError(f"'{kind.__name__}' object cannot be interpreted as an integer")
    raise RuntimeError(f"Could not infer dtype of {kind.__name__}")


def _refuse(kinds: set[type], dtype: Dtype) -> None:
    """TypeError for what cannot be a number of the dtype that is asked for."""
    for kind in kinds:
        if issubclass(kind, (bool, int, float, np.generic)):
            continue
        if issubclass(kind, complex) and (dtype.is_complex or dtype is dtypes.bool_):
            continue
        if dtype.is_floating_point or dtype.is_complex:
            raise TypeError(f"must be real number, not {kind.__name__}")
        raise TypeError(f"'{kind.__name__}' object cannot be interpreted as an integer")


def _without_tensors(data: Any, tensor: type, value_of: Callable, depth: int) -> tuple[Any, set[type]]:
    """Nested sequences with the one number of each tensor in its place, and the types of all numbers."""
    if depth:
        parts = [_without_tensors(item, tensor, value_of, depth - 1) for item in data]
        return [p[0] for p in parts], set().union(*[p[1] for p in parts])
    if not isinstance(data, tensor):
        return data, {type(data)}
    array = value_of(data)
    if array.size != 1:
        if data.dtype.category > dtypes.INTEGER:
            raise ValueError("only one element tensors can be converted to Python scalars")
        raise TypeError("only integer tensors of a single element can be converted to an index")
    number = array.reshape(())[()]
    return number, {type(number)}


def _filled(data: Any, kinds: set[type], target: Dtype) -> np.ndarray:
    if target is dtypes.bool_ and complex in kinds:
        return np.array(data, np.complex128) != 0
    if target.category <= dtypes.INTEGER and target is not dtypes.uint64:
        # numbers meet in the widest type first, where what does not fit is seen
        wide = np.float64 if any(issubclass(k, (float, np.floating)) for k in kinds) else np.int64
        try:
            return _astype(np.array(data, wide), target, checked=True)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
    with np.errstate(over="ignore"):
        return np.array(data, target.np) if target not in dtypes.FLOAT8 else \
            dtypes.fitting(np.array(data, np.float64), target).astype(target.np)


def _astype(array: np.ndarray, target: Dtype, checked: bool = False) -> np.ndarray:
    if target.category == dtypes.INTEGER and checked and array.size:
        info = np.iinfo(target.np)
        low, high = array.min(), array.max()
        # negative integers wrap around in unsigned types
        least = -int(info.max) if info.min == 0 and array.dtype.kind == "i" else int(info.min)
        if not (low >= least and high <= info.max):
            raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
    if array.dtype.kind == "c" and not target.is_complex:
        array = array.real
    with np.errstate(over="ignore", invalid="ignore"):
        return dtypes.fitting(array, target).astype(target.np)
