"""torch.distributed.checkpoint: files that several processes write together. There is one process: `torch.save` writes a file."""
from __future__ import annotations

from ...missing import missing
from ..one_process import refusing

__all__ = ["load", "save"]

load, save = refusing("load"), refusing("save")

__getattr__ = missing("torch.distributed.checkpoint", globals(), late={"hf_storage"})
