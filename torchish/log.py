"""The record of compilations: why each happened, where, what it cost.

In: each compilation.  Out: one line (with `TORCHISH_LOGS=compile`), and `explain()`, the same as objects.
"""
from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .config import config
from .tape import BACKWARD, INPUT, LEAF, MODE, Node
from .where import last_line, short

__all__ = ["Compilation", "Explanation", "compiled", "explain", "note", "ran", "ran_singly", "tape_text"]


@dataclass(frozen=True, slots=True)
class Compilation:
    """One compilation: the user's line where the tape ended, entries, seconds, what was new, how many inputs are donated.

    between, memory: bytes of the values in between, and of all (inputs and results too), while the program runs.  turns: how many
    each loop has that was rolled up.
    """
    where: str
    ops: int
    seconds: float
    cause: str
    donated: int
    between: int
    memory: int
    turns: tuple[int, ...]

    def __str__(self) -> str:
        loops = f" (loops of {', '.join(map(str, self.turns))} turns)" if self.turns else ""
        return f"compiled {self.where}: {self.ops} ops{loops}, {self.seconds:.2g} s; {self.cause}"


class Explanation(list):
    """Every compilation of this process, first to last; prints as one line each."""

    def __repr__(self) -> str:
        if not self:
            return "nothing compiled yet"
        total = sum(c.seconds for c in self)
        return "\n".join([*map(str, self), f"{len(self)} compilations, {total:.2g} s"])

    __str__ = __repr__


_compilations: deque[Compilation] = deque(maxlen=10_000)


def compiled(nodes: list[Node], seconds: float, donated: tuple[int, ...], memory: tuple[int, int], turns: tuple[int, ...],
             cause: str | None) -> None:
    """Notes a compilation of the tape `nodes`; its cause is looked for where it is not given."""
    ops = sum(n.kind not in (INPUT, LEAF, MODE) for n in nodes)
    entry = Compilation(short(last_line(nodes)), ops, seconds, cause or _cause(nodes), len(donated), *memory, turns)
    _compilations.append(entry)
    note("compile", str(entry))
    if "graph" in config.logs:
        note("graph", "\n" + tape_text(nodes))


def ran_singly(nodes: list[Node], fresh: int, seconds: float) -> None:
    """Notes that a tape was run entry by entry, for which `fresh` programs of single entries were compiled."""
    ops = sum(n.kind not in (INPUT, LEAF, MODE) for n in nodes)
    note("compile", f"ran {short(last_line(nodes))} op by op: {ops} ops, {fresh} programs of single ones compiled, "
                    f"{seconds:.2g} s; graphs change here")


def tape_text(nodes: list[Node]) -> str:
    """The entries of a tape, one a line: results, op, operands (slots %, constants, runtime numbers f and i), user line.

    A star marks what requires a gradient.
    """
    lines = []
    for n in nodes:
        if n.kind is MODE:
            continue
        outs = ", ".join(f"%{o.slot}: {o.aval}{'*' if o.rg else ''}" for o in n.outs)
        reads = [_operand(o) for o in n.operands]
        if n.kind is BACKWARD:
            reads = [f"%{r}" for r in n.info.roots] + ["wrt " + " ".join(f"%{s}" for s in n.info.wrt)]
        reads += [f"{k}={v}" for k, v in n.attrs.items() if v is not None]
        name = n.op.name if n.op is not None else n.kind
        line = f"{outs} = {name}({', '.join(reads)})" if n.kind is not INPUT else f"{outs} = input"
        lines.append(f"{line:<72}{short(n.where) if n.where else ''}".rstrip())
    return "\n".join(lines)


def _avals(node: Node) -> str:
    return str(node.outs[0].aval) + (f" and {len(node.outs) - 1} more" if len(node.outs) > 1 else "")


def _operand(o: Any) -> str:
    if o.__class__ is int:
        return f"%{o}"
    if o.__class__ is tuple:
        return f"[{', '.join(map(_operand, o))}]"
    return repr(o)


def ran(node: Node, results: int) -> None:
    """Notes that a tape has ended and its program was started."""
    where = next((n.where for n in iter_back(node) if n.where), None)
    note("flush", f"ran {short(where)}: {node.depth} entries, {results} results")


def iter_back(node: Node | None) -> Iterator[Node]:
    """The entries from `node` back to the first."""
    while node is not None and node.parent is not None:
        yield node
        node = node.parent


def note(kind: str, text: str) -> None:
    """Prints a line of log where the user asked for this kind."""
    if kind in config.logs:
        print(f"torchish: {text}", file=sys.stderr)


def _cause(nodes: list[Node]) -> str:
    """What this tape has that the ones before it had not: the entry at which it left the branch that is most like it."""
    told = [n.why for n in nodes if n.why]
    if told:
        for n in nodes:
            n.why = None
        return f"new: {told[0]}"
    for n in reversed(nodes):
        siblings = [c for c in n.parent.children.values() if c is not n] if n.parent is not None else []
        other = next((c for c in reversed(siblings) if c.kind is n.kind), None)
        if other is not None:
            return f"new: {_difference(n, other, nodes)}"
        other = next((c for c in reversed(siblings) if c.programs or _ran(c)), None)
        if other is not None:
            return f"new: {_entry(n, nodes)} in place of {_entry(other, list(other.children.values()))}"
    if len(nodes[-1].programs or ()) > 1 or _ran(nodes[-1]):
        return "new: the same entries, other results wanted"
    first = next((n for n in nodes if n.where), None)
    return f"new: first seen, from {short(first.where if first else None)}"


def _difference(n: Node, other: Node, nodes: list[Node]) -> str:
    """What the entry `n` of the tape `nodes` has that `other`, of the same kind and in the same place, has not."""
    if n.kind is INPUT:
        return f"input {_avals(n)} was {_avals(other)}{_read(n, nodes)}"
    if n.kind is MODE or n.kind is BACKWARD:
        return _entry(n, nodes)
    if n.operands != other.operands:
        return f"{_entry(n, nodes)} with other operands or another number"
    changed = [k for k in n.attrs if n.attrs[k] != other.attrs.get(k)]
    name = changed[0] if changed else "operands"
    return f"{_entry(n, nodes)}, {name} {n.attrs.get(name)} was {other.attrs.get(name)}"


def _entry(n: Node, nodes: list[Node]) -> str:
    """The entry `n` of the tape `nodes` in words."""
    if n.kind is INPUT:
        return f"input {_avals(n)}{_read(n, nodes)}"
    if n.kind is MODE:
        return f"another grad mode or autocast before {short(_reader(n, nodes))}"
    if n.kind is BACKWARD:
        return f"another backward at {short(n.where)}"
    return f"{n.op.name if n.op is not None else n.kind} at {short(n.where)}"


def _reader(n: Node, nodes: list[Node]) -> Any:
    """The user's line of the first entry after `n` that has one."""
    return next((m.where for m in nodes if m.where and m.depth > n.depth), None)


def _read(n: Node, nodes: list[Node]) -> str:
    where = _reader(n, nodes)
    return f" (read at {short(where)})" if where else ""


def _ran(node: Node) -> bool:
    """Whether a tape that goes on from `node` has a program; else its next entries are those of the tape that was cut here."""
    ahead = list(node.children.values())
    while ahead:
        n = ahead.pop()
        if n.programs:
            return True
        ahead.extend(n.children.values())
    return False


def explain() -> Explanation:
    """Every compilation so far, with its cause, place and cost."""
    return Explanation(_compilations)
