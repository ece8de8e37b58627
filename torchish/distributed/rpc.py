"""torch.distributed.rpc: calls between processes, of which there is one.

In: nothing.  Out: that there are none, as a PyTorch built without them says.
"""
from __future__ import annotations

from ..missing import missing

__all__ = ["is_available"]


def is_available() -> bool:
    """False."""
    return False


__getattr__ = missing("torch.distributed.rpc", globals())
