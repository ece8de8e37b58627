"""Where in the user's program something was asked for.

In: the Python stack.  Out: `(file, line, instruction)` of the nearest frame outside torchish, and whether a tape that has
become long stands at the head of the loop in which it began.  Only looked at when an entry is new.
"""
from __future__ import annotations

import os
import sys
from typing import Any

from .tape import INPUT, LEAF, MODE, Node, path

__all__ = ["loop_head", "short", "user_line"]

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
            place = (id(code), frame.f_lasti)
            if inside is False:
                outer = place
                inside = True
        elif code.co_name == "__call__" and "module.py" in code.co_filename:
            inside = False
        frame = frame.f_back
    if found is None:
        return ("<torchish>", 0, 0, False)
    return (*found, outer, True)


def short(where: tuple | None) -> str:
    """`train.py:41`."""
    return f"{os.path.basename(where[0])}:{where[1]}" if where else "?"


def loop_head(node: Node) -> bool:
    """Whether the entry now asked for comes from the place of the tape's first entry, after others from elsewhere."""
    places = [n.where[2] for n in path(node) if n.kind not in (INPUT, LEAF, MODE) and n.where]
    return bool(places) and places[-1] != places[0] and user_line()[2] == places[0]
