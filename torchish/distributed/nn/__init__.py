"""torch.distributed.nn: collectives through which gradients flow; over one process each is its argument.

In: tensors.  Out: tensors that are part of the graph.
"""
from __future__ import annotations

from . import functional
from .functional import all_gather, all_reduce, all_to_all, broadcast, gather, reduce, reduce_scatter, scatter

__all__ = ["all_gather", "all_reduce", "all_to_all", "broadcast", "functional", "gather", "reduce", "reduce_scatter", "scatter"]
