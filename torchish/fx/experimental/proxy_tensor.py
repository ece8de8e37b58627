"""torch.fx.experimental.proxy_tensor: whether PyTorch's tracer is at work. There is none."""
from __future__ import annotations

from ...missing import missing

__all__ = ["get_proxy_mode"]


def get_proxy_mode() -> None:
    """None: nothing is traced."""


__getattr__ = missing("torch.fx.experimental.proxy_tensor", globals())
