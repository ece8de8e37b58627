"""torch.backends.mkldnn: XLA's CPU code does not use it."""
from __future__ import annotations

from types import SimpleNamespace

__all__ = ["conv", "deterministic", "enabled", "is_available", "matmul", "rnn"]

enabled = True
deterministic = False
conv, matmul, rnn = (SimpleNamespace(fp32_precision="none") for _ in range(3))


def is_available() -> bool:
    """False."""
    return False
