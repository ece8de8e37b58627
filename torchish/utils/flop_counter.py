"""torch.utils.flop_counter: the counter that libraries make beside a summary of a model. It counts nothing here.

In: what a library makes one of.  Out: a counter that has counted nothing; NotImplementedError where it is to count.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/utils/flop_counter.html
"""
from __future__ import annotations

from typing import Any, NoReturn

from ..missing import missing

__all__ = ["FlopCounterMode"]


class FlopCounterMode:
    """PyTorch counts the operations of its block. Here a block is refused; `torchish.explain()` tells of programs."""

    def __init__(self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict | None = None) -> None:
        self.depth, self.display = depth, display

    def __enter__(self) -> NoReturn:
        raise NotImplementedError("FlopCounterMode: operations are recorded and compiled together here, and not counted one by one")

    def __exit__(self, *error: object) -> None:
        """Nothing: no block is entered."""

    def get_total_flops(self) -> int:
        """0: nothing was counted."""
        return 0

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """No counts, for the whole and for no module."""
        return {"Global": {}}


__getattr__ = missing("torch.utils.flop_counter", globals())
