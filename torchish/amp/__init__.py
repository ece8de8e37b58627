"""torch.amp: regions of lower precision, and scaling of gradients for training in half precision.

In: losses, optimizers, device types.  Out: modes of recording; scaled losses, steps that are left out where gradients overflow.
Source: https://docs.pytorch.org/docs/stable/amp.html
"""
from __future__ import annotations

from ..missing import missing
from . import autocast_mode, grad_scaler
from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler", "is_autocast_available"]

__getattr__ = missing("torch.amp", globals())
