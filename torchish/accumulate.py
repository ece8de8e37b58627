"""What backward() does with the gradients it finds; hooks; the setter of `.data`.

In: roots and their cotangents.  Out: `.grad` of the leaves (all updated or none), or the gradients themselves.
"""
from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

from .anomaly import anomaly
from .devices import META
from .errors import NO_DATA
from .graph import known_gradients
from .recorder import hooks
from .sharing import storage_of
from .stops import DEFAULT, PostHook
from .storage import assign, become_one, byte_offset, leave, rebind, unseen
from .tape import state
from .walk import gradients
from .warned import warn_once

__all__ = ["accumulate", "backward", "check_roots", "completed", "grad", "set_data"]

_one_at_a_time = RLock()     # backwards of several threads may come to one leaf

CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient which can cause "
    "a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you have to use this function, make "
    "sure to reset the .grad fields of your parameters to None after use to break the cycle and avoid the leak.")


def backward(roots: Sequence, cotangents: Sequence, retain: bool | None, create: bool, inputs: Sequence | None) -> None:
    """Accumulates gradients of `roots` into the leaves, or into `inputs` where given."""
    if state.tape.nested is not None and state.tape.nested.in_transform():
        raise RuntimeError("backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
                           "functorch.vjp instead or call backward() outside of functorch transforms.")
    if inputs is not None:
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for x in inputs:
            if not x.requires_grad:
                raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    cotangents = check_roots(roots, cotangents)
    before: list[tuple] = []

    def arrived(walk: Any, x: Any, g: Any) -> None:
        # nothing is shared: neither with a gradient of the user's nor between two leaves
        own = g
        if create and x._grad is None:
            state.tape.set_grad(True)
            own = hooks.copy_cast(g.detach(), g)
        elif id(g) in walk.borrowed:
            state.tape.set_grad(create)
            own = hooks.public["_alias"](g)
        if x._grad_dtype is not DEFAULT and x._grad_dtype is not None:
            own = hooks.to_dtype(own, x._grad_dtype)
        walk.borrowed.add(id(g))
        if walk.careful is None:        # what runs between two leaves may fail
            walk.careful = not create and bool(walk.open or walk.pending or
                                               any(y._hooks or y._post_hooks for y, _ in walk.found.values()))
        before.append((x, x._grad, hooks.twin(x._grad) if walk.careful and x._grad is not None else None))
        accumulate(x, own, create)
        if x._post_hooks:
            state.tape.set_grad(create)
            # those of the node come last: it has done its work only then
            for hook in sorted(x._post_hooks.values(), key=lambda hook: isinstance(hook, PostHook)):
                if isinstance(hook, PostHook):
                    hook.fn((), (g,))
                else:
                    _check_returned(hook(x), x)

    if create:
        warn_once(CYCLE)
    mode = state.tape.grad
    try:
        gradients(list(roots), cotangents, inputs, create if retain is None else retain, create, arrived)
    except BaseException:
        _undo(before)
        raise
    finally:
        state.tape.set_grad(mode)
    if not create:
        state.tape.mark = state.tape.last if state.tape.stepped else state.tape.mark


def _check_returned(result: Any, x: Any) -> None:
    """A hook that runs after the gradient has been accumulated returns nothing (or, as in-place methods do, its tensor)."""
    if result is None or result is x:
        return
    if not isinstance(result, hooks.tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def _undo(before: list[tuple]) -> None:
    """A backward that failed has changed no gradient."""
    state.tape.set_grad(False)
    for x, known, value in reversed(before):
        x._grad = known
        if value is not None:
            assign(known, value)


def accumulate(x: Any, g: Any, create: bool) -> None:
    """Adds `g` to `x.grad`: in place, or as a new tensor where the sum is to be differentiable."""
    if g._node.aval.device == META != x._node.aval.device:
        raise NotImplementedError(NO_DATA)
    with _one_at_a_time:
        known = x._grad
        if known is None:
            nested = state.tape.nested
            without = not create and nested is not None and nested.pushed is not None       # as in torch, of its tangent
            x._grad = hooks.public["detach"](g) if without else g
            return
        state.tape.set_grad(create)
        if create:
            x._grad = hooks.add(known, g)
        else:
            assign(known, hooks.add(known, g))


def grad(roots: Sequence, inputs: Sequence, cotangents: Sequence, retain: bool | None, create: bool, allow_unused: bool,
         materialize: bool, batch: int | None = None) -> tuple:
    """Gradients of `roots` with respect to `inputs`, in their order; None (or zeros) where nothing leads there.

    batch: how many cotangents the first dimension of each counts.
    """
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    cotangents = check_roots(roots, cotangents, batch is not None)
    for x in inputs:
        if not x.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    retain = create if retain is None else retain
    known = None if batch is not None or anomaly.check else known_gradients(list(roots), cotangents, list(inputs), retain, create)
    if known is None:
        found = gradients(list(roots), cotangents, list(inputs), retain, create, batch=batch).found
        known = [found.get(id(x), (None, None))[1] for x in inputs]
    return completed(inputs, known, create, allow_unused, materialize)


def completed(inputs: Sequence, found: Sequence, create: bool, allow_unused: bool, materialize: bool) -> tuple:
    """Gradients with zeros, None or torch's error where there is none."""
    result = []
    for k, (x, g) in enumerate(zip(inputs, found, strict=True)):
        if g is None and not (allow_unused or materialize):
            raise RuntimeError(f"The differentiated Tensor at index {k} appears to not have been used in the graph. Set "
                               "allow_unused=True if this is the desired behavior.")
        if g is None and materialize:
            g = hooks.zeros(x._node.aval)
            if create:
                g.requires_grad_()
        result.append(g)
    return tuple(result)


def check_roots(roots: Sequence, cotangents: Sequence, batched: bool = False) -> list:
    """torch's errors for cotangents that do not fit and roots without a graph."""
    for k, (x, c) in enumerate(zip(roots, cotangents, strict=True)):
        aval = x._node.aval
        if c is None:
            if x.requires_grad and aval.numel != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if x.requires_grad and not aval.dtype.is_floating_point:
                raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got torch.{aval.dtype.name}")
        elif not isinstance(c, hooks.tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(c).__name__}")
        elif not batched and tuple(c.shape) != tuple(aval.shape):
            raise RuntimeError(f"Mismatch in shape: grad_output[{k}] has a shape of {c.shape} and output[{k}] has a shape of "
                               f"{aval.shape}.")
        elif c.is_meta is not x.is_meta:
            raise RuntimeError(f"invalid gradient at index {k} - expected device {x.device} but got {c.device}")
        elif c.dtype.is_complex != aval.dtype.is_complex:
            raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch "
                               f"in dtype: grad_output[{k}] has a dtype of {c.dtype} and output[{k}] has a dtype of {aval.dtype}.")
    for k, x in enumerate(roots):
        if not x.requires_grad:
            raise RuntimeError(f"element {k} of tensors does not require grad and does not have a grad_fn")
    return list(cotangents)


def _set_within(x: Any, value: Any) -> None:
    """`x.data = value` of a result: the gradient that comes to x goes where it would have gone."""
    new = unseen(x, value.detach())
    leave(x)
    rebind(x, new)
    x._unseen_writes += 1


def set_data(x: Any, value: Any) -> None:
    """`x.data = value`: x takes dtype, shape and memory of `value`, and keeps its own place in the graph.

    Differs from torch: the memory of a tensor that has a graph of its own is not shared.
    """
    if not isinstance(value, hooks.tensor):
        raise TypeError("Variable data has to be a tensor, but got " + type(value).__name__)
    if value.dtype.category < 2 and x._leaf:
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    if value.is_meta is not x.is_meta:
        raise RuntimeError("Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor "
                           "type.")
    owner = storage_of(value)
    if owner is storage_of(x) and value._node.aval is x._node.aval and byte_offset(value) == byte_offset(x):
        return              # `x.data += 1`
    if x.requires_grad and not x._leaf and value.shape == x.shape and value.dtype is x.dtype:
        _set_within(x, value)
        return
    if owner is storage_of(x):
        owner = None        # a part of what x was
    elif owner.requires_grad and not owner._leaf or state.tape.nested is not None:
        owner = None
    plain = value.detach()
    if plain._data is None and not (plain._tape is state.tape and x._data is None) and not plain.is_meta:
        plain._array()
    chain = plain._view.chain
    leave(x)
    if plain._data is not None:
        aval = plain._node.aval
        x._data, x._tape, x._home, x._graph = plain._data, None, None, None
        x._node = aval.grad if x._leaf else aval.plain
        x._version_count += 1
    else:
        rebind(x, plain)
    x._unseen_writes += 1
    del plain               # a view of `value`, which may be seen by nobody else (become_one)
    if owner is not None:
        become_one(x, value, owner, chain)
