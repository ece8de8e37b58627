"""torch._dynamo.trace_rules: nothing is traced, so there are no rules; a path is written as they write it."""
from __future__ import annotations

import os
from pathlib import Path

from ..missing import missing

__all__: list[str] = []


def _as_posix_path(path: str) -> str:
    """`path` with its parts normalised and joined by "/", a "/" at its end kept."""
    return Path(os.path.normpath(path)).as_posix() + ("/" if path.endswith((os.path.sep, "/")) else "")


__getattr__ = missing("torch._dynamo.trace_rules", globals())
