"""torch.backends.opt_einsum: orders of contraction are always optimised."""
from __future__ import annotations

__all__ = ["enabled", "is_available", "strategy"]

enabled = True
strategy = "auto"


def is_available() -> bool:
    """True: JAX brings it."""
    return True
