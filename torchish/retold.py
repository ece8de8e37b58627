"""What an error says of an argument, told of the function that the user called.

In: a TypeError from within, which names the op that it was recorded for, and a public function.  Out: the error as it is said of
that function: its own name (`add_`, not `add`) and the argument's place there (what is in front of a method's dot has none).
"""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable

__all__ = ["retold"]

_ARGUMENT = re.compile(r"(\w+)\(\): argument '(\w+)' (\(position \d+\) )?must be (.*)", re.DOTALL)


def retold(error: TypeError, name: str, function: Callable) -> TypeError:
    """The error itself where it is about something else than an argument of `function`."""
    name = name.removeprefix("F_")      # of nn.functional, where torch has a function of the name, too
    said = _ARGUMENT.fullmatch(str(error))
    if said is None:
        return error
    told, argument, placed, rest = said.groups()
    given = inspect.signature(function).parameters.values()
    params = [p for p in given if p.name != "self"]
    found, many = (next((p for p in params if fits(p)), None) for fits in (
        lambda p: p.name == argument, lambda p: p.kind is p.VAR_POSITIONAL))
    if found is None or told == name and len(params) == len(given) and many is None:
        return error
    if found.kind is found.KEYWORD_ONLY and many is not None and placed:        # of sizes that come one by one the place is theirs
        found = many
    place = "" if found.kind is found.KEYWORD_ONLY else f"(position {params.index(found) + 1}) "
    name = told if told.endswith(f"_{name}") else name      # linalg_vector_norm
    text = f"{name}(): argument '{argument}' {place}must be {rest}"
    return error if text == str(error) else TypeError(text).with_traceback(error.__traceback__)
