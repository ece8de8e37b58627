"""Nested arguments as JSON: lists, tuples, dicts, plain values, and places for tensors.

In: a structure whose tensors have become places (objects with a `number`).  Out: what json can write; the structure again.
"""
from __future__ import annotations

from typing import Any

__all__ = ["decoded", "encoded", "matched"]

PLAIN = (bool, int, float, str)


def encoded(tree: Any) -> Any:
    """The structure for json; TypeError for what it cannot hold."""
    if tree is None:
        return None
    if hasattr(tree, "number"):
        return {"tensor": tree.number}
    if isinstance(tree, (list, tuple)):
        return {"list" if isinstance(tree, list) else "tuple": [encoded(x) for x in tree]}
    if isinstance(tree, dict) and all(isinstance(k, (str, int)) for k in tree):
        return {"dict": [[k, encoded(v)] for k, v in tree.items()]}
    if isinstance(tree, PLAIN):
        return {"value": tree}
    raise TypeError(f"an exported function takes and returns tensors, numbers and strings in lists, tuples and dicts, not "
                    f"{type(tree).__name__}")


def decoded(code: Any, tensors: Any) -> Any:
    """The structure, with these tensors in their places."""
    if code is None:
        return None
    (kind, body), = code.items()
    if kind == "tensor":
        return tensors[body]
    if kind == "value":
        return body
    if kind == "dict":
        return {k: decoded(v, tensors) for k, v in body}
    parts = [decoded(x, tensors) for x in body]
    return parts if kind == "list" else tuple(parts)


def matched(code: Any, given: Any, found: list, where: str) -> None:
    """Puts the tensors of `given` into `found` by their numbers; TypeError or ValueError where it is built otherwise."""
    if code is None:
        if given is not None:
            raise TypeError(f"{where}: wanted None, got {type(given).__name__}")
        return
    (kind, body), = code.items()
    if kind == "tensor":
        found.extend([None] * (body + 1 - len(found)))
        found[body] = given
    elif kind == "value":
        if type(given) is not type(body) or given != body:
            raise ValueError(f"{where}: was exported with {body!r}, which is part of the program, got {given!r}")
    elif kind == "dict":
        keys = [k for k, _ in body]
        if not isinstance(given, dict) or sorted(map(str, given)) != sorted(map(str, keys)):
            got = sorted(map(str, given)) if isinstance(given, dict) else type(given).__name__
            raise TypeError(f"{where}: wanted the keys {keys}, got {got}")
        for k, v in body:
            matched(v, given[k], found, f"{where}[{k!r}]")
    else:
        if not isinstance(given, (list, tuple)) or len(given) != len(body):
            got = len(given) if isinstance(given, (list, tuple)) else type(given).__name__
            raise TypeError(f"{where}: wanted {len(body)} values, got {got}")
        for k, x in enumerate(body):
            matched(x, given[k], found, f"{where}[{k}]")
