"""torch._logging.scribe: reports on PyTorch's own test machines; there is nobody here to send one to."""
from __future__ import annotations

from typing import Any

__all__ = ["open_source_signpost"]


def open_source_signpost(**fields: Any) -> None:
    """Nothing."""
