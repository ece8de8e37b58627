"""torch.utils._dtype_abbrs: short names of dtypes.

Out: a table, dtype -> name: "f32", "i64".
"""
from __future__ import annotations

from .. import dtypes

__all__ = ["dtype_abbrs"]

dtype_abbrs = {
    dtypes.bfloat16: "bf16", dtypes.float64: "f64", dtypes.float32: "f32", dtypes.float16: "f16",
    dtypes.float8_e4m3fn: "f8e4m3fn", dtypes.float8_e5m2: "f8e5m2", dtypes.float8_e4m3fnuz: "f8e4m3fnuz",
    dtypes.float8_e5m2fnuz: "f8e5m2fnuz", dtypes.complex64: "c64", dtypes.complex128: "c128", dtypes.int8: "i8",
    dtypes.int16: "i16", dtypes.int32: "i32", dtypes.int64: "i64", dtypes.bool_: "b8", dtypes.uint8: "u8",
    dtypes.uint16: "u16", dtypes.uint32: "u32", dtypes.uint64: "u64"}
