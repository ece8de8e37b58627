"""The namespace that composites compute with: every public function by name, filled once when the facade is put together."""
from __future__ import annotations

from types import SimpleNamespace

__all__ = ["namespace"]

namespace = SimpleNamespace()
