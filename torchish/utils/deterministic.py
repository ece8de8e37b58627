"""torch.utils.deterministic: a switch about memory that XLA never leaves unfilled."""
from __future__ import annotations

__all__ = ["fill_uninitialized_memory"]

fill_uninitialized_memory = True
