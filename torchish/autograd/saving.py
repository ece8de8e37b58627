"""Tensors kept for backward, and the hooks that pack them.

In: what a custom function saves.  Out: `SavedTensor`, which gives it back as it was, or refuses where it has been overwritten;
the stack of hooks of `torch.autograd.graph.saved_tensors_hooks`.
Source: https://docs.pytorch.org/docs/stable/autograd.html#hooks-for-saved-tensors
"""
from __future__ import annotations

import weakref
from typing import Any

from ..anomaly import anomaly
from ..modes import no_grad
from ..ops.engine import straight
from ..recorder import record
from ..tape import state
from ..tensor import Tensor

__all__ = ["Packing", "SavedTensor", "packing", "save"]


class Packing:
    """hooks: pairs (pack, unpack), the innermost last; disabled: why there may be none; mutable: overwriting is no error."""

    def __init__(self) -> None:
        self.hooks: list[tuple[Any, Any]] = []
        self.disabled: str | None = None
        self.mutable: list[dict] = []


packing = Packing()


def save(x: Tensor | None) -> SavedTensor | None:
    """Keeps an argument, or a tensor made on the way."""
    return None if x is None else SavedTensor(x)


class SavedTensor:
    """A tensor as it was when it was saved.

    x: the tensor itself, or for a result of the function (which must not be held: it holds the function) its value, with
    `watched` to see its version.
    """

    def __init__(self, x: Tensor, watched: Tensor | None = None, k: int = -1, name: str = "") -> None:
        self.k, self.name = k, name
        self.watched = weakref.ref(watched) if watched is not None else None
        self.version = (x if watched is None else watched)._version
        self.hooks: tuple[Any, Any] | None = None
        self.copy: Tensor | None = None
        self.x: Any = x
        if packing.hooks:
            self.register_hooks(*packing.hooks[-1])
        elif packing.mutable:
            self.copy = x.detach().clone()

    def register_hooks(self, pack: Any, unpack: Any) -> None:
        """Packs the value now; `unpack` gives it back when it is asked for."""
        if self.hooks is not None:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of "
                               "hooks is allowed at a time.")
        value = self.x if self.k < 0 else self.x.detach().requires_grad_()
        version = value._version
        with no_grad():
            self.packed = pack(value)
        if value._version != version:
            raise RuntimeError("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
                               "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please "
                               "open an issue if you need to perform in-place operations on the input to a pack hook.")
        self.hooks = (pack, unpack)
        if self.k >= 0 or not self.x.requires_grad:
            self.x = None

    def unpack(self, link: Any = None) -> Tensor:
        """The tensor. `link`: for a result, what makes a value stand at its place in the graph."""
        if self.hooks is not None:
            with no_grad():
                value = self.hooks[1](self.packed)
            if not isinstance(value, Tensor):
                raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                                f"{type(value).__name__}")
            if not state.tape.grad:
                return value
            if self.k >= 0:
                return link(value, self.k)
            return value if self.x is None else record(straight, (self.x, value))
        self._check()
        value = self.x if self.copy is None else record(straight, (self.x, self.copy)) if state.tape.grad else self.copy
        return link(value, self.k) if self.k >= 0 and state.tape.grad else value

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
