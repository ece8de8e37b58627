"""What a function or module computes, as a pure JAX function.

In: a callable over tensors.  Out: a function of arrays (and, for a module, of its parameters as a dict by name), which JAX can
transform: inside it tensors hold tracers, and the tape is replayed in line over them.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from .creation import from_array
from .given import all_of, become
from .nn.module import Module
from .tape import Tape, state
from .tensor import Tensor, wrap

__all__ = ["to_jax"]


def to_jax(fn: Callable) -> Any:
    """The pure JAX function of `fn`, a callable that takes and returns tensors (nested in lists, tuples and dicts).

    For a function: `pure(*arrays)`.  For a Module: `(pure, parameters)`, with `pure(parameters, *arrays)` and `parameters`
    a dict of jax arrays by name (`named_parameters`); buffers keep the values they have when `pure` is called, and what the
    module writes into them is dropped.  `jax.grad`, `jax.vmap` and `jax.jit` apply.  Values that depend on data (`item`,
    boolean masks) raise JAX's ConcretizationTypeError there.
    """
    if not isinstance(fn, Module):
        def pure(*args: Any, **kwargs: Any) -> Any:
            return _in_line(fn, args, kwargs)
        return pure

    def pure_module(parameters: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        with _values(fn, parameters):
            return _in_line(fn, args, kwargs)
    return pure_module, {name: p._array() for name, p in fn.named_parameters()}


def _in_line(fn: Callable, args: tuple, kwargs: dict) -> Any:
    with jax.enable_x64(True), in_line_tape():
        args, kwargs = jax.tree_util.tree_map(_tensor, (args, kwargs))
        out = fn(*args, **kwargs)
        return jax.tree_util.tree_map(lambda x: x._array() if isinstance(x, Tensor) else x, out,
                                      is_leaf=lambda x: isinstance(x, Tensor))


def _tensor(x: Any) -> Any:
    """An array as a tensor through which gradients pass; other values as they are."""
    if not isinstance(x, jax.Array):
        return from_array(x) if hasattr(x, "__array__") and not isinstance(x, (int, float, bool, complex)) else x
    t = wrap(x)
    return t.requires_grad_() if t.dtype.category >= 2 else t


@contextmanager
def in_line_tape() -> Iterator[None]:
    """Entries go on a tape that is replayed at once, over the tracers its inputs hold."""
    outer, sealed = state.tape, state.sealed
    state.tape, state.sealed = Tape(outer.grad, inline=True, autocast=outer.autocast), None
    try:
        yield
    finally:
        state.tape, state.sealed = outer, sealed


@contextmanager
def _values(module: Module, parameters: dict[str, Any]) -> Iterator[None]:
    """The module's parameters have other values inside; parameters and buffers are as before afterwards."""
    named = dict(module.named_parameters())
    missing = named.keys() - parameters.keys()
    if missing or parameters.keys() - named.keys():
        raise KeyError(f"parameters: wanted {sorted(named)}, got {sorted(parameters)}")
    kept = []
    for x in [*named.values(), *module.buffers()]:
        x._array()
        kept.append((x, dict(all_of(x))))
    try:
        for name, x in named.items():
            x._data, x._tape = parameters[name], None
        yield
    finally:
        for x, attributes in kept:
            become(x, attributes)
