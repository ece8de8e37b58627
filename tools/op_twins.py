"""Databases of torch's that are Python themselves, run a second time with `torch` meaning torchish.

In: the name of such a database and its module.  Out: its ops, and what each of their functions is in torchish: custom functions,
custom operators and control flow compute with torch's tensors inside, so they have no name to be looked up by.
"""
from __future__ import annotations

import builtins
import importlib
import inspect
import types
from collections.abc import Callable
from typing import Any

import torchish

__all__ = ["DATABASES", "database"]

DATABASES = ("autograd_function_db", "custom_op_db", "hop_db")
# what is not a database's subject: it is described with torch's dtypes once
DESCRIBED = ("torch.testing._internal.opinfo.core", "torch.testing._internal.common_dtype")
OURS = ("torch._higher_order_ops", "torch.nn.attention", "torch.library", "torch.types")      # what is


class Missing:
    """What torchish does not have: an AttributeError where it is called, so that the rest of the database can be."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *args: Any, **options: Any) -> Any:
        if any(isinstance(x, torchish.Tensor) for x in args):
            raise self.error
        return self         # made or decorated where the database is read


def _described(name: Any = None, *args: Any, op: Any = None, inplace_variant: Any = None, **rest: Any) -> Any:
    """In the place of an OpInfo: what can be called. In the place of dtypes: nothing that is looked at."""
    return types.SimpleNamespace(op=op, inplace_variant=inplace_variant)


def _given(name: str, globals: Any = None, locals: Any = None, wanted: tuple = (), level: int = 0) -> Any:
    """`import`, in a module that runs a second time."""
    if name == "torch":
        return torchish
    if name == "functorch.experimental.control_flow":
        name = "torch._higher_order_ops"
    if name in DESCRIBED:
        return types.SimpleNamespace(**dict.fromkeys(wanted, _described))
    if not name.startswith(OURS):
        return builtins.__import__(name, globals, locals, wanted, level)
    found = types.SimpleNamespace()
    for part in wanted:
        try:
            setattr(found, part, getattr(importlib.import_module(f"torchish{name.removeprefix('torch')}"), part))
        except (AttributeError, ImportError) as e:
            setattr(found, part, Missing(e))
    return found


def database(name: str) -> tuple[list, dict[int, Callable]]:
    """The ops of a database, and a dictionary: the id of a function of one of them -> its twin."""
    module = importlib.import_module(f"torch.testing._internal.{name}")
    again: dict[str, Any] = {"__name__": module.__name__, "__builtins__": vars(builtins) | {"__import__": _given}}
    exec(compile(inspect.getsource(module), str(module.__file__), "exec"), again)
    ops, twins = getattr(module, name), {}
    for op, twin in zip(ops, again[name], strict=True):
        for kind in ("op", "inplace_variant"):
            if getattr(twin, kind) is not None:
                twins[id(getattr(op, kind))] = getattr(twin, kind)
    return ops, twins
