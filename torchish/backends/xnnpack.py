"""torch.backends.xnnpack: XLA's CPU code has no switch for it."""
from __future__ import annotations

__all__ = ["enabled"]

enabled = False
