"""functorch.einops: dimensions rearranged by names, as torch.func has it."""
from __future__ import annotations

from ..func.rearrange import rearrange

__all__ = ["rearrange"]
