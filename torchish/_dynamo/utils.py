"""torch._dynamo.utils: what libraries ask of PyTorch's compiler.

In: the name of a device.  Out: whether there is such a compiler.
"""
from __future__ import annotations

from ..missing import missing

__all__ = ["is_compile_supported"]


def is_compile_supported(device_type: str) -> bool:
    """False: torch.compile returns what it is given."""
    return False


__getattr__ = missing("torch._dynamo.utils", globals())
