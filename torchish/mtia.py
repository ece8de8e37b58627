"""torch.mtia: Meta's accelerators under a name of their own, of which there are none: JAX's accelerator is called "cuda".

In: questions.  Out: False, 0; RuntimeError as of a torch built without them.
Source: https://docs.pytorch.org/docs/stable/mtia.html
"""
from __future__ import annotations

from .missing import missing

__all__ = ["device_count", "is_available", "is_initialized", "synchronize"]


def is_available() -> bool:
    """False."""
    return False


is_initialized = is_available


def device_count() -> int:
    """0."""
    return 0


def synchronize() -> None:
    """RuntimeError."""
    raise RuntimeError("Cannot execute getCurrentDevice() without MTIA backend. JAX's accelerator is called 'cuda'")


__getattr__ = missing("torch.mtia", globals())
