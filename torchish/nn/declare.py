"""Modules that only keep arguments and pass them to a function: written as a list of fields.

In: a class whose annotated attributes are torch's constructor arguments, and the name of a function (`F.relu`).
Out: the same class with `__init__`, `forward` and `extra_repr`, made as source text once, as `dataclasses` does.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from . import functional as F
from ._reduction import legacy_reduction

__all__ = ["module_of"]

_MISSING = object()


def _compile(source: str, namespace: dict) -> dict:
    exec(compile(source, "<nn.declare>", "exec"), namespace)
    return namespace


def _default_repr(self: Any) -> str:
    shown = [f"{name}={getattr(self, name)!r}" for name in self._fields if name != "inplace"]
    return ", ".join(shown + (["inplace=True"] if getattr(self, "inplace", False) else []))


def module_of(function: str, inputs: str = "input", show: bool = True) -> Callable[[type], type]:
    """Completes the decorated Module class so that it calls `function(inputs..., field=self.field, ...)`.

    The function is looked up at every call, as `F.name` or `torch.name`.

    A field without a default is required.  A field annotated `Buffer` is registered as one.  Losses name
    `size_average` and `reduce` among their fields; these only choose the reduction.
    `show=False` gives an empty repr.
    """
    def complete(cls: type) -> type:
        fields = {name: cls.__dict__.get(name, _MISSING) for name in cls.__dict__.get("__annotations__", {})}
        for name, default in fields.items():
            if default is not _MISSING:
                delattr(cls, name)
        legacy = "size_average" in fields
        kept = [name for name in fields if name not in ("size_average", "reduce")]
        args = "".join(f", {n}" + ("" if d is _MISSING else f"=_defaults[{n!r}]") for n, d in fields.items())
        lines = [f"def __init__(self{args}):", "    super(_cls, self).__init__()"]
        for name in kept:
            value = "legacy_reduction(size_average, reduce, reduction)" if legacy and name == "reduction" else name
            lines.append(f"    self.register_buffer({name!r}, {name})" if cls.__annotations__[name] == "Buffer"
                         else f"    self.{name} = {value}")
        passed = ", ".join([inputs, *(f"{n}=self.{n}" for n in kept)])
        lines += [f"def forward(self, {inputs}):", f"    return {function}({passed})"]
        made = _compile("\n".join(lines), {"_cls": cls, "_defaults": fields, "F": F, "torch": torch,
                                           "legacy_reduction": legacy_reduction})
        for name in ("__init__", "forward"):
            if name not in cls.__dict__:
                made[name].__module__, made[name].__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"
                setattr(cls, name, made[name])
        cls._fields = tuple(kept)
        if show and "extra_repr" not in cls.__dict__:
            cls.extra_repr = _default_repr
        return cls
    return complete
