"""torch.fx.experimental: what libraries ask of PyTorch's tracer."""
from __future__ import annotations

from ...missing import missing

__getattr__ = missing("torch.fx.experimental", globals(), late={"proxy_tensor"})
