"""Functions that put hooks on their tensors: the walk of a backward inside, where Python can run between its parts.

In: a nested tape on which the function has run, its outputs, cotangents.  Out: the gradients of its inputs, on the same tape. A
function without hooks is differentiated as a whole instead, by JAX's vjp.
"""
from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from ..accumulate import grad
from ..autograd.graph import disable_saved_tensors_hooks
from ..nested import Nested
from ..recorder import hooks
from ..tensor import Tensor

__all__ = ["has_hooks", "pulled", "without_packing"]

NO_PACKING = ("torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your use "
              "case.")


def without_packing() -> AbstractContextManager[None]:
    """Inside, hooks for saved tensors are refused, and so they are around it."""
    return disable_saved_tensors_hooks(NO_PACKING)


def has_hooks(inside: Nested, inputs: Sequence[Tensor]) -> bool:
    """Whether a hook stands on a tensor of the function's, or a custom function whose backward is to see values."""
    return inside.by_value or any(stop.active() for stop in inside.tape.hooked.values()) or any(x._hooks for x in inputs)


def pulled(outs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> list[Tensor]:
    """The gradients of the inputs, zeros where nothing leads to them; hooks run on the way."""
    roots = [k for k, x in enumerate(outs) if x.requires_grad]
    if not roots:
        return [hooks.zeros(x._node.aval) for x in inputs]
    found = grad([outs[k] for k in roots], inputs, [cotangents[k] for k in roots], True, True, True, True)
    return list(found)
