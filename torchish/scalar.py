"""A Python number as an element of a dtype.

In: a number and a numpy dtype.  Out: a numpy scalar of that dtype, or torch's error where the number does not fit.
"""
from __future__ import annotations

from math import isfinite
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["converted", "overflow"]

_C_TYPES = {"int64": "int64_t", "int32": "int", "int16": "int16_t", "int8": "int8_t", "uint8": "uint8_t", "uint16": "uint16_t",
            "uint32": "uint32_t", "uint64": "uint64_t", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float",
            "float64": "double", "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}


def converted(value: Any, dtype: Any) -> np.ndarray:
    """`value` in `dtype`; floats lose their fraction where it is an integer type, negative ints wrap around in unsigned ones.

    RuntimeError where the number is out of range, OverflowError where it is no 64-bit integer.
    """
    dtype = np.dtype(dtype)
    if not isinstance(value, (bool, int, float, complex)):
        return np.asarray(value).astype(dtype)
    if dtype.kind == "b":
        return np.asarray(bool(value))
    if isinstance(value, int) and not -2 ** 63 <= value < 2 ** 64:
        raise OverflowError("int too big to convert")
    if not _fits(value, dtype):
        raise overflow(dtype)
    if dtype.kind != "c" and isinstance(value, complex):
        value = value.real
    if dtype.kind in "iu":
        value = int(value) % 2 ** (8 * dtype.itemsize) if dtype.kind == "u" else int(value)
    return np.asarray(value).astype(dtype)


def overflow(dtype: Any) -> RuntimeError:
    """torch's error for a value that `dtype` does not hold."""
    return RuntimeError(f"value cannot be converted to type {_C_TYPES[np.dtype(dtype).name]} without overflow")


def _fits(value: Any, dtype: np.dtype) -> bool:
    if isinstance(value, complex):
        if dtype.kind != "c":
            return value.imag == 0 and _fits(value.real, dtype)
        return _fits(value.real, np.dtype(f"f{dtype.itemsize // 2}")) and _fits(value.imag, np.dtype(f"f{dtype.itemsize // 2}"))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if isinstance(value, float):
            return limits.min <= value <= limits.max
        return (limits.min if dtype.kind == "i" else -int(limits.max)) <= value <= limits.max
    return not isfinite(value) or abs(value) <= float(ml_dtypes.finfo(dtype).max)
