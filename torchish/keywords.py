"""The names under which a public function takes its parameters.

In: the parameters of a declaration and what it says of their names.  Out: the parameters as the public signature has them, further
keywords, and the lines of source that sort these out.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .ops.table import EMPTY, Param

__all__ = ["REQUIRED", "Keywords", "hidden", "keywords", "renamed"]

NUMPY = {"dim": ["axis"], "keepdim": ["keepdims"]}


class _Required:
    """The default of a parameter that must be given, by this name or by another."""

    def __repr__(self) -> str:
        return "<required>"


REQUIRED = _Required()


@dataclass
class Keywords:
    """params: as the signature has them; extra: further keywords; lines: what makes of these the parameters' values; star: the
    parameter that takes its values one by one, too.
    """
    params: list[Param]
    extra: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    star: str | None = None

    def also(self, k: int, others: Sequence[str], call: str) -> bool:
        """Lets parameter `k` come under other names; False where what follows it leaves no room for that."""
        p = self.params[k]
        required = p.default is EMPTY
        if required and (p.keyword_only or any(q.default is EMPTY and not q.keyword_only for q in self.params[k + 1:])):
            return False
        self.extra += others
        self.lines += [f"    if {other} is not None: {p.name} = {other}" for other in others]
        if required:
            self.params[k] = replace(p, default=REQUIRED)
            self.lines.append(f"    if {p.name} is D_{p.name}: raise TypeError('{call}() missing 1 required positional arguments: "
                              f"\"{p.name}\"')")
        return True


def _words(names: dict[str, str], form: str, name: str) -> list[str]:
    return names.get(f"{form}.{name}", names.get(name, "")).split()


def hidden(params: Sequence[Param], names: dict[str, str], form: str) -> dict[str, Any]:
    """Parameters that one form has not (their name there is "-"), with the values that they have in it."""
    return {p.name: p.default for p in params if _words(names, form, p.name) == ["-"]}


def renamed(params: Sequence[Param], names: dict[str, str], form: str) -> list[Param]:
    """The parameters under their first names in one form, "function" or "method"."""
    words = [_words(names, form, p.name) for p in params]
    return [replace(p, name=w[0].removeprefix("*")) if w and w != ["-"] else p for p, w in zip(params, words, strict=True)]


def keywords(params: Sequence[Param], call: str, names: dict[str, str], form: str) -> Keywords:
    """The public signature of what takes `params` (under their first names), with numpy's names of `dim` and `keepdim`."""
    found = Keywords(list(params))
    declared: dict[str, Any] = {}
    for key, text in names.items():
        if key.partition(".")[0] == form or "." not in key and f"{form}.{key}" not in names:
            first, *others = text.split()
            if first != "-":
                declared[first.removeprefix("*")] = others
            found.star = first[1:] if first.startswith("*") else found.star
    taken = {p.name for p in params}
    numpy = NUMPY if "dim" in taken and "axis" not in taken else {}
    for k in reversed(range(len(params))):      # from the last: what follows a parameter must have a default
        p = params[k]
        others = [*declared.get(p.name, ()), *numpy.get(p.name, ())]
        if p.name == found.star:
            found.lines.append(f"    if args: {p.name} = args[0] if len(args) == 1 else args")
        if others and not found.also(k, others, call) and p.name == "dim":
            found.extra, found.lines = [], []       # no room for `axis`: nor for `keepdims`
    return found
