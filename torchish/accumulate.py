"""What backward() does with the gradients it finds; hooks; the setter of `.data`.

In: roots and their cotangents.  Out: `.grad` of the leaves (all updated or none), or the gradients themselves.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from .graph import first_backward, gradients
from .recorder import hooks
from .storage import assign, rebind
from .tape import state

__all__ = ["Handle", "add_hook", "backward", "check_roots", "grad", "run_hooks", "set_data", "watch"]

_ids = count()


class Handle:
    """A hook that can be removed: `remove()`, or leave the `with` block."""

    def __init__(self, store: dict) -> None:
        self.store, self.id = store, next(_ids)

    def remove(self) -> None:
        """Takes the hook away."""
        self.store.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def backward(roots: Sequence, cotangents: Sequence, retain: bool | None, create: bool, inputs: Any) -> None:
    """Accumulates gradients of `roots` into the leaves, or into `inputs` where given."""
    if inputs is not None:
        inputs = [inputs] if isinstance(inputs, hooks.tensor) else list(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward cannot be empty.")
    cotangents = check_roots(roots, cotangents)
    if inputs is None and not create and len(roots) == 1 and first_backward(roots[0], cotangents[0], bool(retain)):
        return
    found = gradients(list(roots), cotangents, inputs, create if retain is None else retain, create)
    mode = state.tape.grad
    for x, g in found.values():
        if x._hooks and x._leaf:
            g = run_hooks(x, g)
        _accumulate(x, g, create)
    state.tape.set_grad(mode)
    if not create:
        state.tape.mark = state.tape.last if state.tape.stepped else state.tape.mark


def _accumulate(x: Any, g: Any, create: bool) -> None:
    known = x._grad
    if known is None:
        x._grad = g
    else:
        state.tape.set_grad(create)
        if create:
            x._grad = hooks.add(known, g)
        else:
            assign(known, hooks.add(known, g))
    if x._post_hooks:
        for hook in list(x._post_hooks.values()):
            hook(x)


def grad(roots: Sequence, inputs: Sequence, cotangents: Sequence, retain: bool | None, create: bool, allow_unused: bool,
         materialize: bool) -> tuple:
    """Gradients of `roots` with respect to `inputs`, in their order; None (or zeros) where nothing leads there."""
    cotangents = check_roots(roots, cotangents)
    for x in inputs:
        if not x.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = gradients(list(roots), cotangents, list(inputs), create if retain is None else retain, create)
    result = []
    for x in inputs:
        g = found.get(id(x), (None, None))[1]
        if g is None and not (allow_unused or materialize):
            raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. Set "
                               "allow_unused=True if this is the desired behavior.")
        if g is None and materialize:
            g = hooks.zeros(x._node.aval)
        elif g is not None and x._hooks and x._leaf:
            g = run_hooks(x, g)
        result.append(g)
    return tuple(result)


def check_roots(roots: Sequence, cotangents: Sequence) -> list:
    """torch's errors for roots without a graph and cotangents that do not fit."""
    checked = []
    for k, (x, c) in enumerate(zip(roots, cotangents, strict=True)):
        if not x.requires_grad:
            raise RuntimeError(f"element {k} of tensors does not require grad and does not have a grad_fn")
        aval = x._node.aval
        if c is None:
            if aval.numel != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if not aval.dtype.is_floating_point:
                raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got torch.{aval.dtype.name}")
        elif tuple(c.shape) != tuple(aval.shape):
            raise RuntimeError(f"Mismatch in shape: grad_output[{k}] has a shape of {c.shape} and output[{k}] has a shape of "
                               f"{aval.shape}.")
        elif c.dtype.is_complex != aval.dtype.is_complex:
            raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch "
                               f"in dtype: grad_output[{k}] has a dtype of {c.dtype} and output[{k}] has a dtype of {aval.dtype}.")
        checked.append(c)
    return checked


def watch(x: Any) -> None:
    """Remembers, where the graph of `x` is, that `x` wants to see its gradient."""
    if x._graph is not None:
        graph, slot = x._graph
        graph.hooked[slot] = x
    else:
        tape = x._tape or x._home
        tape.hooked[x._node.slot] = x


def add_hook(x: Any, store: str, hook: Any) -> Handle:
    """Registers `hook` in the named store of `x`."""
    if getattr(x, store) is None:
        setattr(x, store, {})
    handle = Handle(getattr(x, store))
    handle.store[handle.id] = hook
    if not x._leaf:
        watch(x)
    return handle


def run_hooks(x: Any, g: Any) -> Any:
    """The gradient of `x` after its hooks; kept in `.grad` where `retain_grad` asked for it."""
    for hook in list((x._hooks or {}).values()):
        new = hook(g)
        if new is not None:
            if not isinstance(new, hooks.tensor):
                raise TypeError(f"hook returned a {type(new).__name__}, expected a Tensor or None")
            if tuple(new.shape) != tuple(g.shape):
                raise RuntimeError(f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value")
            g = new
    if x._retains and not x._leaf:
        x._grad = g if x._grad is None else hooks.add(x._grad, g)
    return g


def set_data(x: Any, value: Any) -> None:
    """`x.data = value`: x takes the value, dtype and shape of `value`, and keeps its own place in the graph."""
    if not isinstance(value, hooks.tensor):
        raise TypeError("Variable data has to be a tensor, but got " + type(value).__name__)
    if value.dtype.category < 2 and x._leaf:
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    value = value.detach()
    if value._data is None and not (value._tape is state.tape and x._data is None):
        value._array()
    if value._data is not None:
        aval = value._node.aval
        x._data, x._tape, x._home, x._graph = value._data, None, None, None
        x._node = aval.grad if x._leaf else aval.plain
        x._version_count += 1
    else:
        rebind(x, value)


