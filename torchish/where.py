"""Where in the user's program something was asked for.

In: the Python stack.  Out: `(file, line, instruction)` of the nearest frame outside torchish, and whether a tape that has
become long stands at the head of the loop in which it began.  Only looked at when an entry is new.
"""
from __future__ import annotations

import os
import sys
from collections import Counter
from opcode import opmap
from typing import Any

from .tape import BACKWARD, INPUT, LEAF, MODE, Node, path

__all__ = ["loop_head", "short", "user_line"]

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


def loop_head(node: Node, limit: int) -> bool:
    """Whether the entry now asked for comes from the place of the tape's first entry, after others from elsewhere.

    From `limit` entries on, or a quarter of it where each turn has a backward of its own: such turns are not rolled up, and many of
    them take long to compile. There, and where nothing is differentiated, the loop may also have begun later on the tape: its head
    is the first place that came again.
    """
    if node.depth < limit // 4:
        return False
    entries = [n for n in path(node) if n.kind not in (INPUT, LEAF, MODE) and n.where]
    places, here = [n.where[2] for n in entries], user_line()[2]
    if here not in places or here == places[-1]:
        return False
    # one that frees nothing leaves what a later backward goes through
    pulled = any(n.kind is BACKWARD and n.info.freed for n in entries[len(places) - places[::-1].index(here):])
    if node.depth < limit and not pulled:
        return False
    if here == places[0]:
        return True
    if any(n.grad for n in entries) and not pulled:
        return False
    turns = Counter(place for place, before in zip(places, [None, *places], strict=False) if place != before)
    return here == next((place for place in turns if turns[place] > 1), None)
