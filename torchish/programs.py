"""Compiled programs, and the bound on how many are kept.

In: what `finish` found out about the end of a tape.  Out: `Ending` (by end node and wanted slots) and its `Program`s; the
least recently used program beyond `config.max_programs` is dropped, the trie when it has more than `config.max_nodes`.
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .config import config
from .tape import Node, forget, stats

__all__ = ["Ending", "Program", "remember"]


class Ending:
    """What is known of tapes that end at one node with one list of slots wanted.

    binds: for each wanted slot (itself, whether it has no graph, its `Out` without and with gradient); outs: slots the
    program returns (also what a graph must keep); freed: wanted slots whose graph a backward has freed; kept: those whose
    graph lives on, `nodes` its entries and `values` the slots it starts from.
    """
    __slots__ = ("binds", "outs", "freed", "kept", "nodes", "values", "programs", "backward", "residuals", "_places")

    def __init__(self, binds: list[tuple], outs: tuple, freed: frozenset, kept: tuple, nodes: list[Node],
                 values: tuple) -> None:
        self.binds, self.outs, self.freed = binds, outs, freed
        self.kept, self.nodes, self.values = kept, nodes, values
        self.programs: list[Program] = []
        self.backward: dict = {}        # (roots, wrt, ...) -> Op of the segment's backward
        self.residuals = False          # experience: a backward follows
        self._places: dict[tuple, dict[int, int]] = {}

    def places(self, outs: tuple[int, ...]) -> dict[int, int]:
        """Where in the results `outs` of a program each slot stands."""
        found = self._places.get(outs)
        if found is None:
            found = self._places[outs] = {s: k for k, s in enumerate(outs)}
        return found


class Program:
    """An executable: the slots it returns, the inputs it consumes, what it keeps for a backward (None: nothing).

    Dropped (`compiled` None) when it is too long unused.
    """
    __slots__ = ("outs", "donated", "compiled", "residuals")

    def __init__(self, outs: tuple[int, ...], donated: tuple[int, ...], compiled: Any, residuals: Any) -> None:
        self.outs, self.donated, self.compiled, self.residuals = outs, donated, compiled, residuals


_recent: OrderedDict[Program, None] = OrderedDict()


def remember(program: Program) -> None:
    """Notes a use; drops the program unused for longest where there are too many, and the trie where it is too large."""
    if program in _recent:
        _recent.move_to_end(program)
        return
    _recent[program] = None
    while len(_recent) > config.max_programs:
        old, _ = _recent.popitem(last=False)
        old.compiled = None
    if stats.nodes > config.max_nodes:
        forget()
