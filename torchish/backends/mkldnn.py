"""torch.backends.mkldnn: XLA's CPU code does not use it."""
from __future__ import annotations

from contextlib import AbstractContextManager
from types import SimpleNamespace

from .switches import switched

__all__ = ["allow_tf32", "conv", "deterministic", "enabled", "flags", "fp32_precision", "is_available", "matmul", "rnn"]

enabled = True
deterministic = False
allow_tf32: bool | None = None
fp32_precision = "none"
conv, matmul, rnn = (SimpleNamespace(fp32_precision="none") for _ in range(3))


def is_available() -> bool:
    """False."""
    return False


def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True,
          fp32_precision: str = "none") -> AbstractContextManager[None]:
    """The flags set inside, and back afterwards."""
    return switched(globals(), enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32, fp32_precision=fp32_precision)
