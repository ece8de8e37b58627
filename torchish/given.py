"""The dictionary of a tensor object, as its user sees it.

In: a tensor.  Out: `all_of`, the dictionary in which the engine's attributes stand as well, and `Given`, those that a user has set:
what `x.__dict__` is. Libraries copy it, hand it to constructors as keywords, and write in it.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .recorder import hooks

__all__ = ["Given", "Instance", "all_of", "become"]


class Instance:
    """The base of Tensor to which the dictionary belongs."""


_dictionary = vars(Instance)["__dict__"]


def all_of(x: Any) -> dict[str, Any]:
    """All attributes of a tensor object."""
    return _dictionary.__get__(x)


def become(x: Any, attributes: dict[str, Any]) -> None:
    """Gives a tensor object all attributes of another one, as `all_of` told them."""
    own, given = all_of(x), dict(attributes)
    own.clear()
    own.update(given)


def _given(x: Any) -> Iterator[tuple[str, Any]]:
    own = hooks.tensor
    for name, value in all_of(x).items():
        if not (name[0] == "_" and (hasattr(own, name) or name in own.__annotations__)):
            yield name, value


class Given(dict):
    """What a user has set on a tensor; what is written here is written there."""
    __slots__ = ("_of",)

    def __init__(self, x: Any) -> None:
        super().__init__(_given(x))
        self._of = all_of(x)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._of[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        del self._of[name]

    def pop(self, name: str, *default: Any) -> Any:
        """The value of an attribute, which is taken away."""
        if name in self:
            del self._of[name]
        return super().pop(name, *default)

    def popitem(self) -> tuple[str, Any]:
        """The attribute set last, which is taken away."""
        name, value = super().popitem()
        del self._of[name]
        return name, value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of an attribute, which is set where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others: Any, **named: Any) -> None:
        """Sets attributes."""
        for name, value in dict(*others, **named).items():
            self[name] = value

    def __ior__(self, other: Any) -> Given:     # type: ignore[override, misc]
        self.update(other)
        return self

    def clear(self) -> None:
        """Takes all of them away."""
        for name in list(self):
            del self[name]

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)
