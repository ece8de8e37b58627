"""The state of an optimizer: for each parameter a dictionary, which a step reads and writes as a whole.

In: the states of all parameters of a group.  Out: `ParamState`, which shows torch's names and tensors; and `Closed`, which holds
the same states in bundles as long as nobody looks at them.
"""
from __future__ import annotations

from collections.abc import Iterator
from operator import is_
from sys import getrefcount
from threading import get_ident
from typing import Any

from .. import api as torch
from ..tensor import Tensor

__all__ = ["Closed", "ParamState", "close"]

_read, _write = dict.__getitem__, dict.__setitem__
_ALONE = 3      # references of a value of a dict that a local name holds, seen by getrefcount


class Closed:
    """The states of `params`: a bundle for each name in `slots`, and the numbers of the host (step counts) they share.

    In each parameter's dictionary it stands for the values; whoever reads one opens all of them.
    """
    __slots__ = ("params", "states", "slots", "names", "bundles", "host", "thread")

    def __init__(self, params: list, states: list[ParamState], slots: tuple[str, ...], names: tuple[str, ...],
                 host: tuple) -> None:
        self.params, self.states, self.slots, self.names, self.host = params, states, slots, names, host
        self.bundles = [torch._Bundle([_read(s, name) for s in states]) for name in slots]
        self.thread = get_ident()
        for s in states:
            for name in (*slots, *names):
                _write(s, name, self)

    def fits(self, params: list, state_of: dict, slots: tuple[str, ...]) -> bool:
        """Whether these are still the states of exactly these parameters, in this thread."""
        return (len(params) == len(self.params) and all(map(is_, params, self.params)) and slots == self.slots
                and all(map(is_, map(state_of.get, params), self.states)) and self.thread == get_ident()
                and state_of[params[0]].closed is self)

    def open(self) -> None:
        """Puts tensors and numbers back into the dictionaries."""
        for name, bundle in zip(self.slots, self.bundles, strict=True):
            for s, x in zip(self.states, bundle.tensors(), strict=True):
                _write(s, name, x)
        for name, value in zip(self.names, self.host, strict=False):    # a rule may keep a number that has no name
            for s in self.states:
                _write(s, name, value)


def close(params: list, states: list[ParamState], slots: tuple[str, ...], names: tuple[str, ...], host: tuple) -> Closed | None:
    """The states as a `Closed`; None where one of them is not a plain array that only its dictionary holds."""
    for s in states:
        for name in slots:
            x = _read(s, name)
            if not (x.__class__ is Tensor and x._data is not None and x._view is None and not x._shared and not x._leaf
                    and getrefcount(x) <= _ALONE):
                return None
    return Closed(params, states, slots, names, host)


class ParamState(dict):
    """The state of one parameter.  Numbers of the host (step counts) are kept as floats and read as 0-d tensors."""
    __slots__ = ()

    @property
    def closed(self) -> Closed | None:
        """What holds the values, if they are not here."""
        return next((v for v in dict.values(self) if v.__class__ is Closed), None)

    def _open(self) -> None:
        closed = self.closed
        if closed is not None:
            closed.open()

    def __getitem__(self, key: str) -> Any:
        value = _read(self, key)
        if value.__class__ is Closed:
            value.open()
            value = _read(self, key)
        if type(value) is float:                    # kept once read, so that a change in place is seen by the next step
            value = torch.tensor(value, dtype=torch.float64 if torch.get_default_dtype() is torch.float64 else torch.float32)
            _write(self, key, value)
        return value

    def host(self, key: str) -> float:
        """The number `key`, whatever the user or a loaded file has put there."""
        value = _read(self, key)
        if type(value) is not float:
            value = float(self[key])
            _write(self, key, value)
        return value

    def __iter__(self) -> Iterator[str]:            # its presence keeps dict(state) from copying what is kept here unread
        return dict.__iter__(self)

    def get(self, key: str, default: Any = None) -> Any:
        """The value at `key`, or `default`."""
        return self[key] if key in self else default

    def items(self) -> list[tuple[str, Any]]:   # type: ignore[override]
        """Names and values."""
        return [(key, self[key]) for key in self]

    def values(self) -> list[Any]:  # type: ignore[override]
        """The values."""
        return [self[key] for key in self]

    def copy(self) -> dict:
        """A plain dictionary of the same values."""
        return dict(self.items())

    def __reduce__(self) -> tuple:
        return ParamState, (self.copy(),)

    def __repr__(self) -> str:
        return repr(self.copy())


def _opening(name: str) -> Any:
    method = getattr(dict, name)

    def change(self: ParamState, *args: Any, **kwargs: Any) -> Any:
        self._open()
        return method(self, *args, **kwargs)
    change.__name__, change.__doc__ = name, f"As dict.{name}."
    return change


for _name in ("__setitem__", "__delitem__", "pop", "popitem", "clear", "update", "setdefault"):
    setattr(ParamState, _name, _opening(_name))
