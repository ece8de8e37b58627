"""torch.backends: switches of libraries that XLA does not use; they can be set and read, and change nothing.

In: settings.  Out: the same.
Source: https://docs.pytorch.org/docs/stable/backends.html
"""
from __future__ import annotations

from ..missing import missing
from . import cpu, cuda, cudnn, mha, mkl, mkldnn, mps, openmp, opt_einsum, quantized, xnnpack

__all__ = ["cpu", "cuda", "cudnn", "disable_global_flags", "fp32_precision", "mha", "mkl", "mkldnn", "mps", "openmp",
           "opt_einsum", "quantized", "xnnpack"]

fp32_precision = "none"


def disable_global_flags() -> None:
    """Nothing: the switches may always be set, since they change nothing."""


__getattr__ = missing("torch.backends", globals())
