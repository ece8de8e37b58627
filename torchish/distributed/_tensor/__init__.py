"""torch.distributed._tensor: the old path of torch.distributed.tensor."""
from __future__ import annotations

from ...missing import missing
from ..tensor import *  # noqa: F403

__getattr__ = missing("torch.distributed._tensor", globals(), late={"experimental"})
