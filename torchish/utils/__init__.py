"""torch.utils: hooks of modules and optimizers, and `data`, which the name torch.utils gives without an import of its own."""
from __future__ import annotations

from . import _pytree, data, dlpack, hooks

__all__ = ["_pytree", "data", "dlpack", "hooks"]
