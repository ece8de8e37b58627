"""What all fills share: dtypes, shapes, casts and the C names in torch's messages.

In: torchish or numpy dtypes, shapes.  Out: numpy dtypes, element counts, arrays cast as torch casts.
"""
from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from .. import dtypes

__all__ = ["BFLOAT16", "NARROW", "Shape", "as_numpy", "c_type", "cast", "count", "gap", "title", "unsupported"]

Shape = int | tuple[int, ...]
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
NARROW = frozenset((np.dtype(np.float16), BFLOAT16))

_C_TYPES = {"bool": "bool", "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int",
            "int64": "long int", "uint16": "short unsigned int", "uint32": "unsigned int",
            "uint64": "long unsigned int",
            "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
            "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}


def as_numpy(dtype: Any) -> np.dtype:
    """The numpy dtype of a torchish or numpy dtype."""
    return dtype.np if isinstance(dtype, dtypes.dtype) else np.dtype(dtype)


def count(shape: Shape) -> int:
    """The number of elements."""
    return shape if isinstance(shape, int) else math.prod(shape)


def cast(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """float64 values as `kind`; torch goes to the half types through float32."""
    return values.astype(np.float32).astype(kind) if kind in NARROW else values.astype(kind, copy=False)


def c_type(kind: np.dtype) -> str:
    """The name of the C type, as in torch's messages."""
    return _C_TYPES[kind.name]


def title(kind: np.dtype) -> str:
    """torch's capital name of a dtype: Long, Float, ..."""
    return dtypes.c_name(dtypes.from_numpy(kind))


def unsupported(kernel: str, kind: np.dtype) -> NotImplementedError:
    """torch's error for a dtype without a kernel."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{title(kind)}'")


def gap(value: Any) -> str:
    """A number as C++ streams print it (six significant digits)."""
    return f"{value:g}"
