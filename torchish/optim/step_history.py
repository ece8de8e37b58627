"""The last steps of L-BFGS in tables of a few sizes, so that few programs serve however many steps there are.

In: each step's change of the gradient and of the place.  Out: the direction; the state of the optimizer, whose lists are PyTorch's,
shows the rows of the tables.
"""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..tensor import Tensor

__all__ = ["StepHistory"]

_LEAST = 4
_LISTS = ("old_dirs", "old_stps", "ro")


class StepHistory:
    """Tables with a row for each of the last steps, oldest first; rows not yet taken are zeros."""

    def __init__(self, state: dict, like: Tensor, size: int) -> None:
        self.size = size
        self.tables = [like.new_zeros(0, *([like.numel()] * (name != "ro"))) for name in _LISTS]
        self.factors = like.new_zeros(0)
        self.count = 0
        found = [state.get(name, []) for name in _LISTS]
        for name in _LISTS:
            state[name] = []
        state["al"] = [None] * size
        self.lists = [state[name] for name in (*_LISTS, "al")]
        for rows in zip(*found, strict=True):       # those of a state that was loaded
            self.add(state, rows)

    def shown_in(self, state: dict) -> bool:
        """Whether the lists of the state are those that show these tables."""
        return all(state.get(name) is rows for name, rows in zip((*_LISTS, "al"), self.lists, strict=True))

    def add(self, state: dict, rows: Any) -> None:
        """Takes in a step, in place of the oldest one where there are `size` already."""
        if self.count == self.size:
            for table, row in zip(self.tables, rows, strict=True):
                table.copy_(torch.cat([table[1:], row.unsqueeze(0)]))
            return
        if self.count == len(self.factors):
            self._grow(state)
        k, self.count = self.count, self.count + 1
        for name, table, row in zip(_LISTS, self.tables, rows, strict=True):
            table[k] = row
            state[name].append(table[k])
        state["al"][k] = self.factors[k]

    def _grow(self, state: dict) -> None:
        more = min(max(_LEAST, 2 * self.count), self.size) - self.count
        self.tables = [torch.cat([x, x.new_zeros(more, *x.shape[1:])]) for x in self.tables]
        self.factors = torch.cat([self.factors, self.factors.new_zeros(more)])
        for name, table in zip(_LISTS, self.tables, strict=True):
            state[name][:] = table.unbind(0)[:self.count]
        state["al"][:self.count] = self.factors.unbind(0)[:self.count]

    def direction(self, grad: Tensor, diag: Any) -> Tensor:
        """-H g by the two-loop recursion."""
        diag = diag if isinstance(diag, Tensor) else grad.new_tensor(diag)
        found, factors = torch._two_loop(grad, *self.tables, diag)
        self.factors.copy_(factors)
        return found
