"""torch.utils._import_utils: whether a module can be imported, without importing it."""
from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__: list[str] = []


def _check_module_exists(name: str) -> bool:
    """Whether there is a module `name`; False, too, where a package that it lies in is missing or cannot be imported."""
    try:
        return find_spec(name) is not None
    except ImportError:
        return False


def import_dill() -> Any:
    """The module `dill`, which pickles more than pickle; None where it is not installed."""
    return import_module("dill") if _check_module_exists("dill") else None
