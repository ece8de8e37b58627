"""torch.backends.mha: the flag of PyTorch's fast path of attention; there is one path here.

Without the flag an nn.TransformerEncoder in evaluation gives padding no zeros, as in PyTorch.
"""
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
