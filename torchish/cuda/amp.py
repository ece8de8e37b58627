"""torch.cuda.amp: the older names of torch.amp."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..amp import autocast_mode as _mode
from ..amp.grad_scaler import GradScaler as _GradScaler
from ..dtypes import dtype as Dtype
from ..missing import missing
from ..warned import warn

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


def _deprecated(name: str, instead: str) -> None:
    warn(f"`torch.cuda.amp.{name}(args...)` is deprecated. Please use `torch.amp.{name}({instead})` instead.", FutureWarning)


class GradScaler(_GradScaler):
    """torch.amp.GradScaler("cuda"). Deprecated in torch."""

    def __init__(self, init_scale: float = 65536.0, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:
        _deprecated("GradScaler", "'cuda', args...")
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


class autocast(_mode.autocast):
    """torch.amp.autocast("cuda"). Deprecated in torch."""

    def __init__(self, enabled: bool = True, dtype: Dtype = dtypes.float16, cache_enabled: bool = True) -> None:
        _deprecated("autocast", "'cuda', args...")
        super().__init__("cuda", dtype, enabled, cache_enabled)


def custom_fwd(fwd: Callable | None = None, *, cast_inputs: Dtype | None = None) -> Callable:
    """torch.amp.custom_fwd for the accelerator. Deprecated in torch."""
    _deprecated("custom_fwd", "args..., device_type='cuda'")
    return functools.partial(_mode.custom_fwd, device_type="cuda")(fwd, cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Callable:
    """torch.amp.custom_bwd for the accelerator. Deprecated in torch."""
    _deprecated("custom_bwd", "args..., device_type='cuda'")
    return _mode.custom_bwd(bwd, device_type="cuda")


__getattr__ = missing("torch.cuda.amp", globals())
