"""torch.distributed.autograd: backward through several processes, of which there is one.

In: nothing.  Out: that there are none, as a PyTorch built without them says.
"""
from __future__ import annotations

from ..missing import missing, reason

__all__ = ["context", "is_available"]


def is_available() -> bool:
    """False."""
    return False


class context:
    """Is refused: there is nobody to send gradients to."""

    def __enter__(self) -> int:
        raise NotImplementedError(f"torch.distributed.autograd.context: Out of scope: {reason('rpc')}")

    def __exit__(self, *_: object) -> None:
        """Nothing was entered."""


__getattr__ = missing("torch.distributed.autograd", globals())
