"""Where in the user's program something was asked for.

In: the Python stack.  Out: `(file, line, instruction)` of the nearest frame outside torchish, and whether a tape that has
become long stands at the head of the loop in which it began.  Only looked at when an entry is new.
"""
from __future__ import annotations

import os
import sys
from opcode import opmap
from typing import Any

from .tape import BACKWARD, INPUT, LEAF, MODE, Node, path

__all__ = ["Places", "last_line", "short", "user_line"]

_CACHE = opmap.get("CACHE", -1)
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def user_line() -> tuple[str, int, int, bool]:
    """File, line, instruction of the nearest frame outside torchish; whether a Module's forward stands above it."""
    frame: Any = sys._getframe(1)
    found = None
    inside = False
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_HERE) and not code.co_filename.startswith("<torchish"):
            # the outermost frame below which no Module is being called decides where a loop turns
            if found is None:
                found = (code.co_filename, frame.f_lineno)
            place = (id(code), _instruction(code.co_code, frame.f_lasti))
            if inside is False:
                outer = place
                inside = True
        elif code.co_name == "__call__" and "module.py" in code.co_filename:
            inside = False
        frame = frame.f_back
    if found is None:
        return ("<torchish>", 0, 0, False)
    return (*found, outer, True)


def _instruction(code: bytes, at: int) -> int:
    """The instruction at `at`: of a call that the interpreter has come to know, the last of the entries that cache it is told."""
    while code[at] == _CACHE and at:
        at -= 2
    return at


def short(where: tuple | None) -> str:
    """`train.py:41`."""
    return f"{os.path.basename(where[0])}:{where[1]}" if where else "?"


def last_line(nodes: list[Node]) -> tuple:
    """File and line of the user's where a tape of these entries ended; () where none is known."""
    return next((n.where[:2] for n in reversed(nodes) if n.where), ())


class Places:
    """The places in the program from which the entries of a tape were asked for; only what is new since the last call is walked."""
    __slots__ = ("upto", "turns", "lasts", "before", "count", "freed", "pulled", "grad", "trail", "head")

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.upto: Node | None = None
        self.turns: dict[tuple, int] = {}   # place -> how often it came after another one
        self.lasts: dict[tuple, int] = {}   # place -> number of the last entry from there
        self.before: tuple | None = None    # the place of the last entry
        self.count = 0
        self.freed = -1                     # number of the last backward that frees what it went through
        self.pulled = -1                    # and of the last one at all
        self.grad = False                   # whether anything was recorded in grad mode
        self.trail: list[tuple] = []        # of each entry its place and what it is
        self.head: tuple | None = None

    def go(self, node: Node) -> None:
        """Takes in the entries up to `node`."""
        upto, news, at = self.upto, [], node
        while at is not upto and at.parent is not None and (upto is None or at.depth > upto.depth):
            news.append(at)
            at = at.parent
        if upto is not None and at is not upto:
            self._clear()
            news = path(node)[::-1]
        for n in reversed(news):
            if n.where and n.kind not in (INPUT, LEAF, MODE):
                self._add(n, n.where[2])
        self.upto = node

    def _add(self, node: Node, place: tuple) -> None:
        if place != self.before:
            self.turns[place] = self.turns.get(place, 0) + 1
        if node.kind is BACKWARD:
            self.pulled = self.count
            if node.info.freed:         # one that frees nothing leaves what a later backward goes through
                self.freed = self.count
        self.trail.append((place, node.kind if node.op is None else node.op.name))
        self.lasts[place] = self.count
        self.before, self.grad = place, self.grad or node.grad
        self.count += 1

    def loop_head(self, node: Node, limit: int) -> bool:
        """Whether the entry asked for after `node` comes from the place of the tape's first entry, after others from elsewhere.

        From `limit` entries on, or a quarter of it where each turn has a backward of its own: such turns are not rolled up, and
        many of them take long to compile. There, and where nothing is differentiated, the loop may also have begun later on the
        tape: its head is the first place that came again. Where each turn has a backward that keeps its graph, no graph of one turn
        may reach into the next: such programs would never be the same.
        """
        if node.depth < limit // 4:
            return False
        self.go(node)
        here = user_line()[2]
        if here == self.before or here not in self.lasts:
            return False
        if node.depth < limit and self.freed < self.lasts[here]:
            return False
        if here == next(iter(self.turns)):
            return True
        if self.grad and self.pulled < self.lasts[here]:
            return False
        if self.grad and self.freed < self.lasts[here]:
            self.head = self.head or self._begin()
            return here == self.head
        return here == self._again()

    def _again(self) -> tuple | None:
        """The first place that came again."""
        return next((place for place, times in self.turns.items() if times > 1), None)

    def _begin(self) -> tuple | None:
        """Where the turns begin. The first entries may have been known from another loop, and its place: then they are told from
        what is before the loop by those of the second turn, which are the same."""
        again = self._again()
        places = [place for place, _ in self.trail]
        if again is None:
            return None
        first = places.index(again)
        second = next(k for k in range(first + 1, len(places)) if places[k] == again != places[k - 1])
        kinds, turn = [kind for _, kind in self.trail], second - first
        return places[turn] if kinds[:first] == kinds[turn:second] else again
