"""torch.distributed._composable: the old path of what makes a module one of several processes."""
from __future__ import annotations

from ...missing import missing

__getattr__ = missing("torch.distributed._composable", globals(), late={"fsdp"})
