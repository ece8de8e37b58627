"""What is said about a name that torch has, or might have, and torchish has not.

In: the name asked for and the names that exist.  Out: a sentence, or a module's `__getattr__`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

__all__ = ["explain", "missing"]


def explain(name: str, known_names: Iterable[str]) -> str:
    """`Nearest: ...; torchish does not have it (yet)`."""
    public = [known for known in known_names if not known.startswith("_")]
    near = get_close_matches(name, public, n=3, cutoff=0.7)
    return (f"Nearest: {', '.join(near)}; " if near else "") + "torchish does not have it (yet)"


def missing(module_name: str, known_names: Iterable[str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: AttributeError as torch's, and the nearest names.

    `module_name` is the public one, "torch.nn".  `known_names` may be the module's `globals()`: it is read when asked.
    """

    def look_up(name: str) -> Any:
        sentence = f"module '{module_name}' has no attribute '{name}'"
        # Python asks for __path__, __wrapped__ and the like by itself: no search for those
        if not name.startswith("__"):
            sentence += f". {explain(name, list(known_names))}"
        raise AttributeError(sentence, name=name)

    return look_up
