"""Dtype objects, torch's promotion rules, finfo and iinfo.

In: torch's dtype names and numpy/jax dtypes.  Out: `dtype` objects (one for each type), `promote`, `result_dtype`.
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html
"""
from __future__ import annotations

from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["dtype", "finfo", "iinfo", "from_numpy", "promote_types", "can_cast", "get_default_dtype",
           "check_default", "default", "scalar_dtype", "result_dtype", "NAMES"]

BOOL, INTEGER, FLOAT, COMPLEX = range(4)


class dtype:
    """torch.dtype: the type of a tensor's elements. There is one object for each type."""
    __slots__ = ("aliases", "category", "itemsize", "name", "np")

    def __init__(self, name: str, np_dtype: Any, category: int, aliases: tuple[str, ...] = ()) -> None:
        self.name, self.category, self.aliases = name, category, aliases
        if isinstance(np_dtype, int):       # a name only, with its size
            self.itemsize = np_dtype
        else:
            self.np = np.dtype(np_dtype)
            self.itemsize = self.np.itemsize

    def __getattr__(self, name: str) -> Any:
        if name == "np":
            raise TypeError(f"{self} is only a name here: XLA has no such type")
        raise AttributeError(f"'torch.dtype' object has no attribute '{name}'")

    is_floating_point = property(lambda self: self.category == FLOAT)
    is_complex = property(lambda self: self.category == COMPLEX)
    is_signed = property(lambda self: self.category > INTEGER or self.np.kind == "i")

    def to_real(self) -> dtype:
        """The dtype of the real part."""
        return _REAL.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this dtype (of float16: complex64, as there is no complex32)."""
        if self.category < FLOAT or self in FLOAT8:
            raise RuntimeError(f"Unknown Complex ScalarType for {c_name(self)}")
        return _COMPLEX.get(self, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple:
        return _by_name, (self.name,)


def _by_name(name: str) -> dtype:
    return NAMES[name]


bool_ = dtype("bool", np.bool_, BOOL)
uint8 = dtype("uint8", np.uint8, INTEGER)
int8 = dtype("int8", np.int8, INTEGER)
int16 = dtype("int16", np.int16, INTEGER, ("short",))
int32 = dtype("int32", np.int32, INTEGER, ("int",))
int64 = dtype("int64", np.int64, INTEGER, ("long",))
uint16 = dtype("uint16", np.uint16, INTEGER)
uint32 = dtype("uint32", np.uint32, INTEGER)
uint64 = dtype("uint64", np.uint64, INTEGER)
float16 = dtype("float16", np.float16, FLOAT, ("half",))
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT)
float32 = dtype("float32", np.float32, FLOAT, ("float",))
float64 = dtype("float64", np.float64, FLOAT, ("double",))
complex64 = dtype("complex64", np.complex64, COMPLEX, ("cfloat",))
complex128 = dtype("complex128", np.complex128, COMPLEX, ("cdouble",))
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOAT)
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, FLOAT)
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, FLOAT)
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, FLOAT)
float8_e8m0fnu = dtype("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, FLOAT)

ALL = (bool_, uint8, int8, int16, int32, int64, uint16, uint32, uint64, float16, bfloat16, float32, float64, complex64,
       complex128)
FLOAT8 = (float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu)     # to store; no arithmetic
# names that programs compare with; no tensor has these types
ONLY_NAMES = (dtype("complex32", 4, COMPLEX, ("chalf",)), dtype("float4_e2m1fn_x2", 1, FLOAT),
              *(dtype(f"{sign}int{bits}", 1, INTEGER) for sign in ("", "u") for bits in range(1, 8)),
              *(dtype(name, size, INTEGER) for name, size in (("qint8", 1), ("quint8", 1), ("qint32", 4), ("quint4x2", 1),
                                                              ("quint2x4", 1), ("bits8", 1), ("bits16", 2), ("bits1x8", 1),
                                                              ("bits2x4", 1), ("bits4x2", 1))))
NAMES: dict[str, dtype] = {n: d for d in (*ALL, *FLOAT8, *ONLY_NAMES) for n in (d.name, *d.aliases)}
_NUMPY = {d.np: d for d in (*ALL, *FLOAT8)}
_BARE_UNSIGNED = (uint16, uint32, uint64)  # torch stores these, but promotes them with floats only
OF_PYTHON = {float: float64, int: int64, bool: bool_, complex: complex128}       # what Python's types mean as dtypes
_REAL = {NAMES["complex32"]: float16, complex64: float32, complex128: float64}
_COMPLEX = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}


class _Default:
    """The default floating dtype (torch.set_default_dtype)."""
    __slots__ = ("float",)

    def __init__(self) -> None:
        self.float = float32

    @property
    def complex(self) -> dtype:
        return self.float.to_complex()


default = _Default()


def get_default_dtype() -> dtype:
    """The floating dtype of new tensors that name none."""
    return default.float


def check_default(d: dtype) -> None:
    """TypeError unless `d` may be the default dtype."""
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    if d in FLOAT8:
        raise TypeError(f"couldn't find storage object {c_name(d)}Storage")


def from_numpy(np_dtype: Any) -> dtype:
    """The dtype of a numpy or jax dtype; TypeError where torch has none."""
    if isinstance(np_dtype, np.dtype) and not np_dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. Conversion between byte orders is "
                         "currently not supported.")
    found = _NUMPY.get(np.dtype(np_dtype))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{np.dtype(np_dtype).type.__name__}. "
            "The only supported types are: float64, float32, "
            "float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool.")
    return found


@cache
def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype of at least the kind and size of both (torch.promote_types)."""
    a, b = type1, type2
    if a is b:
        return a
    if a in FLOAT8 or b in FLOAT8:
        raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {c_name(a)} and {c_name(b)}")
    if a.category < b.category:
        a, b = b, a
    if a.category != FLOAT and (a in _BARE_UNSIGNED or b in _BARE_UNSIGNED):
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
                           f"{c_name(type1)} and {c_name(type2)}")
    if a.category != b.category:
        if a.category == COMPLEX and b.category == FLOAT:
            return promote_types(a, b.to_complex())
        return a
    if a.category == FLOAT:
        if {a, b} == {float16, bfloat16}:
            return float32
        return a if a.itemsize > b.itemsize else b
    if a.category == COMPLEX:
        return complex128
    if a.np.kind == b.np.kind:
        return a if a.itemsize > b.itemsize else b
    signed = a if a.np.kind == "i" else b  # the other one is uint8
    return signed if signed.itemsize > 1 else int16


def c_name(d: dtype) -> str:
    """The dtype as most of torch's messages print it: Float, Long, Bool."""
    return {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
            "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
            "complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(
                d.name, d.name.replace("uint", "UInt").replace("float8", "Float8"))


_C_TYPES = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "int16": "short int",
            "int8": "signed char", "uint8": "unsigned char", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
            "uint16": "short unsigned int", "uint32": "unsigned int", "uint64": "long unsigned int",
            "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}


def c_type(d: dtype) -> str:
    """The dtype by the name of its C type, which some of torch's messages print."""
    return _C_TYPES.get(d.name) or d.name.replace("float8", "c10::Float8")


def scalar_dtype(value: Any) -> dtype:
    """The dtype that torch gives to a Python number."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return default.float
    if isinstance(value, (complex, np.complexfloating)):
        return default.complex
    raise TypeError(f"a number is wanted, not {type(value).__name__}")


def result_dtype(operands: list[tuple[dtype, int]], scalars: list[Any]) -> dtype:
    """torch.result_type of tensors, given as (dtype, number of dimensions), and Python numbers.

    Tensors with dimensions decide; 0-dim tensors and then numbers matter only if their category is higher.
    """
    groups: list[dtype | None] = [None, None, None]
    for d, ndim in operands:
        k = 0 if ndim else 1
        groups[k] = d if groups[k] is None else promote_types(groups[k], d)
    for v in scalars:
        d = scalar_dtype(v)
        groups[2] = d if groups[2] is None else promote_types(groups[2], d)
    result = groups[0]
    for lower in groups[1:]:
        if lower is None:
            continue
        if result is None:
            result = lower
        elif lower.category > result.category:
            # a complex number beside a float tensor takes the tensor's precision: double gives complex128
            if result.category == FLOAT:
                result = result.to_complex()
            else:
                result = promote_types(result, lower) if result is bool_ else lower
    if result is None:
        raise TypeError("result_type needs at least one tensor or number")
    return result


def fitting(x: Any, to: dtype) -> Any:
    """Numbers about to become `to`, as torch fits them: e4m3fn has no infinity, e8m0fnu neither signs nor zero."""
    if to is float8_e4m3fn:
        return x.clip(-448, 448)
    return abs(x).clip(2.0 ** -127) if to is float8_e8m0fnu else x


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether torch's casting rules allow `from_` where `to` is wanted (kinds may only go up)."""
    for place, (name, given) in enumerate((("from_", from_), ("to", to)), 1):
        if not isinstance(given, dtype):
            raise TypeError(f"can_cast(): argument '{name}' (position {place}) must be torch.dtype, not {type(given).__name__}")
    if from_.is_complex and not to.is_complex:
        return False
    if from_.is_floating_point and to.category < FLOAT:
        return False
    return not (from_.category > BOOL and to is bool_)


def _wanted_dtype(function: str, given: Any) -> dtype:
    if not isinstance(given, dtype):
        raise TypeError(f"{function}(): argument 'type' (position 1) must be torch.dtype, not {type(given).__name__}")
    return given


class _Info:
    def __init__(self, type: dtype, info: Any) -> None:
        self.dtype, self.bits = type.name, info.bits

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.dtype == other.dtype     # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'torch.{type(self).__name__}' object has no attribute '{name}'")

    __hash__ = None     # type: ignore[assignment]


class finfo(_Info):
    """Numerical properties of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        d = _wanted_dtype("finfo", default.float if type is None else type).to_real()
        if d.category < FLOAT:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{d.name}'")
        info = ml_dtypes.finfo(d.np)
        super().__init__(d, info)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 1.0 if d in FLOAT8 else float(f"1e-{info.precision}")
        if d is float8_e5m2fnuz:        # so says torch
            self.eps = 0.125

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo(_Info):
    """Numerical properties of an integer dtype: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        if _wanted_dtype("iinfo", type) is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.category != INTEGER:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type.name}'")
        info = np.iinfo(type.np)
        super().__init__(type, info)
        self.max, self.min = int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
