"""torchish.jit: a function whose Python runs once for each kind of arguments.

In: a function of tensors, or a module.  Out: a callable that records the function's entries again as one, without running its
Python: for functions of so many small operations that recording them costs more than computing them.
"""
from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from . import dtypes, log
from .bodies import Body, body_of, flatten, tensors_of
from .nested import Closed, entry
from .nn.module import Module
from .tape import state
from .tensor import Tensor
from .where import short, user_line

__all__ = ["Jitted", "jit"]

KEPT = 64       # recordings of one function; the oldest is dropped beyond


def jit(fn: Callable | None = None, *, name: str | None = None) -> Any:
    """The function of the same tensors that runs the Python of `fn` once for each kind of arguments, and never again.

    A kind is: structure, shapes, dtypes, requires_grad, values of other arguments, grad mode, autocast, and for a module
    `training`. What the Python does besides (printing, counting, appending to lists) happens only then; computed values cannot
    be looked at (RuntimeError).
    Tensors that `fn` closes over (parameters, buffers) are read anew at each call, and what it writes into them or into its
    arguments is written at each call; rand, randn and dropout draw anew. Differentiable, also inside other transforms.
    Without `fn`: a decorator. Everything is compiled anyway: this saves recording, about a microsecond for each operation.
    """
    if fn is None:
        return functools.partial(jit, name=name)
    if not callable(fn):
        raise TypeError(f"jit(): argument 'fn' must be callable, not {type(fn).__name__}")
    return Jitted(fn, name or getattr(fn, "__name__", type(fn).__name__))


class _Recording:
    """One kind of call: the body, which arguments come first, and what the captured tensors were like."""

    def __init__(self, body: Body, count: int) -> None:
        self.body, self.count = body, count
        closed = body.closed
        self.captured = list(closed.operands[count:])
        self.avals = [(x._node.aval, x.requires_grad) for x in self.captured]
        self.states = [(g, [next(i for i, x in enumerate(self.captured) if x is s) for s in g._lazy])
                       for g in closed.generators]

    def fits(self) -> bool:
        """Whether the captured tensors still look as they did."""
        return all(x._node.aval is aval and x.requires_grad == rg for x, (aval, rg) in
                   zip(self.captured, self.avals, strict=True))

    def again(self, tensors: list) -> Closed:
        """The recorded function with other arguments and the present states of the generators."""
        found = self.body.closed
        again = object.__new__(Closed)
        for name in ("node", "outs", "floats", "ints", "effects", "wanted", "generators", "name"):
            setattr(again, name, getattr(found, name))
        again.forward = state.tape.nested is not None and state.tape.nested.forward
        captured = list(self.captured)
        for g, places in self.states:
            for at, s in zip(places, g.on_tape(captured[places[0]]._node.aval.device), strict=True):
                captured[at] = s
        again.operands = [*tensors, *captured]
        return again


class Jitted:
    """What `jit` returns; `recordings` counts the times that the Python of the function has run."""

    def __init__(self, fn: Callable, name: str) -> None:
        self.fn, self.name, self.recordings = fn, name, 0
        self._known: OrderedDict[tuple, _Recording] = OrderedDict()
        functools.update_wrapper(self, fn, [a for a in functools.WRAPPER_ASSIGNMENTS if hasattr(fn, a)], updated=())

    def clear(self) -> None:
        """Forgets all recordings: the next call runs the Python of the function."""
        self._known.clear()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        tensors = tensors_of(leaves)
        key = (structure, tuple([None if isinstance(x, Tensor) else (type(x), x) for x in leaves]),
               tuple([(x._node.aval, x.requires_grad) for x in tensors]), state.tape.grad, state.tape.autocast,
               dtypes.default.float,
               tuple([m.training for m in self.fn.modules()]) if isinstance(self.fn, Module) else None)
        try:
            recording = self._known.get(key)
        except TypeError:
            odd = next(x for x in leaves if not isinstance(x, Tensor) and type(x).__hash__ is None)
            raise TypeError(f"{self.name}: an argument of type {type(odd).__name__} is neither a tensor nor hashable: a function "
                            "of torchish.jit takes tensors and hashable values") from None
        if recording is None or not recording.fits():
            recording = self._known[key] = self._record(leaves, structure, len(tensors))
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        body = recording.body
        closed = recording.again(tensors)
        results = entry(self.name, [closed], (), lambda f: f) if closed.outs else ()
        for g in closed.generators:
            at = closed.wanted + 2 * closed.generators.index(g)
            g.carry_on(results[at], results[at + 1])
        results = _after(closed, results)
        body.write(tensors, results)
        return body.build(results)

    def _record(self, leaves: list, structure: Any, count: int) -> _Recording:
        self.recordings += 1
        log.note("graph", f"jit: {self.name} is recorded, for the {self.recordings}. time, at {short(user_line())}")
        return _Recording(body_of(self.name, self.fn, leaves, structure, repeated=True), count)

    def __repr__(self) -> str:
        return f"<torchish.jit of {self.name}, recorded {self.recordings} times>"


def _after(closed: Closed, results: tuple) -> tuple:
    """Writes what the function wrote; the results proper."""
    first = closed.wanted + 2 * len(closed.generators)
    for effect, value in zip(closed.effects, results[first:], strict=True):
        effect(value)
    return tuple(results[:closed.wanted])
