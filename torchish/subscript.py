"""`x[...]` and `x[...] = v`.

In: any index torch takes.  Out: a view (`slice`), a gathered copy (`index`), or a write into `x`.  A boolean mask is the one
kind whose shape depends on values: reading through one ends the tape; writing one number through one does not.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .errors import refuse_data_dependent
from .indexing import parse
from .ops.index import expect_dtype
from .ops.index import index as INDEX
from .ops.index import index_put_at as INDEX_PUT
from .ops.index import slice_ as SLICE
from .recorder import hooks, record
from .storage import assign, make_view, refuse_overlap, stands_at, warn_if_expanded, write_op
from .tape import state

__all__ = ["Subscript"]


class Subscript:
    """The part of Tensor that is indexed."""

    def __getitem__(self, index: Any) -> Any:
        spec, starts, tensors, kind = parse(index, self._node.aval.shape, hooks.tensor)
        if kind == "basic":
            return _slice(self, spec, starts)
        outer, inner = spec
        x = self if outer is None else _slice(self, outer, starts)
        return record(INDEX, (x, _places(tensors, x), inner))

    def __setitem__(self, index: Any, value: Any) -> None:
        spec, starts, tensors, kind = parse(index, self._node.aval.shape, hooks.tensor)
        own = isinstance(value, hooks.tensor)
        if not own:
            value = hooks.as_value(value, self)
        if kind == "basic":
            if self._leaf and state.tape.grad:
                raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
            if own and stands_at(value, self, SLICE, (starts, spec)):
                return              # `x[i] += y`: Python writes the view back, which has been written through already
            part = _slice(self, spec, starts)
            refuse_overlap(part, None if value._node.aval.numel == 1 else value)       # one number fills
            value = hooks.copy_cast(part, _fitting(part.shape, value))
            assign(self, record(write_op(SLICE), (self, value, starts, spec)))
            return
        outer, inner = spec
        part = self if outer is None else _slice(self, outer, starts)
        warn_if_expanded(part)
        if kind == "mask" and len(tensors) == 1 and value._node.aval.numel == 1 and _leads(inner):
            value = value.reshape(()) if value.shape else value
            assign(part, hooks.mask_put(part, hooks.as_tensor(tensors[0]), value, _leads(inner) - 1))
            return
        given = value.shape
        if given and given[0] == 1:
            value = value.reshape(_without_leading_ones(given))
        if own and not value.shape:       # of others the op says it, after their shape
            expect_dtype(self.dtype, value.dtype)
        assign(part, record(INDEX_PUT, (part, _places(tensors, part), value, inner, False)))

    def __delitem__(self, index: Any) -> None:
        raise TypeError("Tensor does not support deleting items")


def _without_leading_ones(shape: tuple) -> tuple:
    return shape[next((k for k, n in enumerate(shape) if n != 1), len(shape)):]


def _fitting(shape: tuple, value: Any) -> Any:
    """`value` without leading dimensions of size 1 that are too many for `shape`; refused where it does not expand to it."""
    given = tuple(value.shape)
    extra = len(given) - len(shape)
    if extra > 0 and given[:extra] == (1,) * extra:
        value, given, extra = value.reshape(given[extra:]), given[extra:], 0
    if extra > 0 or any(n not in (1, m) for n, m in zip(given[::-1], tuple(shape)[::-1], strict=False)):
        value.expand(tuple(shape))          # which raises the fitting error
    return value


def _leads(spec: tuple) -> int:
    """Where, counted from 1, the one mask of an index stands if only full dimensions come before it."""
    for k, item in enumerate(spec):
        if item in ("t", ("t",)):
            return k + 1
    return 0


def _slice(x: Any, spec: tuple, starts: tuple) -> Any:
    tape = state.tape
    if x._tape is tape:
        node = tape.node.children.get((SLICE.index, x._node.slot, starts, spec))
        if node is not None:
            tape.node = node
            return make_view(x, hooks.make(tape, node), SLICE, (starts, spec))
    return make_view(x, record(SLICE, (x, starts, spec)), SLICE, (starts, spec))


def _places(tensors: tuple, x: Any) -> list:
    """Index tensors where `x` is; a mask becomes the places where it is true, one tensor for each of its dimensions."""
    places, device = [], x._node.aval.device
    for t in tensors:
        t = hooks.as_tensor(t) if not isinstance(t, hooks.tensor) else t
        if t.dtype.name in ("bool", "uint8"):
            nested = t._inside()
            if nested is not None and nested.batch is not None and not nested.closed and nested.is_marked(t):
                raise RuntimeError("vmap: We do not support batching operators that can support dynamic shape. Attempting to batch "
                                   "over indexing with a boolean mask.")
            refuse_data_dependent("nonzero", t)
            places.extend(hooks.from_array(p.astype(np.int64), device) for p in np.nonzero(t._numpy()))
        else:
            places.append(t if t._node.aval.device != "cpu" else t.to(device))
    return places
