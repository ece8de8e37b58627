"""torch.layout and torch.memory_format: names for how elements lie in memory.

In: nothing.  Out: constants that compare by identity.  XLA lays memory out by itself: a format shows in strides only.
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html
"""
from __future__ import annotations

__all__ = ["channels_last", "channels_last_3d", "contiguous_format", "jagged", "layout", "legacy_contiguous_format",
           "memory_format", "preserve_format", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided"]


class _Named:
    """A constant known by its name; pickled by it."""
    __slots__ = ("name",)
    _known: dict[str, _Named]

    def __init_subclass__(cls) -> None:
        cls._known = {}

    def __new__(cls, name: str) -> _Named:
        found = cls._known.get(name)
        if found is None:
            found = cls._known[name] = object.__new__(cls)
            found.name = name
        return found

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple:
        return type(self), (self.name,)


class layout(_Named):
    """How a tensor keeps its elements; every tensor of torchish is `strided`."""
    __slots__ = ()


class memory_format(_Named):
    """The order of dimensions in memory."""
    __slots__ = ()


strided = layout("strided")
sparse_coo, sparse_csr = layout("sparse_coo"), layout("sparse_csr")     # for comparisons: no tensor has them
sparse_csc, sparse_bsr, sparse_bsc = layout("sparse_csc"), layout("sparse_bsr"), layout("sparse_bsc")
jagged = layout("jagged")
legacy_contiguous_format = contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
