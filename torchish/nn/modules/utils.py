"""torch.nn.modules.utils: sizes given as one number or one for each dimension.

In: a number or a sequence.  Out: a tuple.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..sizes import ntuple

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple]:
    def parse(x: Any) -> tuple:
        return ntuple(x, n)
    parse.__name__, parse.__doc__ = name, f"`x` as a tuple: a sequence stays what it is, anything else is repeated {n} times."
    return parse


_single, _pair, _triple, _quadruple = (_ntuple(n + 1, name) for n, name in enumerate(
    ("_single", "_pair", "_triple", "_quadruple")))


def _reverse_repeat_tuple(t: tuple, n: int) -> tuple:
    """The elements from last to first, each n times."""
    return tuple(x for x in reversed(t) for _ in range(n))


def _list_with_default(out_size: list, defaults: list) -> list:
    """The sizes, with the last of `defaults` where one is None."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if v is None else v for v, d in zip(out_size, defaults[-len(out_size):])]


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Takes `prefix` from the names of a state, in place."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix):]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        for key in list(metadata):
            if key and (key == prefix.rstrip(".") or key.startswith(prefix)):
                metadata[key[len(prefix):]] = metadata.pop(key)
