"""torch.autocast: regions in which ops choose their precision.

In: a device type, a dtype.  Out: entries recorded in that mode; which ops do what says their declaration (`autocast=`).
Source: https://docs.pytorch.org/docs/stable/amp.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..devices import cuda_is_available
from ..devices import device as Device
from ..dtypes import dtype as Dtype
from ..tape import state
from ..warned import warn

__all__ = ["autocast", "autocast_decrement_nesting", "autocast_increment_nesting", "clear_autocast_cache", "custom_bwd",
           "custom_fwd", "get_autocast_cpu_dtype", "get_autocast_dtype", "get_autocast_gpu_dtype", "is_autocast_available",
           "is_autocast_cache_enabled", "is_autocast_cpu_enabled", "is_autocast_enabled", "set_autocast_cache_enabled",
           "set_autocast_cpu_dtype", "set_autocast_cpu_enabled", "set_autocast_dtype", "set_autocast_enabled",
           "set_autocast_gpu_dtype"]

DEFAULTS = {"cpu": dtypes.bfloat16, "xla": dtypes.bfloat16} | dict.fromkeys(
    ("cuda", "xpu", "mps", "mtia", "maia", "ipu", "hpu", "privateuseone"), dtypes.float16)
SUPPORTED = (dtypes.bfloat16, dtypes.float16)


class _Kept:
    """What was set: the dtype of each device's regions, whether casts are kept (they are never computed twice here)."""

    def __init__(self) -> None:
        self.dtypes = dict(DEFAULTS)
        self.cache = True
        self.nesting = 0


_kept = _Kept()


def _known(device_type: Any) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in DEFAULTS:
        Device(device_type)         # refuses what is no device at all
        raise RuntimeError("unknown device type for autocast in get_autocast_dispatch_key_from_device_type")
    return device_type


def _switch(device_type: str, enabled: bool, dtype: Dtype) -> None:
    """Makes the mode of the tape say that regions of this device are on (in this dtype) or off."""
    tape = state.tape
    found = dict(tape.autocast or ())
    found.pop(device_type, None)
    if enabled:
        found[device_type] = dtype
    mode = tuple(sorted(found.items(), key=lambda item: item[0])) or None
    if mode != tape.autocast:
        tape.set_mode(tape.grad, mode, tape.extra)


def is_autocast_available(device_type: str) -> bool:
    """Whether the device type has regions at all; torch's error for what is no device."""
    if not isinstance(device_type, str):
        raise TypeError("_is_autocast_available(): argument 'device_type' (position 1) must be str, not "
                        f"{type(device_type).__name__}")
    return device_type.partition(":")[0] in DEFAULTS or Device(device_type).type in DEFAULTS


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether ops of this device choose their precision now."""
    return device_type in dict(state.tape.autocast or ())


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switches for a device type; with one argument for the accelerator."""
    kind, on = ("cuda", device_type) if enabled is None else (_known(device_type), enabled)
    _switch(kind, bool(on), _kept.dtypes[kind])


def get_autocast_dtype(device_type: str) -> Dtype:
    """The dtype of the regions of a device type."""
    kind = _known(device_type)
    return dict(state.tape.autocast or ()).get(kind, _kept.dtypes[kind])


def set_autocast_dtype(device_type: str, dtype: Dtype) -> None:
    """Sets the dtype of the regions of a device type."""
    kind = _known(device_type)
    _kept.dtypes[kind] = dtype
    _switch(kind, is_autocast_enabled(kind), dtype)


def get_autocast_cpu_dtype() -> Dtype:
    """get_autocast_dtype("cpu")."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> Dtype:
    """get_autocast_dtype("cuda")."""
    return get_autocast_dtype("cuda")


def set_autocast_cpu_dtype(dtype: Dtype) -> None:
    """set_autocast_dtype("cpu", dtype)."""
    set_autocast_dtype("cpu", dtype)


def set_autocast_gpu_dtype(dtype: Dtype) -> None:
    """set_autocast_dtype("cuda", dtype)."""
    set_autocast_dtype("cuda", dtype)


def is_autocast_cpu_enabled() -> bool:
    """is_autocast_enabled("cpu")."""
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """set_autocast_enabled("cpu", enabled)."""
    set_autocast_enabled("cpu", enabled)


def is_autocast_cache_enabled() -> bool:
    """What was set; the compiler sees to it that nothing is cast twice."""
    return _kept.cache


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Keeps the setting."""
    _kept.cache = bool(enabled)


def clear_autocast_cache() -> None:
    """Nothing: there is no cache."""


def autocast_increment_nesting() -> int:
    """One region more; returns how many there are."""
    _kept.nesting += 1
    return _kept.nesting


def autocast_decrement_nesting() -> int:
    """One region less; returns how many there are."""
    _kept.nesting -= 1
    return _kept.nesting


class autocast:
    """A region, as a context or a decorator, in which ops of a device choose the dtype they compute in.

    Errors: RuntimeError for a device type without regions; a dtype that the device has none for warns and switches off.
    """

    def __init__(self, device_type: str, dtype: Dtype | None = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        self.device, self._enabled = _known(device_type), bool(enabled)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _kept.cache if cache_enabled is None else cache_enabled
        if device_type == "cuda" and self._enabled and not cuda_is_available():
            warn("CUDA is not available or torch_xla is imported. Disabling autocast.")
            self._enabled = False
        if self._enabled and device_type == "cpu" and self.fast_dtype not in SUPPORTED:
            warn("In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast only supports "
                 f"dtypes of {', '.join(map(str, SUPPORTED))} currently.")
            self._enabled = False
        self._before: list[tuple] = []

    def __enter__(self) -> autocast:
        self._before.append((dict(state.tape.autocast or ()).get(self.device), _kept.dtypes[self.device], _kept.cache))
        _kept.dtypes[self.device], _kept.cache = self.fast_dtype, self._cache_enabled
        autocast_increment_nesting()
        _switch(self.device, self._enabled, self.fast_dtype)
        return self

    def __exit__(self, *_: object) -> None:
        active, _kept.dtypes[self.device], _kept.cache = self._before.pop()
        autocast_decrement_nesting()
        _switch(self.device, active is not None, active)     # type: ignore[arg-type]

    def __call__(self, func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)
        return wrapped


def _cast(value: Any, kind: str, dtype: Dtype) -> Any:
    """Floating tensors (except double) of the device type in `value` as another dtype, through dicts, lists and tuples."""
    if hasattr(value, "_node"):
        eligible = value.is_floating_point() and value.device.type == kind and value.dtype is not dtypes.float64
        return value.to(dtype) if eligible else value
    if isinstance(value, dict):
        return {_cast(k, kind, dtype): _cast(v, kind, dtype) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_cast(v, kind, dtype) for v in value]) if not hasattr(value, "_fields") else \
            type(value)(*[_cast(v, kind, dtype) for v in value])
    return value


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: Dtype | None = None) -> Callable:
    """A decorator of a custom Function's forward: it runs in the current mode, or, with `cast_inputs`, on tensors cast to that
    dtype with the region switched off.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        context, rest = args[0], args[1:]
        context._dtype, active = get_autocast_dtype(device_type), is_autocast_enabled(device_type)
        context._fwd_used_autocast = active and cast_inputs is None
        if cast_inputs is None or not active:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(context, *_cast(rest, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))
    return decorated


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """A decorator of a custom Function's backward: it runs in the mode in which the forward ran."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)
    return decorated
