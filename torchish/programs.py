"""Compiled programs, and the bound on how many are kept.

In: what `finish` found out about the end of a tape.  Out: `Ending` (by end node and wanted slots) and its `Program`s; the
least recently used program beyond `config.max_programs` is dropped, the trie when it has more than `config.max_nodes`.
Where graphs change all the time, a new program is a draft: compiled in a third of the time, and for good once it is run again.
"""
from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import numpy as np

from .config import config
from .devices import to_jax
from .tape import INPUT, LEAF, MODE, Node, forget, input_outs, stats

__all__ = ["Ending", "Program", "Rows", "bound", "changing", "compiled_at", "drafting", "enough", "forget_history", "remember",
           "succeed"]

_TRIED = 2          # runs up to which a program counts as seldom used
_MOST = 64          # runs after which any draft gives way to a program compiled for good
_PIECES = 64        # parts of others among the results from which on a program compiled for good takes seconds
_RATE = 1e10        # operations and bytes that a draft gets through in a second, at most
_HASTE, _EACH = 0.02, 0.002     # seconds that it takes to compile a draft, and each entry of it
_SHORT = 64         # entries up to which a draft is worth it: of more, most of the time goes into tracing


class Rows(NamedTuple):
    """Results of one entry that takes its operand apart: which of them (`places`) are the slots wanted, the slot of the operand."""
    node: Node
    source: int
    slots: tuple[int, ...]
    places: tuple[int, ...]


class Ending:
    """What is known of tapes that end at one node with one list of slots wanted.

    binds: for each wanted slot (itself, whether it has no graph, its `Out` without and with gradient); outs: slots the
    program returns (also what a graph must keep); freed: wanted slots whose graph a backward has freed; kept: those whose
    graph lives on, `nodes` its entries and `values` the slots it starts from.  For the graph: `inputs` (slot, place) of the
    inputs that require a gradient, `starts` the slots of these and of leaves, `gone` all slots a backward has freed.
    `ranges`: the slots of bundles that are wanted; `same`: slots whose value is that of another.  `rows`: wanted slots that are
    taken out of another one's value after the program has run.  `residuals`: None until a backward has followed that would have
    used them; then the slots at which it began or paused, besides `kept`.
    """
    __slots__ = ("binds", "outs", "freed", "kept", "nodes", "values", "inputs", "starts", "gone", "ranges", "same", "rows", "lent",
                 "singly", "programs", "backward", "residuals", "reached", "needed", "linked", "_places", "_picks", "_indices")

    def __init__(self, binds: list[tuple], outs: tuple, freed: frozenset, kept: tuple, nodes: list[Node],
                 values: tuple, before: list[Node], gone: frozenset, ranges: list[range], same: dict[int, int],
                 rows: list[Rows]) -> None:
        self.inputs = tuple((o.slot, k) for k, o in enumerate(input_outs(before)) if o.rg)
        self.starts = (*[s for s, _ in self.inputs], *[n.slot for n in before if n.kind is LEAF])
        self.gone, self.ranges, self.same, self.rows = gone, ranges, same, rows
        self.lent = 0                   # how often it has used a program of another ending
        self.singly = 0                 # how often it was run entry by entry
        self.binds, self.outs, self.freed = binds, outs, freed
        self.kept, self.nodes, self.values = kept, nodes, values
        self.programs: list[Program] = []
        self.backward: dict = {}        # (roots, wrt, ...) -> Op of the segment's backward
        self.reached: dict[tuple, tuple] = {}   # (starts, stops) of a backward -> entries on its way, slots there, slots they make
        self.needed: dict[tuple, tuple] = {}    # (starts, wrt) of a backward -> the entries it computes again, where they start
        self.linked: dict[tuple, set[int]] = {}     # (starts, wrt) of a backward -> the slots that its gradients depend on
        self.residuals: frozenset[int] | None = None
        self._places: dict[tuple, dict[int, int]] = {}
        self._picks: tuple[dict | None, list] = (None, [])
        self._indices: tuple[dict | None, list[int]] = (None, [])

    @property
    def row_slots(self) -> list[int]:
        """The slots of `rows`, in order."""
        return [s for r in self.rows for s in r.slots]

    def places(self, outs: tuple[int, ...]) -> dict[int, int]:
        """Where in the results `outs` of a program, and in what is taken out of them, each slot stands."""
        found = self._places.get(outs)
        if found is None:
            found = self._places[outs] = {s: k for k, s in enumerate((*outs, *self.row_slots))}
        return found

    def indices(self, places: dict[int, int]) -> list[int]:
        """For each slot of `binds`: its place among the results."""
        if self._indices[0] is not places:
            self._indices = (places, [places[self.same.get(s, s)] for s, *_ in self.binds])
        return self._indices[1]

    def picks(self, places: dict[int, int]) -> list:
        """For each range of slots wanted: what takes its values out of the results."""
        if self._picks[0] is not places:
            self._picks = (places, [picker([places[self.same.get(s, s)] for s in r]) for r in self.ranges])
        return self._picks[1]


def picker(places: Sequence[int]) -> Any:
    """A function that takes the items at these places out of a list."""
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


class Program:
    """An executable: the slots it returns, the inputs it consumes, what it keeps for a backward (None: nothing).

    Dropped (`compiled` None) when it is too long unused.  `pick` takes the inputs it consumes out of all.  A `draft` was compiled
    in haste; after `enough` runs it is worth a program compiled for good.
    """
    __slots__ = ("outs", "donated", "compiled", "residuals", "pick", "enough", "runs", "_device", "_words", "_numbers")

    def __init__(self, outs: tuple[int, ...], donated: tuple[int, ...], compiled: Any, residuals: Any, device: str,
                 enough: int | None) -> None:
        self.outs, self.donated, self.compiled, self.residuals = outs, donated, compiled, residuals
        self.enough, self.runs = enough, 0
        self.pick = picker(donated) if donated else None
        self._device, self._words = device, b""
        self._numbers: list = []

    @property
    def draft(self) -> bool:
        """Whether it was compiled in haste."""
        return self.enough is not None

    @property
    def outgrown(self) -> bool:
        """Whether it is a draft that has been run often enough to be worth a program compiled for good."""
        return self.enough is not None and self.runs >= self.enough

    def vectors(self, floats: list[float], ints: list[int]) -> list:
        """The runtime numbers as pairs of 32-bit words: 64-bit types would lose half of theirs on the way in.

        Numbers that are those of the last run are on the device already.
        """
        if not floats and not ints:
            return []
        words = array("d", floats).tobytes()
        if ints:
            words += array("q", ints).tobytes()
        if words != self._words:
            cut = 8 * len(floats)
            self._numbers = [np.frombuffer(part, np.uint32).reshape(-1, 2) for part in (words[:cut], words[cut:]) if part]
            self._words = words
        elif self._numbers[0].__class__ is np.ndarray:
            self._numbers = [jax.device_put(v, to_jax(self._device)) for v in self._numbers]
        return self._numbers


_CHANGES = 4        # of the last programs at one line: so many that were seldom used tell that graphs change there
_LINES = 256

_recent: OrderedDict[Program, None] = OrderedDict()
_latest: deque[Program] = deque(maxlen=12)      # as they were compiled
_at_line: OrderedDict[tuple, deque[Program]] = OrderedDict()    # the same, by the user's line where their tapes ended


def forget_history() -> None:
    """From here on programs are compiled for good, until graphs are seen to change again."""
    _latest.clear()
    _at_line.clear()


def changing(line: tuple) -> bool:
    """Whether the programs of tapes that ended at a line of the user's are new again and again."""
    return sum(p.runs <= _TRIED for p in _at_line.get(line, ())) >= _CHANGES


def compiled_at(line: tuple, program: Program) -> None:
    """`program` was compiled for a tape that ended at this line."""
    _at_line.setdefault(line, deque(maxlen=8)).append(program)
    _at_line.move_to_end(line)
    if len(_at_line) > _LINES:
        _at_line.popitem(last=False)


def drafting(nodes: list[Node], pieces: int) -> bool:
    """Whether the next program is to be a draft.

    It is where of those compiled last hardly one has been run often, and where `pieces`, results which are parts of others, are so
    many that these are what takes the time.
    """
    if config.drafts in ("always", "never") or pieces >= _PIECES:
        return config.drafts != "never"
    seldom = sum(p.runs <= _TRIED for p in _latest)
    return seldom > 9 and sum(n.kind is not INPUT and n.kind is not MODE for n in nodes) <= _SHORT


def enough(entries: int, work: float) -> int:
    """The runs of a draft that take about as long as compiling it for good, three times what it took to compile.

    By what a program of so many entries takes, not by the seconds that were measured: the last bits of its results change then, and
    a script has the same ones each time it is run.
    """
    seconds = _HASTE + _EACH * entries
    return max(_TRIED, min(_MOST, int(3 * seconds * _RATE / max(work, 1.0))))


def succeed(program: Program, draft: Program) -> None:
    """`program`, compiled for good, takes the place of a draft."""
    program.runs, draft.compiled = draft.runs, None
    if draft in _latest:
        _latest.remove(draft)


def remember(program: Program) -> None:
    """Notes a use; drops the program unused for longest where there are too many, and the trie where it is too large."""
    program.runs += 1
    if program in _recent:
        _recent.move_to_end(program)
        return
    _recent[program] = None
    _latest.append(program)
    while len(_recent) > config.max_programs:
        old, _ = _recent.popitem(last=False)
        old.compiled = None
    bound()


def bound() -> None:
    """Drops the trie where it is too large."""
    if stats.nodes > config.max_nodes:
        forget()
