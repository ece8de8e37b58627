"""Integer-valued fills: random_, randint, randperm.

In: an Engine, a shape, a dtype, bounds.  Out: numpy arrays with torch's bits.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..warned import warn
from .common import BFLOAT16, NARROW, Shape, as_numpy, c_type, count, unsupported
from .engine import Engine

__all__ = ["random", "randint", "randperm"]

WIDE = 1 << 28                  # from this range on, a value takes two draws
SERIAL = 500                    # below this, swapping in a Python loop is quicker
LONG = 214748364                # from this length on, randperm draws 64 bits a step
_DIGITS = {np.dtype(np.float32): 24, np.dtype(np.float64): 53, np.dtype(np.float16): 11, BFLOAT16: 8}
_LONGEST = {np.dtype(np.float16): (2049, "2049", "Half"), np.dtype(np.float32): (2 ** 24 + 1, "2^24+1", "Float"),
            np.dtype(np.float64): (2 ** 53 + 1, "2^53+1", "Double")}       # permutations
_NO_KERNEL = frozenset(map(np.dtype, (np.uint16, np.uint32, np.uint64)))


def _to(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """int64 values as `kind` (through float32 to the half types)."""
    return values.astype(np.float32).astype(kind) if kind in NARROW else values.astype(kind, copy=False)


def _modulo(engine: Engine, n: int, span: int, wide: bool) -> np.ndarray:
    """n draws modulo span, int64 (64-bit wrap-around)."""
    if wide:
        values = engine.draw64(n)
        return (values % np.uint64(span) if span < 1 << 64 else values).view(np.int64)
    return (engine.draw32(n) % np.uint32(span)).astype(np.int64)


def random(engine: Engine, shape: Shape, dtype: Any, low: int | None = None, high: int | None = None) -> np.ndarray:
    """random_(): the whole range of the dtype; random_(low, None): from low up; with both, randint."""
    kind = as_numpy(dtype)
    if low is not None and high is not None:
        return randint(engine, shape, kind, low, high)
    n = count(shape)
    if low is None:
        if kind.kind == "c" or kind in _NO_KERNEL:
            raise unsupported("random_kernel_cpu", kind)
        span = _span_all(kind)
        return _to(_modulo(engine, n, span, kind.itemsize == 8), kind).reshape(shape)
    if kind.kind == "c":
        raise RuntimeError("random_from_to_impl handles only integral, floating-point and boolean types")
    if low == -2 ** 63:
        if kind not in (np.int64, np.float32, np.float64, BFLOAT16):
            raise RuntimeError("random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16")
        return _to(engine.draw64(n).view(np.int64), kind).reshape(shape)
    top = 1 << _DIGITS[kind] if kind in _DIGITS else 1 if kind == np.bool_ else int(np.iinfo(kind).max)
    if kind in _DIGITS:
        low = _nudged_low(low, kind)
    _check_range(kind, low, min(top + 1, 2 ** 64))
    span = top - low + 1
    return _to(_modulo(engine, n, span, span >= WIDE) + np.int64(low), kind).reshape(shape)


def _span_all(kind: np.dtype) -> int:
    if kind in _DIGITS:
        return (1 << _DIGITS[kind]) + 1
    return 2 if kind == np.bool_ else int(np.iinfo(kind).max) + 1


def randint(engine: Engine, shape: Shape, dtype: Any, low: int, high: int) -> np.ndarray:
    """random_(low, high), randint: integers of [low, high); one draw each, two where high - low >= 2^28."""
    kind = as_numpy(dtype)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.kind == "c":
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    if kind in _DIGITS:
        low, high = _nudged_low(low, kind), _nudged_high(high, kind)
        if low >= high:
            raise RuntimeError("random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
                               f"from={low} >= to={high}")
    _check_range(kind, low, high)
    span = high - low
    if kind == np.int64 and span < WIDE and -2 ** 62 < low < 2 ** 62:       # the usual case, kept short
        values = (engine.draw32(count(shape)) % np.uint32(span)).astype(np.int64)
        if low:
            values += low
        return values.reshape(shape)
    return _to(_modulo(engine, count(shape), span, span >= WIDE) + np.int64(low), kind).reshape(shape)


def _check_range(kind: np.dtype, low: int, high: int) -> None:
    """torch's error for bounds outside the dtype, its warning for bounds a floating dtype cannot count."""
    if kind in _DIGITS:
        bottom, top = (-65504, 65504) if kind == np.float16 else (-2 ** 127, 2 ** 127)
    elif kind == np.bool_:
        bottom, top = 0, 1
    else:
        bottom, top = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not bottom <= value <= top:
            raise RuntimeError(f"{name} is out of bounds for {c_type(kind)}")
        digits = _DIGITS.get(kind)
        if digits is not None and not -(1 << digits) <= value <= 1 << digits:
            warn(f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
                 f"{c_type(kind)} can support discrete uniform distribution only within this range. "
                 "This warning will become an error in version 1.7 release, please fix the code in advance")


def _representable(value: int, kind: np.dtype) -> int:
    with np.errstate(over="ignore"):
        near = float(_to(np.array(value, np.int64), kind))
    return int(near) if abs(near) < 2.0 ** 63 else value


def _step(value: int, kind: np.dtype) -> int:
    return 1 << max(abs(value).bit_length() - _DIGITS[kind], 0)


def _nudged_low(low: int, kind: np.dtype) -> int:
    near = _representable(low + 1, kind)
    return near + _step(low + 1, kind) if near < low else low


def _nudged_high(high: int, kind: np.dtype) -> int:
    near = _representable(high - 1, kind)
    return near - _step(high - 1, kind) if near >= high else high


# -- randperm

def randperm(engine: Engine, n: int, dtype: Any = np.int64) -> np.ndarray:
    """A permutation of 0..n-1 by Fisher-Yates swaps; n - 1 draws."""
    kind = as_numpy(dtype)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if kind.kind in "bc" or kind in _NO_KERNEL:
        raise unsupported("randperm", kind)
    _check_length(n, kind)
    if n < 2:
        return np.zeros(n, kind)
    if n >= LONG:
        return _inside_out(engine, n).astype(kind, copy=False)
    if n < SERIAL:
        order = list(range(n))
        for i, draw in enumerate(engine.raw(n - 1).tolist()):
            k = i + draw % (n - i)
            order[i], order[k] = order[k], order[i]
        return np.array(order, kind)
    return _to(_shuffled(engine.draw32(n - 1), n), kind)


def _check_length(n: int, kind: np.dtype) -> None:
    if kind in _LONGEST:
        longest, shown, name = _LONGEST[kind]
        if n > longest:
            raise RuntimeError(f"n cannot be greater than {shown} for {name} type.")
    elif kind != BFLOAT16 and n - 1 > np.iinfo(kind).max:
        raise RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow")


def _shuffled(draws: np.ndarray, n: int) -> np.ndarray:
    """The swaps r[i], r[t[i]] for i = 0..n-2 all at once: each chain of swaps is followed to its root by doubling."""
    steps = np.arange(n - 1, dtype=np.int64)
    target = steps + draws % (n - steps).astype(np.uint32)
    order = np.sort((target << 28 | steps).view(np.uint64)).view(np.int64)      # n < 2^28
    step, place = order & ((1 << 28) - 1), order >> 28
    same = place[1:] == place[:-1]
    previous = np.full(n - 1, -1, np.int64)     # the step before i with the same target
    previous[step[1:][same]] = step[:-1][same]
    root = np.arange(n, dtype=np.int64)         # the last step before p that put something at p, else p
    ends = np.append(~same, True)
    last, where = step[ends], place[ends]
    own = last == where
    root[where[~own]] = last[~own]
    before = previous[last[own]]
    root[where[own]] = np.where(before >= 0, before, where[own])
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    out = np.empty(n, np.int64)
    out[:-1] = np.where(previous >= 0, root[previous], target)
    out[-1] = root[-1]
    return out


def _inside_out(engine: Engine, n: int) -> np.ndarray:
    """The long form: r[i] = r[z], r[z] = i with 64-bit draws."""
    out = np.arange(n, dtype=np.int64)
    for start in range(0, n, 1 << 20):
        stop = min(n, start + (1 << 20))
        places = engine.draw64(stop - start) % np.arange(start + 1, stop + 1, dtype=np.uint64)
        for i, z in enumerate(places.tolist(), start):
            out[i] = out[z]
            out[z] = i
    return out
