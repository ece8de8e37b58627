"""torch.nn.attention: the choice of a kernel for scaled dot product attention.

In: the kernels a user allows.  Out: a context in which nothing changes but what is asked of the flags: XLA makes its own kernel.
Source: https://docs.pytorch.org/docs/stable/nn.attention.html
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(Enum):
    """The kernels that PyTorch chooses from."""
    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __int__(self) -> int:
        return self.value

    __index__ = __int__


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Accepts a choice of kernels; there is one, which XLA makes, so the choice has no effect.

    Differs from torch: `sdpa_kernel(SDPBackend.ERROR)` does not make attention fail.
    """
    given = backends if isinstance(backends, Iterable) and not isinstance(backends, str) else [backends]
    for backend in given:
        if not isinstance(backend, SDPBackend):
            raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
                                 f"{type(backend).__name__}")
    yield
