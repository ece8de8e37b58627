"""torch.backends.mkldnn: XLA's CPU code does not use it."""
from __future__ import annotations

__all__ = ["enabled", "is_available"]

enabled = True


def is_available() -> bool:
    """False."""
    return False
