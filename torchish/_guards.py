"""torch._guards: whether PyTorch's tracer is at work. There is none."""
from __future__ import annotations

from .missing import missing

__all__ = ["active_fake_mode", "detect_fake_mode"]


def active_fake_mode() -> None:
    """None: nothing is traced."""


def detect_fake_mode(inputs: object = None) -> None:
    """None: nothing is traced."""


__getattr__ = missing("torch._guards", globals())
