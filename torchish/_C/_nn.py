"""torch._C._nn: how PyTorch reads the arguments of `to`.

In: the arguments of `Tensor.to` or `Module.to`.  Out: (device, dtype, non_blocking, memory_format).
"""
from __future__ import annotations

from typing import Any

from ..convert import parse_to
from ..devices import device as Device
from ..missing import missing

__all__ = ["_parse_to"]


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format): None for what is not said. TypeError for other arguments."""
    dtype, device, _, layout = parse_to(args, kwargs)
    flags = [a for a in args if isinstance(a, bool)]
    return None if device is None else Device(device), dtype, kwargs.get("non_blocking", flags[0] if flags else False), layout


__getattr__ = missing("torch._C._nn", globals())
