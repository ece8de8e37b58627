"""torch._inductor: `config`, which scripts set. What compiles is XLA."""
from __future__ import annotations

from ..missing import missing
from . import config

__all__ = ["config"]

__getattr__ = missing("torch._inductor", globals(), late={"utils"})
