"""torch._inductor.utils: the names of accelerators."""
from __future__ import annotations

from ..missing import missing

__all__: list[str] = []

GPU_TYPES = ["cuda", "mps", "xpu", "mtia"]

__getattr__ = missing("torch._inductor.utils", globals())
