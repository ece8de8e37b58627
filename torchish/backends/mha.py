"""torch.backends.mha: the flag of a fast path of attention that only PyTorch has; it can be set and read."""
from __future__ import annotations

__all__ = ["get_fastpath_enabled", "set_fastpath_enabled"]

_enabled = True


def get_fastpath_enabled() -> bool:
    """The flag."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """Sets the flag."""
    global _enabled
    _enabled = value
