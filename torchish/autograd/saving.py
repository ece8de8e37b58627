"""Tensors kept for backward, and the hooks that pack them.

In: what a custom function saves.  Out: `SavedTensor`, which gives it back as it was, or refuses where it has been overwritten;
the stack of hooks of `torch.autograd.graph.saved_tensors_hooks`.
Source: https://docs.pytorch.org/docs/stable/autograd.html#hooks-for-saved-tensors
"""
from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..anomaly import anomaly
from ..grad_fn import GradFn
from ..graph import SECOND_TIME
from ..inference import SAVED, is_inference
from ..kept import Kept, kept_by
from ..modes import no_grad
from ..nodes import value_at
from ..ops.engine import straight
from ..ops.table import OPERANDS
from ..recorder import hooks, record
from ..saved_values import as_given
from ..stops import NodeHooks, home_of, stop_at
from ..tape import Node, state
from ..tensor import Tensor
from ..watching import watchers

__all__ = ["Packing", "SavedSet", "SavedTensor", "pack_entry", "packing", "saved_of"]


class Packing(threading.local):
    """What holds in a thread.

    hooks: pairs (pack, unpack), the innermost last; disabled: why there may be none; mutable: overwriting is no error.
    """

    def __init__(self) -> None:
        self.hooks: list[tuple[Any, Any]] = []
        self.disabled: str | None = None
        self.mutable: list[dict] = []

    def push(self, pack: Any, unpack: Any) -> None:
        """From now on what is saved goes through these hooks: what ops keep, too, so the recorder reports each entry."""
        self.hooks.append((pack, unpack))
        watchers.set(self, True)

    def pop(self) -> None:
        """Back to the hooks before."""
        if self.hooks:
            self.hooks.pop()
        watchers.set(self, bool(self.hooks))

    def recorded(self, node: Node, values: Any, result: Any) -> None:
        """Packs what a differentiable entry keeps."""
        if node.grad:
            pack_entry(node, values, result)

    def pulled(self, found: list[Node], outs: Any, wrt: Any) -> None:
        """Nothing: what was packed is unpacked where the walk pauses for it."""

    def takes(self, operator: Any) -> bool:
        """No: the entries inside it are packed."""
        return False

    def called(self, operator: Any, args: list, kwargs: dict, result: Any) -> None:
        """Nothing."""


packing = Packing()
FORBIDDEN = object()


class SavedTensor:
    """A tensor as it was when it was saved.

    x: the tensor itself, or for a result of the function (which must not be held: it holds the function) its value, with
    `watched` to see its version.  placed: it is known elsewhere where it stands in the graph.
    """

    def __init__(self, x: Any = FORBIDDEN, watched: Tensor | None = None, k: int = -1, name: str = "",
                 placed: bool = False) -> None:
        if x is FORBIDDEN:
            raise RuntimeError("Trying to create a SavedTensor object from Python is forbidden.")
        self.k, self.name, self.placed, self.freed = k, name, placed, False
        self.hooks: tuple[Any, Any] | None = None
        self.copy: Tensor | None = None
        self.packed: Any = None
        self.x: Any = x
        if x is None:
            return
        if is_inference(x):
            raise RuntimeError(SAVED)
        self.watched = weakref.ref(watched) if watched is not None else None
        self.version = (x if watched is None else watched)._version
        if packing.hooks:
            self.register_hooks(*packing.hooks[-1])
        elif packing.mutable:
            self.copy = x.detach().clone()

    def register_hooks(self, *pair: Any) -> None:
        """Packs the value now with the first hook; the second gives it back when it is asked for."""
        if len(pair) != 2 or not all(map(callable, pair)):
            raise TypeError("register_hooks(): incompatible function arguments: two callables are wanted")
        if self.freed:
            raise RuntimeError("Calling register_hooks on a saved tensor after it has been freed. " +
                               SECOND_TIME[SECOND_TIME.index("Saved "):])
        pack, unpack = pair
        if self.x is None and self.hooks is None:
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden")
        if self.hooks is not None:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of "
                               "hooks is allowed at a time.")
        self.hooks = (pack, unpack)
        value = self.x if self.k < 0 else self.x.detach()._require_grad()
        version = value._version
        with no_grad():
            self.packed = pack(value)
        if value._version != version:
            raise RuntimeError("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
                               "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please "
                               "open an issue if you need to perform in-place operations on the input to a pack hook.")
        if self.k >= 0 or self.placed or not self.x.requires_grad:
            self.x = None

    @property
    def data(self) -> Any:
        """What is kept: what the pack hook made, else the tensor."""
        return self.packed if self.hooks is not None else self.x

    @property
    def unpack_hook(self) -> Any:
        """The hook that gives the tensor back; None where there is none."""
        return None if self.hooks is None else self.hooks[1]

    def unpack(self, link: Any = None) -> Any:
        """The tensor. `link`: for a result, what makes a value stand at its place in the graph."""
        if self.x is None and self.hooks is None:
            return None
        if self.hooks is not None:
            value = self._unpacked()
            if self.k >= 0:
                return link(value, self.k)
            return value if self.x is None or not state.tape.grad else record(straight, (self.x, value))
        self._check()
        value = self.x if self.copy is None else record(straight, (self.x, self.copy)) if state.tape.grad else self.copy
        return link(value, self.k) if self.k >= 0 else value

    def value(self) -> tuple[Tensor, bool]:
        """The tensor, and whether hooks have made it."""
        if self.hooks is not None:
            return self._unpacked(), True
        return self.unpack(lambda x, k: x), False

    def _unpacked(self) -> Tensor:
        with no_grad():
            value = self.hooks[1](self.packed)      # type: ignore[index]
        if not isinstance(value, Tensor):
            raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                            f"{type(value).__name__}")
        return value

    def _check(self) -> None:
        """torch's error where the tensor has been written since."""
        x = self.watched() if self.watched is not None else self.x
        if x is None or packing.mutable or self.copy is not None or x._version == self.version:
            return
        made = ""
        if not x._leaf and x.grad_fn is not None:
            name = self.name or x.grad_fn.name().split("::")[-1]
            made = f", which is output {x.output_nr} of {name.split('Backward')[0]},"
        hint = ("the backtrace further above shows the operation that failed to compute its gradient. The variable in question "
                "was changed in there or anywhere later. Good luck!") if anomaly.enabled else (
                "enable anomaly detection to find the operation that failed to compute its gradient, with "
                "torch.autograd.set_detect_anomaly(True, check_nan=False).")
        raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace operation: "
                           f"[{x.type()} {list(x.shape)}]{made} is at version {x._version}; expected version {self.version} "
                           f"instead. Hint: {hint}")


class SavedSet:
    """All that one entry of the tape keeps: tensors in the order of `Kept.operands` and `Kept.results`."""

    def __init__(self, kept: Kept, tensors: list[SavedTensor]) -> None:
        self.kept, self.tensors = kept, tensors

    def active(self) -> bool:
        """Whether hooks have packed any of them."""
        return any(s.hooks is not None for s in self.tensors)

    def unpack(self) -> list[tuple[Tensor, bool]]:
        """The tensors, and for each whether hooks have made it."""
        return [s.value() for s in self.tensors]

    def free(self) -> None:
        """A backward has gone through: nothing is kept any more."""
        for s in self.tensors:
            s.freed = True
        self.tensors = []

    def find(self, names: tuple[str, ...], shown: Callable[[int, SavedTensor], Any]) -> Any:
        """What the entry keeps of a parameter or result: shown(place among the operands or -1 - number of the result, tensor),
        or a tuple of those where a list was given; None where it keeps nothing."""
        found = []
        for s, k in zip(self.tensors, [*self.kept.operands, *[-1 - k for k in self.kept.results]], strict=False):
            own, place = ((self.kept.names[k][0],), self.kept.names[k][1]) if k >= 0 else (("result", f"result{-1 - k}"), -1)
            if any(n in own for n in names):
                if place < 0:
                    return shown(k, s)
                found.append(shown(k, s))
        return tuple(found) or None


def pack_entry(node: Node, values: Any, result: Any) -> None:
    """Packs what an entry just recorded keeps; its node pauses the walk of a backward, to unpack it."""
    kept = kept_by(node)
    if not (kept.operands or kept.results) or node.op.family == "autograd":
        return
    given = _tensors(node, values)
    results = result if isinstance(result, tuple) else (result,)
    saved = [SavedTensor(given[k], placed=True) for k in kept.operands]
    saved += [SavedTensor(hooks.public["_alias"](results[k].detach()), results[k], k) for k in kept.results]
    of_node = NodeHooks()
    of_node.saved = SavedSet(kept, saved)
    for r in results:
        if r.requires_grad:
            stop_at(*home_of(r)).node = of_node


def _tensors(node: Node, values: Any) -> list:
    """The tensors among the parameters of a call, one for each operand slot of its entry."""
    given = [v for p, v in zip(node.op.params, values, strict=True) if p.kind in OPERANDS]
    found = []
    for o, v in zip(node.operands, given, strict=True):
        if o.__class__ is tuple:
            found += list(v)
        elif o.__class__ is int:
            found.append(v)
    return [x if isinstance(x, Tensor) else hooks.coerce(x) for x in found]


def saved_of(fn: GradFn, freed: bool = False) -> SavedSet:
    """What the entry of a node keeps, as `_raw_saved_...` shows it: from now on hooks may be registered for it."""
    if freed:
        kept = kept_by(fn._node)
        gone = SavedSet(kept, [SavedTensor(None) for _ in (*kept.operands, *kept.results)])
        for s in gone.tensors:
            s.freed = True
        return gone
    of_node = fn._hooks()
    if of_node.saved is None:
        node, home = fn._node, fn._place.now()
        kept = kept_by(node)
        saved = [SavedTensor(as_given(home, kept.reads[k]), placed=True) for k in kept.operands]
        for k in kept.results:
            result = value_at(home, node.outs[k].slot, True)
            saved.append(SavedTensor(result.detach(), result, k))
        of_node.saved = SavedSet(kept, saved)
    return of_node.saved


hooks.saved_of = saved_of
