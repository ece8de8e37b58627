"""torch.distributed.algorithms: of what is there for several processes, what has a meaning for one."""
from __future__ import annotations

from ...missing import missing

__getattr__ = missing("torch.distributed.algorithms", globals(), late={"join"})
