"""torch.autograd: gradients of graphs built by tensors.

In: roots, cotangents, inputs.  Out: `.grad` filled (`backward`), or gradients returned (`grad`).
Source: https://docs.pytorch.org/docs/stable/autograd.html
"""
from __future__ import annotations

from typing import Any

from .. import accumulate
from ..missing import missing
from ..modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from ..tensor import Tensor
from . import function
from .function import Function

__all__ = ["Function", "Variable", "backward", "enable_grad", "function", "grad", "inference_mode", "no_grad", "set_grad_enabled"]


def _listed(value: Any) -> list:
    return [value] if isinstance(value, Tensor) or value is None else list(value)


def _cotangents(given: Any, n: int) -> list:
    if given is None:
        return [None] * n
    listed = _listed(given)
    if len(listed) != n:
        raise RuntimeError(f"got {n} tensors and {len(listed)} gradients")
    return listed


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             grad_variables: Any = None, inputs: Any = None) -> None:
    """Accumulates the sum of the gradients of `tensors` into the leaves (or into `inputs`).

    Errors: torch's, for roots without a graph, cotangents that do not fit, a graph already freed.
    """
    roots = _listed(tensors)
    given = grad_tensors if grad_tensors is not None else grad_variables
    accumulate.backward(roots, _cotangents(given, len(roots)), retain_graph, create_graph, inputs)


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Tensor | None, ...]:
    """Gradients of `outputs` with respect to `inputs`, one for each, not accumulated."""
    roots, wrt = _listed(outputs), _listed(inputs)
    if is_grads_batched:
        batches = _cotangents(grad_outputs, len(roots))
        rows: list = [grad(roots, wrt, [b[k] for b in batches], True, create_graph, True, allow_unused, False, materialize_grads)
                      for k in range(batches[0].shape[0])]
        return tuple(None if c[0] is None else accumulate.hooks.stack(list(c)) for c in zip(*rows, strict=True))
    return accumulate.grad(roots, wrt, _cotangents(grad_outputs, len(roots)), retain_graph, create_graph,
                           bool(allow_unused), materialize_grads)


class _VariableMeta(type):
    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=_VariableMeta):
    """The old name of Tensor: `Variable(x)` is x."""

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:  # type: ignore[misc]
        return data.requires_grad_(requires_grad) if requires_grad else data


__getattr__ = missing("torch.autograd", globals())
