"""`torch.autograd.backward` and `torch.autograd.grad`.

In: roots (tensors or edges), cotangents, inputs.  Out: `.grad` filled, or gradients returned.  What is said about bad input is
said here, before anything is recorded.
Source: https://docs.pytorch.org/docs/stable/autograd.html
"""
from __future__ import annotations

from typing import Any

from .. import accumulate
from ..recorder import hooks
from ..tape import state
from ..tensor import Tensor
from ..walk import NotBatched
from ..warned import warn
from .graph import GradientEdge, tensor_at

__all__ = ["backward", "grad"]

_TOGETHER = 8       # members of a batch whose gradients, found one by one, are left on one tape


def _several(value: Any) -> list:
    return [value] if isinstance(value, (Tensor, GradientEdge)) else list(value)


def _listed(value: Any) -> list:
    """Tensors, with edges turned into tensors that stand there."""
    values = _several(value)
    return [tensor_at(v) if isinstance(v, GradientEdge) else v for v in values]


def _checked_inputs(inputs: Any) -> list:
    """What gradients are wanted of; torch's error where that is neither a tensor nor an edge."""
    values = _several(inputs)
    for v in values:
        if not isinstance(v, (Tensor, GradientEdge)):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(v).__name__}")
    return values


def _cotangents(given: Any, roots: list) -> list:
    """One for each root, None where it is not given."""
    for x in roots:
        if not isinstance(x, Tensor):
            raise AssertionError("Expected output to be a torch.Tensor")
    if given is None:
        return [None] * len(roots)
    listed = [given] if isinstance(given, Tensor) else list(given)
    for c in listed:
        if c is not None and not isinstance(c, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(c).__name__}")
    if len(listed) < len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(listed)} gradients")
    return listed[:len(roots)]


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             grad_variables: Any = None, inputs: Any = None) -> None:
    """Accumulates the sum of the gradients of `tensors` into the leaves (or into `inputs`).

    Errors: torch's, for roots without a graph, cotangents that do not fit, a graph already freed.
    """
    if grad_variables is not None:
        warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please "
                               "only use `grad_tensors`.")
        grad_tensors = grad_variables
    if inputs is not None:
        inputs = _listed(_checked_inputs(inputs))
    roots = _listed(tensors)
    accumulate.backward(roots, _cotangents(grad_tensors, roots), retain_graph, create_graph, inputs)


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Tensor | None, ...]:
    """Gradients of `outputs` with respect to `inputs`, one for each, not accumulated.

    is_grads_batched: the first dimension of each of `grad_outputs` counts cotangents; so does that of the results.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    given = _several(inputs)
    if materialize_grads and any(isinstance(v, GradientEdge) for v in given):
        found = grad(outputs, given, grad_outputs, retain_graph, create_graph, only_inputs, True, is_grads_batched)
        if any(g is None and isinstance(v, GradientEdge) for v, g in zip(given, found, strict=True)):
            raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
        return tuple([hooks.zeros(v._node.aval) if g is None else g for v, g in zip(given, found, strict=True)])
    if not only_inputs:
        warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other "
             "parts of the graph, please use torch.autograd.backward.", FutureWarning)
    roots = _listed(outputs)
    cotangents = _cotangents(grad_outputs, roots)
    wrt = _listed(_checked_inputs(given))
    unused = bool(allow_unused)
    if is_grads_batched:
        return _batched(roots, wrt, cotangents, retain_graph, create_graph, unused, materialize_grads)
    return accumulate.grad(roots, wrt, cotangents, retain_graph, create_graph, unused, materialize_grads)


def _batched(roots: list, wrt: list, cotangents: list, retain: bool | None, create: bool, unused: bool,
             materialize: bool) -> tuple:
    """Gradients for a batch of cotangents: in one pull, or, where a Python function or a hook lies on the way, one by one."""
    cotangents = [hooks.ones_like(x) if c is None and x.numel() == 1 else c for x, c in zip(roots, cotangents, strict=True)]
    for c in cotangents:
        if c is not None and c.ndim == 0:
            raise ValueError("vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a Tensor of "
                             "dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0.")
    for k, (x, c) in enumerate(zip(roots, cotangents, strict=True)):
        if c is not None and tuple(c.shape[1:]) != tuple(x.shape):
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
                "sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
                f"detected: grad_output[{k}] has a shape of {c.shape} and output[{k}] has a shape of {x.shape}. If you only want "
                "some tensors in `grad_output` to be considered batched, consider using vmap.")
    sizes = [c.shape[0] for c in cotangents if c is not None]
    if len(set(sizes)) > 1:
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the "
                         "mapped dimension")
    n = sizes[0] if sizes else None
    try:
        return accumulate.grad(roots, wrt, cotangents, retain, create, unused, materialize, n)
    except NotBatched:
        rows = []
        for k in range(n):      # type: ignore[arg-type]
            rows.append(accumulate.grad(roots, wrt, [c if c is None else c[k] for c in cotangents], True if k < n - 1 else retain,
                                        create, True, False))
            if n > _TOGETHER and state.tape.nested is None:     # one short program for each, not a long one for all
                hooks.finish(state.tape)
        found = [None if c[0] is None else hooks.stack(list(c)) for c in zip(*rows, strict=True)]
        return accumulate.completed(wrt, found, create, unused, materialize)


hooks.backward = backward
