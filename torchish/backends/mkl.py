"""torch.backends.mkl: XLA's CPU code does not use it."""
from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False."""
    return False
