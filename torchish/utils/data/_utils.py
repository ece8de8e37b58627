"""torch.utils.data._utils: the path at which torch documents `collate` and `default_collate_fn_map`."""
from __future__ import annotations

import sys

from . import collate
from . import workers as worker

__all__ = ["collate", "worker"]

sys.modules[f"{__name__}.collate"], sys.modules[f"{__name__}.worker"] = collate, worker
