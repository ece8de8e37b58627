"""torch.backends.cpu: what the CPU can do."""
from __future__ import annotations

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """DEFAULT: XLA finds the instructions of the machine by itself."""
    return "DEFAULT"
