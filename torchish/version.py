"""torch.version: which torch is spoken, and what it was built for."""
from __future__ import annotations

__all__ = ["cuda", "debug", "git_version", "hip", "xpu"]

__version__ = "2.13.0+torchish0.1.0"
debug = False
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
git_version = "unknown"
