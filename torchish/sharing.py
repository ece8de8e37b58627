"""Which tensor owns the memory that a tensor sees.

In: a tensor, the view that it has of another one.  Out: the owner, also after the tensor that was viewed has gone to other memory.
"""
from __future__ import annotations

from typing import Any

__all__ = ["Sharing", "View", "storage_of", "storage_owner"]


class Sharing:
    """What the views of a tensor have in common while it owns one memory.

    moved: once the tensor shows other memory, how they see the one that has theirs now; version -1: their values are not those.
    Views alone keep it alive once the tensor has moved.
    """
    __slots__ = ("moved", "__weakref__")

    def __init__(self) -> None:
        self.moved: View | None = None


class View:
    """How a tensor sees its base: `chain` of (op, attribute values, which result), and the base's version it has seen.

    quiet: it came by `.data`, so what is written through it does not count in the `_version` that users (and saved tensors) see.
    """
    __slots__ = ("base", "chain", "version", "sharing", "quiet")

    def __init__(self, base: Any, chain: tuple, version: int, sharing: Sharing, quiet: bool = False) -> None:
        self.base, self.chain, self.version, self.sharing, self.quiet = base, chain, version, sharing, quiet


def _owner(view: View) -> Any:
    """The tensor that owns the storage, where the base of `view` has gone to other memory."""
    while (moved := view.sharing.moved) is not None:
        view.base, view.chain, view.sharing = moved.base, moved.chain + view.chain, moved.sharing
        if moved.version < 0:
            view.version = -1
    return view.base


def storage_owner(x: Any) -> Any:
    """The tensor that owns the storage of the view `x`."""
    return x._view.base if x._view.sharing.moved is None else _owner(x._view)


def storage_of(x: Any) -> Any:
    """The tensor that owns the storage of `x`: itself where it is no view."""
    return x if x._view is None else storage_owner(x)
