"""torch.nn.attention: the choice of a kernel for scaled dot product attention, and biases that say how they hide keys.

In: the kernels a user allows.  Out: a context in which only calls are taken that those kernels of PyTorch's would take; what
computes them is always XLA's own.
Source: https://docs.pytorch.org/docs/stable/nn.attention.html
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from ...missing import missing
from ...ops.attention import KERNELS

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


_backend_names = {"cudnn": "CUDNN_ATTENTION", "flash": "FLASH_ATTENTION", "mem_efficient": "EFFICIENT_ATTENTION", "math": "MATH",
                  "overrideable": "OVERRIDEABLE"}
_priority = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH, SDPBackend.CUDNN_ATTENTION,
             SDPBackend.OVERRIDEABLE]


def _cur_sdpa_kernel_backends(with_priority: bool = False) -> list[SDPBackend]:
    """The kernels allowed now; the most wanted first, if `with_priority`."""
    allowed = [SDPBackend[backend] for kind, backend in _backend_names.items() if KERNELS[kind]]
    return sorted(allowed, key=_priority.index) if with_priority else allowed


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """Allows these kernels only: a call that none of them takes is refused, as PyTorch refuses it on the CPU.

    Raises AssertionError where `backends` is neither a list nor one of SDPBackend.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
                             f"{type(backends).__name__}")
    wanted = list(dict.fromkeys([backends] if isinstance(backends, SDPBackend) else backends))
    flags, order = dict(KERNELS), list(_priority)
    KERNELS.update({kind: SDPBackend[backend] in wanted for kind, backend in _backend_names.items()})
    if set_priority:
        _priority[:] = [*wanted, *(backend for backend in order if backend not in wanted)]
    try:
        yield {}
    finally:
        KERNELS.update(flags)
        _priority[:] = order


__getattr__ = missing("torch.nn.attention", globals(), late={"bias", "flex_attention"})
