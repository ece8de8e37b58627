"""torch.distributed.tensor.experimental: contexts for tensors on several processes, of which there are none.

In, out: nothing.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...missing import missing

__all__ = ["implicit_replication"]


@contextmanager
def implicit_replication() -> Iterator[None]:
    """Changes nothing: one process has the whole of every tensor."""
    yield


__getattr__ = missing("torch.distributed.tensor.experimental", globals())
