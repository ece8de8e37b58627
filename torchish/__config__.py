"""torch.__config__: what this was built with.

In: nothing.  Out: texts.
"""
from __future__ import annotations

from importlib.metadata import version

import jax

from .settings import get_num_interop_threads, get_num_threads

__all__ = ["parallel_info", "show"]


def show() -> str:
    """The versions of what computes."""
    return f"PyTorch's interface over XLA, built with:\n  - JAX {version('jax')}\n  - devices: {jax.default_backend()}\n"


def parallel_info() -> str:
    """The numbers of threads that were set or found."""
    return (f"ATen/Parallel:\n\tat::get_num_threads() : {get_num_threads()}\n"
            f"\tat::get_num_interop_threads() : {get_num_interop_threads()}\n")


def _cxx_flags() -> str:
    """Nothing: no C++ of its own was compiled."""
    return ""
