"""torch.ops beyond the table: namespaces of operators, torch.ops.aten among them, and libraries of C++ operators.

In: a name.  Out: a namespace; OSError for a library.
Source: https://docs.pytorch.org/docs/stable/library.html
"""
from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["load_library", "look_up"]

loaded_libraries: set[str] = set()


def load_library(path: Any) -> None:
    """OSError: operators in C++ belong to PyTorch's own runtime."""
    raise OSError(f"Could not load this library: {path}. torchish runs no C++ operators; torch.library.custom_op makes one of "
                  "Python")


HERE: dict[str, Callable | set] = {"load_library": load_library, "loaded_libraries": loaded_libraries}


def look_up(name: str) -> Any:
    """torch.ops.<name>: any name is a namespace, which may have no operators (yet)."""
    if name in HERE:
        return HERE[name]
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.ops' has no attribute '{name}'", name=name)
    return import_module(f"{__package__}.library.{'aten' if name == 'aten' else 'operators'}").namespace_of(name)
