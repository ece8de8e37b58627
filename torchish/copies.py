"""Twins of the view functions whose result is a copy: `view_copy`, `permute_copy` and the rest, made by one rule.

In: the arguments of the view.  Out: new tensors with its values.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from . import dtypes
from .layouts import contiguous_format
from .ops.check import wrap_dim
from .ops.into import EXACT
from .recorder import hooks
from .tensor import Tensor
from .wiring import spaces

__all__ = ["COPIES"]

COPIES: dict[str, Callable] = {}


def _slice(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    return input[(slice(None),) * wrap_dim(dim, input.dim()) + (slice(start, end, step),)]


def _alias(input: Tensor) -> Tensor:
    return hooks.public["_alias"](input)


def _view(input, size=None, *, dtype=None):
    if dtype is not None or isinstance(size, dtypes.dtype):
        return input.view(size if dtype is None else dtype)
    return input.reshape(size)          # a copy is there where the strides allow no view, too


# the views, by torch's name; a name alone is the method's
VIEWS: dict[str, Callable] = {
    **{name: getattr(Tensor, name) for name in (
        "as_strided", "detach", "expand", "permute", "select", "split", "split_with_sizes", "squeeze", "t", "transpose",
        "unbind", "unfold", "unsqueeze")},
    "view_as_complex": spaces["function"]["view_as_complex"], "view_as_real": spaces["function"]["view_as_real"],
    "view": _view, "slice": _slice, "alias": _alias,
}


def _copied(view: Any) -> Any:
    if isinstance(view, tuple):
        return tuple(_copied(x) for x in view)
    return view.clone(memory_format=contiguous_format)


def _publish(name: str, view: Callable) -> None:
    def function(input: Tensor, *args: Any, out: Any = None, **options: Any) -> Any:
        made = _copied(view(input, *args, **options))
        return made if out is None else hooks.store_out(out, made, function.__name__, into=EXACT)
    P = inspect.Parameter
    _, *own = inspect.signature(view).parameters.values()
    function.__signature__ = inspect.Signature([        # type: ignore[attr-defined]
        P("input", P.POSITIONAL_OR_KEYWORD), *own, P("out", P.KEYWORD_ONLY, default=None)])
    function.__name__ = function.__qualname__ = f"{name}_copy"
    function.__doc__ = f"A copy of what `{name}` shows."
    COPIES[function.__name__] = function


for _name, _view in VIEWS.items():
    _publish(_name, _view)
