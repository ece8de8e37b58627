"""torch._utils_internal: where a test may write.

In: a path.  Out: a path.
"""
from __future__ import annotations

import os
import tempfile

from .missing import missing

__all__: list[str] = []


def get_writable_path(path: str) -> str:
    """`path` where this process may write there, else a new temporary folder."""
    return path if os.access(path, os.W_OK) else tempfile.mkdtemp(suffix=os.path.basename(path))


__getattr__ = missing("torch._utils_internal", globals())
