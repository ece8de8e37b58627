"""torch.backends.cudnn: flags that can be set; XLA chooses its own algorithms."""
from __future__ import annotations

from contextlib import AbstractContextManager
from types import SimpleNamespace

from ..devices import cuda_is_available
from .switches import switched

__all__ = ["allow_tf32", "benchmark", "benchmark_limit", "conv", "depthwise_kernel", "deterministic", "enabled", "flags",
           "fp32_precision", "is_available", "rnn", "version"]

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True
fp32_precision = "none"
depthwise_kernel = "auto"
conv, rnn = SimpleNamespace(fp32_precision="tf32"), SimpleNamespace(fp32_precision="tf32")


def is_available() -> bool:
    """Whether there is an accelerator."""
    return cuda_is_available()


def version() -> int | None:
    """None: what JAX was built with is not told."""
    return None


def flags(enabled: bool = False, benchmark: bool = False, benchmark_limit: int = 10, deterministic: bool = False,
          allow_tf32: bool = True, fp32_precision: str = "none",
          depthwise_kernel: str = "auto") -> AbstractContextManager[None]:
    """The flags set inside, and back afterwards."""
    return switched(globals(), enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit, deterministic=deterministic,
                    allow_tf32=allow_tf32, fp32_precision=fp32_precision,
                    depthwise_kernel=depthwise_kernel)
