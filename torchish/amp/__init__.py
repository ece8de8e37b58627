"""torch.amp: scaling of gradients for training in half precision.

In: losses, optimizers.  Out: scaled losses, steps that are left out where gradients overflow.
Source: https://docs.pytorch.org/docs/stable/amp.html
"""
from __future__ import annotations

from ..missing import missing
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "custom_bwd", "custom_fwd", "is_autocast_available"]


def is_autocast_available(device_type: str) -> bool:
    """False: types are what the program says."""
    return False


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """A decorator of a custom Function's forward that changes nothing."""
    return (lambda fn: fn) if fwd is None else fwd


def custom_bwd(bwd=None, *, device_type):
    """A decorator of a custom Function's backward that changes nothing."""
    return (lambda fn: fn) if bwd is None else bwd


__getattr__ = missing("torch.amp", globals())
