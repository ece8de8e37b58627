"""torch.cpu.amp: the older names of torch.amp."""
from __future__ import annotations

from .. import dtypes
from ..amp import autocast_mode as _mode
from ..amp.grad_scaler import GradScaler as _GradScaler
from ..dtypes import dtype as Dtype
from ..missing import missing
from ..warned import warn

__all__ = ["GradScaler", "autocast"]


def _deprecated(name: str) -> None:
    warn(f"`torch.cpu.amp.{name}(args...)` is deprecated. Please use `torch.amp.{name}('cpu', args...)` instead.", FutureWarning)


class autocast(_mode.autocast):
    """torch.amp.autocast("cpu"). Deprecated in torch."""

    def __init__(self, enabled: bool = True, dtype: Dtype = dtypes.bfloat16, cache_enabled: bool = True) -> None:
        _deprecated("autocast")
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """torch.amp.GradScaler("cpu"). Deprecated in torch."""

    def __init__(self, init_scale: float = 65536.0, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:
        _deprecated("GradScaler")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


__getattr__ = missing("torch.cpu.amp", globals())
