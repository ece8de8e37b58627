"""torch.distributed.elastic.multiprocessing: `errors.record`."""
from __future__ import annotations

from ....missing import missing
from . import errors

__all__ = ["errors"]
__getattr__ = missing("torch.distributed.elastic.multiprocessing", globals())
