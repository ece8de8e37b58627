"""Inference tensors: what was made in `inference_mode`, and what torch refuses to do with it elsewhere.

In: tensors, and the entries they are operands of.  Out: the flag `_inference` of a tensor (True, False, or None: it is as its
storage or the mode of its entry says); torch's errors.  An entry recorded in the mode is told apart by the mode; the flag itself
is set where the mode or the tape ends, so recording in the mode costs nothing more.
Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .avals import Aval, Out
from .kept import kept_by
from .sharing import storage_owner
from .tape import INFERENCE, MODE, Node, Tape, path, slots, state

__all__ = ["NO_VERSION", "SAVED", "input_of", "is_inference", "may_save", "may_write", "settle_flags", "used"]

NO_VERSION = "Inference tensors do not track version counter."
WRITTEN = ("Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor "
           "before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.")
SAVED = ("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation "
         "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
         "`torch.no_grad()` instead of `torch.inference_mode()`.")


class _Used:
    """Whether the mode was ever on: only then is anything looked at."""
    ever = False


used = _Used()
_inputs: dict[Aval, dict[bool, Out]] = {}


def input_of(aval: Aval, rg: bool) -> Out:
    """The description of an inference tensor that is an input of a tape in grad mode: another one than of other tensors."""
    known = _inputs.setdefault(aval, {})
    return known.get(rg) or known.setdefault(rg, Out(aval, rg, -1))


def is_inference(x: Any) -> bool:
    """Whether a tensor was made in inference mode, or is a view of one that was."""
    if not used.ever:
        return False
    while x._view is not None and x._inference is None:
        x = storage_owner(x)
    if x._inference is None and x._data is None and x._pending is None and x._graph is None:
        tape = x._tape or x._home
        return tape is not None and tape.nested is None and x._node.slot in _made_in_mode(tape)
    return bool(x._inference)


def _made_in_mode(tape: Tape) -> set[int]:
    """The slots of what was recorded in inference mode; a constant was made before it was recorded."""
    found: set[int] = set()
    nodes = path(tape.node)
    root: Any = nodes[0].parent if nodes else tape.node
    on = bool(root.attrs["extra"] & INFERENCE)
    for n in nodes:
        if n.kind is MODE:
            on = bool(n.attrs["extra"] & INFERENCE)
        elif on and n.op is not None and n.op.name != "_full":
            found.update(o.slot for o in n.outs)
    return found


def settle_flags(tape: Tape, tensors: Iterable[Any]) -> None:
    """Sets the flag of those tensors of `tape` that were made in the mode."""
    made = _made_in_mode(tape)
    for x in tensors:
        if x._inference is None and x._view is None and x._node.slot in made and (x._tape is tape or x._home is tape):
            x._inference = True


def may_write(x: Any) -> None:
    """torch's error for a write into an inference tensor outside the mode."""
    if not state.tape.extra & INFERENCE and is_inference(x):
        raise RuntimeError(WRITTEN)


def may_save(node: Node, tensors: Iterable[Any]) -> None:
    """torch's error where a new entry would keep an inference tensor for its backward; `tensors`: those it was called with."""
    if not node.grad or not node.op.saves or node.op.family == "autograd":
        return
    asked = {x._node.slot if x._tape is state.tape else _slot(x) for x in tensors if is_inference(x)} & set(slots(node.operands))
    if asked and any(kept_by(node).reads[k] in asked for k in kept_by(node).operands):
        raise RuntimeError(SAVED)


def _slot(x: Any) -> int:
    known = state.tape.foreign.get(id(x))
    return known[0] if known is not None and known[1] is x else -1
