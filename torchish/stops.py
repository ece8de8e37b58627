"""Where a backward pauses: places of the graph at which hooks stand.

In: hooks of tensors and of backward nodes, gradients kept by `retain_grad`.  Out: a `Stop` in the `hooked` table of the tape,
the ended graph or the custom function, by slot; running it turns the gradient that arrives into the one that goes on.
"""
from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .handles import RemovableHandle, add_to
from .hooks import hooks

__all__ = ["DEFAULT", "NodeHooks", "NotBatched", "PostHook", "PreHook", "Start", "Stop", "add_hook", "checked",
           "home_of", "leaf_stop", "retain", "stop_at"]


NOT_REPLACED = "can't replace a None gradient with a non-None value"
DEFAULT = object()      # the `_grad_dtype` of a leaf for which none was set


class NodeHooks:
    """The hooks of one backward node: `pre` see the gradients of its results, `post` those of its operands, too.

    saved: what it saved, where that has been packed by hooks or may still be.
    """
    __slots__ = ("pre", "post", "metadata", "saved")

    def __init__(self) -> None:
        self.saved: Any = None
        self.pre: OrderedDict[int, Callable] = OrderedDict()
        self.post: OrderedDict[int, Callable] = OrderedDict()
        self.metadata: dict = {}

    def packed(self) -> bool:
        """Whether what the node saved is to be unpacked before it is gone through."""
        return self.saved is not None and self.saved.active()

    def run_pre(self, grads: list) -> list:
        """The gradients of the node's results after its pre-hooks."""
        for hook in list(self.pre.values()):
            grads = _replaced(hook, hook(tuple(grads)), grads)
        return grads

    def run_post(self, inputs: list, outputs: list) -> list:
        """The gradients of the node's operands after its hooks."""
        for hook in list(self.post.values()):
            inputs = _replaced(hook, hook(tuple(inputs), tuple(outputs)), inputs)
        return inputs


def _replaced(hook: Callable, new: Any, old: list) -> list:
    """What a hook of a node returned, checked; None keeps what was."""
    if new is None:
        return old
    if not isinstance(new, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
    if len(new) != len(old):
        raise RuntimeError(f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(new)}, but expected "
                           f"{len(old)})")
    if any(g is None and n is not None for n, g in zip(new, old, strict=True)):
        raise RuntimeError(NOT_REPLACED)
    return [None if n is None else checked(hook, n, g) for n, g in zip(new, old, strict=True)]


class Stop:
    """One place. hooks: of tensors that stood there; kept: the tensor whose `.grad` is retained; node: of the node."""
    __slots__ = ("hooks", "kept", "node")

    def __init__(self) -> None:
        self.hooks: OrderedDict[int, Callable] = OrderedDict()
        self.kept: weakref.ref | None = None
        self.node: NodeHooks | None = None

    def active(self) -> bool:
        """Whether anything is to be done here."""
        return bool(self.hooks) or (self.kept is not None and self.kept() is not None) or self.has_node_hooks()

    def first(self) -> int:
        """The number of the hook registered first."""
        return min(self.hooks, default=0)

    def has_node_hooks(self) -> bool:
        """Whether the node that makes this place has hooks."""
        return self.node is not None and (bool(self.node.pre or self.node.post) or self.node.packed())

    def run(self, g: Any) -> Any:
        """The gradient after the hooks of the tensor, None where none came; the one retained is what they made of it."""
        for hook in list(self.hooks.values()):
            new = hook(g)
            if new is not None and g is None:
                raise RuntimeError(NOT_REPLACED)
            if new is not None:
                g = checked(hook, new, g)
        x = self.kept() if self.kept is not None else None
        if x is not None and g is not None:
            x._grad = hooks.public["_alias"](g) if x._grad is None else hooks.add(x._grad, g)
        return g


class PreHook:
    """A pre-hook of the node `AccumulateGrad`, kept among the hooks of its leaf: it sees a tuple."""

    def __init__(self, fn: Any) -> None:
        self.fn = fn
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)

    def __call__(self, g: Any) -> Any:
        new = self.fn((g,))
        if new is not None and not isinstance(new, tuple):
            raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
        return None if new is None else new[0]


class PostHook:
    """A hook of the node `AccumulateGrad`, kept among the hooks that run after it: it sees the gradient that was added."""

    def __init__(self, fn: Any) -> None:
        self.fn = fn


def leaf_stop(hooks_of: dict, accumulates: bool) -> Stop:
    """The hooks of a leaf. Those of its node `AccumulateGrad` come last, and only where that runs."""
    stop, pairs = Stop(), list(hooks_of.items())
    stop.hooks = OrderedDict([h for h in pairs if not isinstance(h[1], PreHook)] +
                             [h for h in pairs if isinstance(h[1], PreHook) and accumulates])
    return stop


def checked(hook: Callable, new: Any, old: Any) -> Any:
    """What a hook returned in place of the gradient `old`; torch's errors where it does not fit."""
    if not isinstance(new, hooks.tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if old is not None and new.dtype is not old.dtype:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the type of value (was {old.type()} got {new.type()})")
    if old is not None and tuple(new.shape) != tuple(old.shape):
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    return new


def _name(hook: Callable) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


def home_of(x: Any) -> tuple[Any, int]:
    """(tape, ended graph or custom function, slot there): where the tensor `x`, which is no leaf, stands in the graph."""
    if x._view is not None:
        hooks.refresh(x)
    if x._graph is not None:
        return x._graph
    return x._tape or x._home, x._node.slot


def stop_at(home: Any, slot: int) -> Stop:
    """The stop at a place; made if there is none."""
    stop = home.hooked.get(slot)
    if stop is None:
        stop = home.hooked[slot] = Stop()
    return stop


def retain(x: Any) -> None:
    """Asks for the gradient of `x`, which is no leaf; called again when an in-place op has moved `x`."""
    if x._retains:
        x._retains.kept = None
    stop = x._retains = stop_at(*home_of(x))
    stop.kept = weakref.ref(x)


class NotBatched(Exception):
    """A Python function or a hook lies on the way of a batch of cotangents: they are to be taken one by one."""


class Start:
    """A gradient that waits at tensor `x`, which stands on the open tape. done: the hooks there have run."""
    __slots__ = ("x", "g", "done")

    def __init__(self, x: Any, g: Any, done: bool) -> None:
        self.x, self.g, self.done = x, g, done


def add_hook(x: Any, store: str, hook: Callable) -> RemovableHandle:
    """Registers `hook` for the gradient of `x`: in the named store of a leaf, else at the place where `x` stands."""
    if x._leaf:
        table = getattr(x, store)
        if table is None:
            table = OrderedDict()
            setattr(x, store, table)
    else:
        table = stop_at(*home_of(x)).hooks
    return add_to(table, hook)
