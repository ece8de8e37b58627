"""torch.distributed.checkpoint.hf_storage: safetensors files that several processes read and write together.

In: what a library asks of one.  Out: NotImplementedError, with what there is instead.
"""
from __future__ import annotations

from ...missing import missing
from ..one_process import refusing

__all__ = ["HuggingFaceStorageReader", "HuggingFaceStorageWriter"]

HuggingFaceStorageReader, HuggingFaceStorageWriter = refusing("HuggingFaceStorageReader"), refusing("HuggingFaceStorageWriter")

__getattr__ = missing("torch.distributed.checkpoint.hf_storage", globals())
