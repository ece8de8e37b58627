"""Switches and small helpers of torch: determinism, threads, checks, compile.

In: settings and conditions.  Out: what was set; errors.  XLA is deterministic on the CPU and schedules its own threads:
switches
are kept and told, and change nothing else unless they say so.
"""
from __future__ import annotations

import os
from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np

from .dtypes import INTEGER, bool_
from .sizes import Size
from .warned import once, warn

__all__ = ["are_deterministic_algorithms_enabled", "broadcast_shapes", "compile", "compiled_with_cxx11_abi",
           "get_deterministic_debug_mode",
           "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
           "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled", "set_deterministic_debug_mode",
           "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "set_num_threads",
           "set_warn_always", "use_deterministic_algorithms"]


COMPILE_MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")


class _Kept:
    """What was set."""
    deterministic = warn_only = False
    fill = True
    matmul = "highest"
    threads: int | None = None
    interop: int | None = None


_kept = _Kept()


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for deterministic algorithms. On the CPU XLA has no others; on GPUs see
    XLA_FLAGS=--xla_gpu_deterministic_ops=true.  `torch.empty` is filled with NaN then, or with the largest integer.
    """
    for name, value in (("'mode' (position 1)", mode), ("'warn_only'", warn_only)):
        if not isinstance(value, bool):
            raise TypeError(f"_set_deterministic_algorithms(): argument {name} must be bool, not {type(value).__name__}")
    _kept.deterministic, _kept.warn_only = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Whether deterministic algorithms were asked for."""
    return _kept.deterministic


def unfilled(dtype: Any) -> Any:
    """What memory that nothing was written to holds: 0; where deterministic algorithms were asked for, and
    `torch.utils.deterministic.fill_uninitialized_memory` is not False, NaN or the largest integer."""
    if not (_kept.deterministic and _kept.fill):
        return 0
    if dtype.category > INTEGER:
        return complex(nan, nan) if dtype.is_complex else nan
    return True if dtype is bool_ else int(np.iinfo(dtype.np).max)


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether only a warning was asked for."""
    return _kept.warn_only


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """0 or "default", 1 or "warn", 2 or "error"."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = {"default": 0, "warn": 1, "error": 2}
    if isinstance(debug_mode, str) and debug_mode not in names:
        raise RuntimeError(f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}")
    mode = names[debug_mode] if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """0: off, 1: warn, 2: error."""
    return 0 if not _kept.deterministic else 1 if _kept.warn_only else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Keeps "highest", "high" or "medium". Products of float32 are always computed in float32."""
    if precision in ("highest", "high", "medium"):
        _kept.matmul = precision
    else:
        warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has no "
             "effect.")


def get_float32_matmul_precision() -> str:
    """What was set."""
    return _kept.matmul


def _positive(name: str, num: Any) -> int:
    if not isinstance(num, int) or isinstance(num, bool):
        raise RuntimeError(f"{name} expects an int, but got {type(num).__name__}")
    if num >= 2 ** 63:
        raise ValueError("Overflow when unpacking long long")
    if num <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return num


def set_num_threads(num: int) -> None:
    """Keeps the number. XLA's thread pool is made once, of the cores the process may use: restrict those to restrict it."""
    _kept.threads = _positive("set_num_threads", num)


def get_num_threads() -> int:
    """The number that was set; else how many cores the process may use."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return _kept.threads or len(cores)


def set_num_interop_threads(num: int) -> None:
    """Keeps the number."""
    _kept.interop = _positive("set_num_interop_threads", num)


def get_num_interop_threads() -> int:
    """The number that was set; else that of get_num_threads."""
    return _kept.interop or get_num_threads()


def set_warn_always(b: bool, /) -> None:
    """Whether what torch warns of once in a process is told every time."""
    once.always = bool(b)


def is_warn_always_enabled() -> bool:
    """The flag."""
    return once.always


def set_flush_denormal(mode: bool) -> bool:
    """False: XLA decides by itself how it treats denormal numbers."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """True, as in every torch of today."""
    return True


def compile(model: Callable | None = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
            mode: str | None = None, options: dict | None = None, name: str | None = None, disable: bool = False,
            recompile_limit: int | None = None, isolate_recompiles: bool = False, shapes_spec: Any = None) -> Any:
    """`model` itself, a function or a module: everything is compiled already. Without a model, the decorator.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.compile.html
    """
    if model is not None and not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if mode is not None and mode not in COMPILE_MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(COMPILE_MODES)}")
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    return (lambda fn: fn) if model is None else model


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape to which all broadcast."""
    for s in shapes:
        if not isinstance(s, (int, tuple, list)):
            raise RuntimeError(f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {s}")
    given = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    result: list[int] = [1] * max(map(len, given), default=0)
    for k, shape in enumerate(given):
        for i in range(-1, -1 - len(shape), -1):
            if shape[i] in (1, result[i]):
                continue
            if result[i] != 1:
                raise RuntimeError(f"Attempting to broadcast a dimension of length {shape[i]} at {i}! Mismatching argument at "
                                   f"index "
                                   f"{k} had {shape}; but expected shape should be broadcastable to {result}")
            if shape[i] < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            result[i] = shape[i]
    return Size(result)
