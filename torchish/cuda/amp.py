"""torch.cuda.amp: the older names of torch.amp."""
from __future__ import annotations

from ..amp.grad_scaler import GradScaler as _GradScaler
from ..missing import missing

__all__ = ["GradScaler", "custom_bwd", "custom_fwd"]


class GradScaler(_GradScaler):
    """torch.amp.GradScaler("cuda")."""

    def __init__(self, init_scale: float = 65536.0, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


def custom_fwd(fwd=None, *, cast_inputs=None):
    """A decorator of a custom Function's forward that changes nothing."""
    return (lambda fn: fn) if fwd is None else fwd


def custom_bwd(bwd):
    """`bwd` itself."""
    return bwd


__getattr__ = missing("torch.cuda.amp", globals())
