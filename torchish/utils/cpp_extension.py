"""torch.utils.cpp_extension: nothing is built here. A script that asks where the toolkits of CUDA and ROCm lie is told: nowhere.

In: sources.  Out: RuntimeError, which libraries that can do without their extension expect of a machine without a compiler.

Source: https://docs.pytorch.org/docs/stable/cpp_extension.html
"""
from __future__ import annotations

from typing import Any

from ..missing import missing

__all__ = ["load", "load_inline"]

CUDA_HOME = ROCM_HOME = None


def load(name: str, *sources: Any, **options: Any) -> Any:
    """RuntimeError: there is no C++ of PyTorch's to build against."""
    raise RuntimeError(f"Error building extension '{name}': C++ extensions belong to PyTorch's own runtime")


load_inline = load

__getattr__ = missing("torch.utils.cpp_extension", globals())
