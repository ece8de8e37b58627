"""The tape and the trie of all tapes: what was asked for, entry after entry.

In: keys `(op, operand slots, attributes)` from the facade.  Out: nodes of the trie, each of which knows the results of its
entry; a step that repeats is one dictionary look-up an entry.  No jax here.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from .avals import Aval, Out
from .dtypes import default

__all__ = ["APART", "BACKWARD", "Const", "DEFAULTS", "INFERENCE", "INPUT", "LEAF", "MODE", "Node", "Ref", "Site", "Tape", "Unseen",
           "WATCHED", "apart", "defaults", "input_outs", "needs", "next_serial", "path", "reads", "root_of", "slots", "state",
           "stats"]

INPUT, LEAF, MODE, BACKWARD = "input", "leaf", "mode", "backward"   # kinds of entries which are not ops
# what else a mode may say, bit by bit: each entry is reported; its results are inference tensors; it is never run
WATCHED, INFERENCE, APART = 1, 2, 4
DEFAULTS = 0b11000      # these bits of it: the default dtype


class Ref:
    """A number that is a runtime input: its place in the tape's vector of floats ("f") or ints ("i")."""
    __slots__ = ("kind", "index")

    def __init__(self, kind: str, index: int) -> None:
        self.kind, self.index = kind, index

    def value(self, tape: Any) -> float | int:
        """What the number is in the step that `tape` records."""
        return (tape.floats if self.kind == "f" else tape.ints)[self.index]

    def __repr__(self) -> str:
        return f"{self.kind}{self.index}"


class Const:
    """A number that is part of the program, as an operand."""
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


class Site:
    """A place where numbers were seen: their first values, which of them are runtime inputs, the node that followed."""
    __slots__ = ("values", "mask", "child")

    def __init__(self, values: tuple, mask: tuple[bool, ...], child: Node) -> None:
        self.values, self.mask, self.child = values, mask, child


class Unseen(dict):
    """The children of a node in the mode WATCHED: calls that go past the recorder find no ops in it."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Inputs, leaves and modes; the recorder looks for ops with `dict.get`."""
        return default if key.__class__ is tuple and key[0].__class__ is int else dict.get(self, key, default)


class Node(Out):
    """One entry in the trie of tapes. An entry with one result is its own `Out`.

    twin: the node at the same place of the branch from which this one was generalised (numbers seen there are known).
    why: what made the entry new where a known one was left for it; told with the next compilation.
    end: a tape has ended here before for lack of a reason to go on; it ends here again unless the next entry is known.
    """
    __slots__ = ("parent", "kind", "op", "operands", "attrs", "outs", "next_slot", "floats", "ints", "inputs", "children",
                 "sites", "twin", "end", "programs", "where", "grad", "depth", "info", "why", "__weakref__")

    def __init__(self, parent: Node | None, kind: Any, op: Any = None, operands: tuple = (), attrs: dict | None = None,
                 where: tuple | None = None, grad: bool = False) -> None:
        super().__init__(None, False, parent.next_slot if parent else 0)   # type: ignore[arg-type]
        self.parent, self.kind, self.op, self.operands, self.attrs = parent, kind, op, operands, attrs or {}
        self.outs: tuple[Out, ...] = ()
        self.next_slot = self.slot
        self.floats, self.ints, self.inputs, self.depth = \
            (parent.floats, parent.ints, parent.inputs, parent.depth + 1) if parent else (0, 0, 0, 0)
        self.children: dict[tuple, Node] = {}
        self.sites: dict[tuple, Site] | None = None
        self.twin: Node | None = None
        self.end = False
        self.programs: dict | None = None
        self.where, self.grad, self.info = where, grad, None
        self.why: str | None = None

    def results(self, avals: list[Aval], rg: list[bool], many: bool) -> None:
        """Gives the node its results; `many` where the op hands back a tuple."""
        if many:
            self.outs = tuple(Out(a, g, self.slot + k) for k, (a, g) in enumerate(zip(avals, rg, strict=True)))
        else:
            self.aval, self.rg = avals[0], rg[0]
            self.outs = (self,)
        self.next_slot = self.slot + len(avals)


_serial = count()


def next_serial() -> int:
    """The place of a new tape, graph or call of a custom function in the order of all: each can only depend on those before it."""
    return next(_serial)


class Tape:
    """The current step of one thread: a pointer into the trie, and the tensors that live on it."""
    __slots__ = ("node", "tensors", "args", "inputs", "floats", "ints", "grad", "places", "mark", "stepped", "leaves", "inline",
                 "thread", "hooked", "known", "upstream", "failed", "foreign", "nested", "shown", "graph", "bundles", "autocast",
                 "extra", "rolls", "began", "standing")

    def __init__(self, grad: bool = True, inline: Any = None, nested: Any = None, autocast: Any = None, extra: int = 0) -> None:
        self.node = root_of(grad, inline, nested, autocast, extra)
        self.tensors: list = []         # every tensor whose value this tape will compute
        self.args: list = []            # arrays of the input slots
        self.inputs: list = []          # the tensors that brought them (None: a bundle)
        self.bundles: dict[int, tuple] = {}     # first slot -> a bundle that stood there, the place of its arrays if an input
        self.floats: list[float] = []   # numbers that are runtime inputs
        self.ints: list[int] = []
        self.grad = grad                # grad mode of the entries to come
        self.autocast = autocast        # low-precision dtypes of the entries to come, by device; None: as they are
        self.rolls = 0                  # up to this length it is known to be a loop that can be rolled up
        self.places: Any = None         # where in the program its entries were asked for (where.py)
        self.mark: Node | None = None   # the last write to a leaf or backward: the natural end of a step
        self.stepped = False            # a backward has been recorded
        self.leaves: dict[int, Any] = {}    # slot -> tensor, for leaves computed on this tape
        self.extra = extra              # WATCHED, INFERENCE: what else holds for the entries to come
        self.inline = inline            # functional mode: the tape is replayed in line, over tracers
        self.thread = threading.get_ident()
        self.hooked: dict[int, Any] = {}    # slot -> tensor with hooks or retained gradient
        self.standing: list = []        # weak references to tensors that may stand at their places without a value
        self.upstream: dict[int, Any] = {}  # slot of an input -> (graph, slot) of the step that made it
        self.failed: BaseException | None = None
        self.foreign: dict[int, tuple] = {}     # id of a tensor another thread owns -> its slot here, itself, its input
        self.nested = nested            # the run of a Python function whose tape this is (nested.py)
        self.known: tuple[list[Out], Node] = ([], self.node)
        self.shown: Any = None          # the backward nodes that users hold
        self.graph: Any = None          # what it has become, where tensors with a graph outlived it
        self.began = next_serial()      # custom functions that were called since have higher serial numbers

    def set_grad(self, enabled: bool) -> None:
        """Grad mode of the entries to come. Switching back with nothing recorded in between leaves no trace."""
        if enabled != self.grad:
            self.set_mode(enabled, self.autocast, self.extra)

    def set_mode(self, grad: bool, autocast: Any, extra: int) -> None:
        """Grad mode, autocast and the rest of the mode of the entries to come."""
        before = (self.grad, self.autocast, self.extra)
        self.grad, self.autocast, self.extra = grad, autocast, extra
        node = self.node
        if node.parent is None:
            self.node = root_of(grad, self.inline, self.nested, autocast, extra)
            return
        if node.kind is MODE:
            before, node = node.info, node.parent   # type: ignore[assignment]
        if before != (grad, autocast, extra):
            key = (MODE, grad, autocast, extra)
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = _mode(node, extra)
                child.info = before
                child.twin = node.twin.children.get(key) if node.twin is not None else None
            node = child
        self.node = node

    def outs(self) -> list[Out]:
        """What is in each slot; only what is new since the last call is walked."""
        known, upto = self.known
        news, node = [], self.node
        while node is not upto and node.depth > upto.depth:
            news.append(node)
            node = node.parent   # type: ignore[assignment]
        if node is not upto:
            known, news = [], path(self.node)[::-1]
        for n in reversed(news):
            known.extend(n.outs)
        self.known = (known, self.node)
        return known

    @property
    def last(self) -> Node:
        """The last entry that is not a change of mode."""
        node = self.node
        return node.parent if node.kind is MODE and node.parent is not None else node


def defaults() -> int:
    """The default dtype as a part of the mode: what is recorded under another one is another branch."""
    return ("float32", "float64", "float16", "bfloat16").index(default.float.name) << 3


class _State(threading.local):
    """What is current in a thread."""

    def __init__(self) -> None:
        self.tape = Tape(extra=defaults())
        self.sealed: Tape | None = None     # the tape before, ended but not run: nothing has needed its values yet


class _Stats:
    """Counters that tests and `explain` read."""
    __slots__ = ("nodes", "compilations", "flushes")

    def __init__(self) -> None:
        self.nodes = self.compilations = self.flushes = 0


stats = _Stats()
_roots: dict[tuple, Node] = {}


def root_of(grad: bool, inline: Any = None, nested: Any = None, autocast: Any = None, extra: int = 0) -> Node:
    """The root of the tapes that begin in this mode."""
    key = (grad, inline is not None, nested is not None, autocast, extra)
    root = _roots.get(key)
    if root is None:
        root = _roots.setdefault(key, _mode(None, extra))
    return root


def _mode(parent: Node | None, extra: int) -> Node:
    """A change of mode after `parent`, or the root of tapes in a mode."""
    node = Node(parent, MODE, attrs={"extra": extra})
    if extra & WATCHED:
        node.children = Unseen()
    return node


def forget() -> None:
    """Drops the trie; a tape that is open keeps its own branch, one that has not begun begins at the new root."""
    _roots.clear()
    stats.nodes = 0
    tape = state.tape
    if tape.node.parent is None:
        tape.node = root_of(tape.grad, tape.inline, tape.nested, tape.autocast, tape.extra)
        tape.known = ([], tape.node)


@contextmanager
def apart() -> Iterator[Callable[[], None]]:
    """Inside, tapes follow no known one, so their entries know the lines at which they are recorded now.

    What is handed out does so for the tapes that begin after it is called, too.
    """
    kept, nodes = dict(_roots), stats.nodes
    forget()
    try:
        yield forget
    finally:
        forget()
        _roots.update(kept)
        stats.nodes = nodes


state = _State()


def path(node: Node) -> list[Node]:
    """The entries from the root (left out) to `node`."""
    nodes = []
    while node.parent is not None:
        nodes.append(node)
        node = node.parent
    nodes.reverse()
    return nodes


def input_outs(nodes: list[Node]) -> list[Out]:
    """The inputs among the entries, in the order of the tape's `args`."""
    return [o for n in nodes if n.kind is INPUT for o in n.outs]


def reads(node: Node) -> list[int]:
    """The slots an entry was recorded with: its operands, or the roots, cotangents and `wrt` of a backward."""
    if node.kind is BACKWARD:
        return [s for s in (*node.info.roots, *node.info.cotangents, *node.info.wrt) if s is not None]
    return list(slots(node.operands))


def needs(node: Node) -> set[int]:
    """The slots whose values an entry is computed from: of a backward also what the entries that it goes through again read."""
    if node.kind is not BACKWARD:
        return set(slots(node.operands))
    inner = {s for n in node.info.between for s in needs(n)}
    return inner | {c for c in node.info.cotangents if c is not None} | set(node.info.wrt) | set(node.info.roots)


def slots(operands: tuple) -> Iterator[int]:
    """The slots among an entry's operands (ints; lists of tensors are tuples of ints)."""
    for o in operands:
        if o.__class__ is int:
            yield o
        elif o.__class__ is tuple:
            yield from (s for s in o if s.__class__ is int)
