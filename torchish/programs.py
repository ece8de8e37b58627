"""Compiled programs, and the bound on how many are kept.

In: what `finish` found out about the end of a tape.  Out: `Ending` (by end node and wanted slots) and its `Program`s; the
least recently used program beyond `config.max_programs` is dropped, with the branch of the trie that only led to it.
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .config import config
from .tape import Node, forget, stats

__all__ = ["Ending", "Program", "remember"]


class Ending:
    """What is known of tapes that end at one node with one set of slots wanted.

    need: slots wanted; outs: slots the program returns (also what a graph must keep); leaves, freed: slots among `need`
    that are leaves, or whose graph a backward has freed; kept: slots whose graph lives on, `nodes` its entries and
    `values` the slots it starts from.
    """
    __slots__ = ("need", "outs", "leaves", "freed", "kept", "nodes", "values", "programs", "backward", "residuals")

    def __init__(self, need: tuple, outs: tuple, leaves: frozenset, freed: frozenset, kept: tuple, nodes: list[Node],
                 values: tuple) -> None:
        self.need, self.outs, self.leaves, self.freed = need, outs, leaves, freed
        self.kept, self.nodes, self.values = kept, nodes, values
        self.programs: list[Program] = []
        self.backward: dict = {}        # (roots, wrt, ...) -> Op of the segment's backward
        self.residuals = False          # experience: a backward follows


class Program:
    """An executable: the slots it returns, the inputs it consumes."""
    __slots__ = ("outs", "donated", "compiled", "ending")

    def __init__(self, outs: tuple[int, ...], donated: tuple[int, ...], compiled: Any, ending: Ending) -> None:
        self.outs, self.donated, self.compiled, self.ending = outs, donated, compiled, ending


_recent: OrderedDict[int, Program] = OrderedDict()


def remember(program: Program) -> None:
    """Notes a use; drops the program unused for longest where there are too many, and the trie where it is too large."""
    key = id(program)
    if key in _recent:
        _recent.move_to_end(key)
        return
    _recent[key] = program
    if len(_recent) > config.max_programs:
        _, old = _recent.popitem(last=False)
        old.ending.programs.remove(old)
    if stats.nodes > config.max_nodes:
        forget()
        _recent.clear()
        _recent[key] = program
