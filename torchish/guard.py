"""Why a view may not be written where gradients are recorded.

In: the mode in which a view was made, or the op and which of its results it is.  Out: guards, which tensors carry as `_guard`: the
text of the refusal, and what the view shows when its base has been written nevertheless.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from .ops.table import Op

__all__ = ["Guard", "MADE_IN_INFERENCE_MODE", "MADE_IN_NO_GRAD", "ModeGuard", "SEVERAL_VIEWS", "part_of"]

SEVERAL_VIEWS = ("This view is the output of a function that returns multiple views. Such functions do not allow the output "
                 "views to be modified inplace. You should replace the inplace operation by an out-of-place one.")


class Guard:
    """`text` says why a view may not be written."""
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def after_write(self, value: Any) -> Any:
        """What the view shows when its base has been written; `value` is its part of the base."""
        return value


class ModeGuard(Guard):
    """Of a view made in a mode that keeps no graph, of the name `mode`; `now` is where the write is refused."""
    __slots__ = ("mode", "now")

    def __init__(self, mode: str, now: str, what: str = "A view was") -> None:
        self.mode, self.now = mode, now
        super().__init__(f"{what} created in {'inference' if mode == 'inference_mode' else mode} mode and is being modified "
                         f"inplace {now}. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
                         f"your code by moving both the view and the inplace either both inside the {mode} block (if you don't "
                         "want the inplace to be tracked) or both outside (if you want the inplace to be tracked).")

    def of_view(self, node_name: str) -> ModeGuard:
        """Of a view of such a view; `node_name` is torch's name of the node of the op that made it."""
        return ModeGuard(self.mode, self.now, f"Output 0 of {node_name.partition('Backward')[0]} is a view of a view which was")


MADE_IN_INFERENCE_MODE = ModeGuard("inference_mode", "in normal mode")
MADE_IN_NO_GRAD = ModeGuard("no_grad", "with grad mode enabled")


@lru_cache(maxsize=1024)        # a step makes the same parts again
def part_of(op: Op, which: int) -> Guard:
    """The guard of one of the several views that `op` returns."""
    name = {"chunk": "split"}.get(op.name, op.name)
    name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return Guard(f"Output {which} of {name} is a view and is being modified inplace. {SEVERAL_VIEWS}")
