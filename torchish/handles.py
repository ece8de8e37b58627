"""Handles of registered hooks.

In: a table of hooks, keyed by handle id, and a hook for it.  Out: a handle that takes its own hook out again.
"""
from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["RemovableHandle", "add_to"]

_ids = itertools.count()


class RemovableHandle:
    """Removes one hook by `remove()` or at the end of a `with` block.

    hooks_dict: where the hook is kept; extra_dict: one or several further dictionaries keyed by the same id.
    """
    def __init__(self, hooks_dict: OrderedDict, *, extra_dict: Any = None) -> None:
        self.id = next(_ids)
        extra = extra_dict if isinstance(extra_dict, (list, tuple)) else [extra_dict]
        self._dicts = [weakref.ref(d) for d in [hooks_dict, *extra] if d is not None]

    @property
    def hooks_dict_ref(self) -> weakref.ref:
        """The weak reference to the dictionary in which the hook is kept."""
        return self._dicts[0]

    def remove(self) -> None:
        """Takes the hook out; calling it again does nothing."""
        for ref in self._dicts:
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple:
        return tuple(ref() for ref in self._dicts), self.id

    def __setstate__(self, state: tuple) -> None:
        (first, *extra), self.id = state
        # one whose hooks were gone is a handle of nothing
        self._dicts = [weakref.ref(d) for d in [OrderedDict() if first is None else first, *extra] if d is not None]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


def add_to(table: OrderedDict, hook: Callable, flags: Sequence[tuple[OrderedDict, bool]] = (),
           prepend: bool = False) -> RemovableHandle:
    """Puts `hook` into a table of hooks, first if `prepend`, and its id into each dictionary of `flags` whose condition holds."""
    handle = RemovableHandle(table, extra_dict=[d for d, _ in flags])
    table[handle.id] = hook
    for where, condition in flags:
        if condition:
            where[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
