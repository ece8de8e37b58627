"""torch.utils.cpp_extension: nothing is built here. A script that asks where the toolkits of CUDA and ROCm lie is told: nowhere.

Source: https://docs.pytorch.org/docs/stable/cpp_extension.html
"""
from __future__ import annotations

from ..missing import missing

__all__: list[str] = []

CUDA_HOME = ROCM_HOME = None

__getattr__ = missing("torch.utils.cpp_extension", globals())
