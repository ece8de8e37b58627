"""functorch.experimental.control_flow: cond and map, as torch has them now."""
from __future__ import annotations

from ..._higher_order_ops import cond, map

__all__ = ["cond", "map"]
