"""The Jacobians that older scripts asked torch.autograd.gradcheck for: by central differences, and by backward.

In: a function of tensors and its inputs.  Out: a matrix for every pair of an input that requires grad and a result: a row for each
element of the input, a column for each of the result.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/autograd/gradcheck.html
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..accumulate import set_data
from ..recorder import hooks
from ..tensor import Tensor
from ..warned import warn
from .calls import grad

__all__ = ["get_analytical_jacobian", "get_numerical_jacobian", "get_numerical_jacobian_wrt_specific_input"]


def _old(name: str) -> None:
    warn(f"`{name}` was part of PyTorch's private API and not meant to be exposed. We are deprecating it and it will be removed "
         "in a future version of PyTorch. If you have a specific use for this or feature request for this to be a stable API, "
         "please file us an issue at https://github.com/pytorch/pytorch/issues/new", FutureWarning)


def _refuse(name: str, grad_out: float, complex_: bool) -> None:
    if grad_out != 1.0:
        raise ValueError(f"Expected grad_out to be 1.0. {name} no longer supports values of grad_out != 1.0.")
    if complex_:
        raise ValueError(f"Expected output to be non-complex. {name} no longer supports functions that return complex outputs.")


def _iter_tensors(x: Any, only_requiring_grad: bool = False) -> Iterator[Tensor]:
    """The tensors in nested sequences, or those that require grad."""
    if isinstance(x, Tensor):
        if x.requires_grad or not only_requiring_grad:
            yield x
    elif isinstance(x, Iterable) and not isinstance(x, str):
        for item in x:
            yield from _iter_tensors(item, only_requiring_grad)


def _tuple(x: Any) -> tuple:
    return x if isinstance(x, tuple) else tuple(x) if isinstance(x, list) else (x,)


def _put(x: Tensor, value: np.ndarray) -> None:
    new = hooks.from_array(value, x._node.aval.device)
    if x._leaf:
        set_data(x, new)
    else:
        x.data.copy_(new)       # others keep their place in the graph


def _differentiable(outputs: Any) -> list[Tensor]:
    return [y for y in _tuple(outputs) if isinstance(y, Tensor) and (y.is_floating_point() or y.is_complex())]


def _differences(fn: Callable, args: tuple, wrt: Tensor, eps: float) -> tuple[Tensor, ...]:
    """The matrix of every result of `fn(*args)`, with the elements of `wrt` moved one by one, for a moment."""
    start = np.array(wrt.detach()._numpy())
    steps = [eps, 1j * eps] if wrt.is_complex() else [eps]

    def at(i: int, step: complex) -> list[np.ndarray]:
        moved = start.copy()
        moved.reshape(-1)[i] += step
        _put(wrt, moved)
        return [np.array(y.detach()._numpy()).reshape(-1) for y in _differentiable(fn(*args))]

    rows = []
    try:
        for i in range(start.size):
            changes = [[(up - down) / (2 * eps) for up, down in zip(at(i, step), at(i, -step), strict=True)] for step in steps]
            rows.append([of_one[0] + 1j * of_one[1] if len(of_one) == 2 else of_one[0] for of_one in zip(*changes, strict=True)])
    finally:
        _put(wrt, start)
    device = wrt._node.aval.device
    return tuple(hooks.from_array(np.stack(of_one).astype(start.dtype), device) for of_one in zip(*rows, strict=True))


def _get_numerical_jacobian(fn: Callable, inputs: Any, outputs: Any = None, target: Any = None, eps: float = 1e-3,
                            is_forward_ad: bool = False) -> list[tuple[Tensor, ...]]:
    """For every tensor of `target` (default: `inputs`) that requires grad, the matrices of the results of `fn(*inputs)`.

    Complex inputs: the derivative along the real axis plus i times that along the imaginary one. ValueError: a complex result.
    """
    outputs = fn(*_tuple(inputs)) if outputs is None else outputs
    _refuse("get_numerical_jacobian", 1.0, not is_forward_ad and any(y.is_complex() for y in _differentiable(outputs)))
    return [_differences(fn, _tuple(inputs), x, eps) for x in _iter_tensors(inputs if target is None else target, True)]


def get_numerical_jacobian(fn: Callable, inputs: Any, target: Any = None, eps: float = 1e-3,
                           grad_out: float = 1.0) -> tuple[Tensor, ...]:
    """For every tensor of `target` (default: `inputs`) that requires grad, the matrix of the first result of `fn(inputs)`."""
    _old("get_numerical_jacobian")
    _refuse("get_numerical_jacobian", grad_out, False)
    return tuple(of_one[0] for of_one in _get_numerical_jacobian(lambda *args: fn(args), inputs, None, target, eps))


def get_numerical_jacobian_wrt_specific_input(fn: Callable, input_idx: int, inputs: Any, outputs: Any, eps: float,
                                              input: Any = None, is_forward_ad: bool = False) -> tuple[Tensor, ...]:
    """The matrices of the results of `fn(*inputs)` for `input`, or the tensor at `input_idx`."""
    return _differences(fn, _tuple(inputs), inputs[input_idx] if input is None else input, eps)


def get_analytical_jacobian(inputs: Any, output: Tensor, nondet_tol: float = 0.0,
                            grad_out: float = 1.0) -> tuple[tuple[Tensor, ...], bool, bool, bool]:
    """The matrices by backward from `output`, and whether two passes agree, sizes are right and dtypes are."""
    _old("get_analytical_jacobian")
    _refuse("get_analytical_jacobian", grad_out, output.is_complex())
    wrt = list(_iter_tensors(inputs, True))
    units = hooks.from_array(np.eye(output.numel(), dtype=output._node.aval.dtype.np).reshape(-1, *output.shape),
                             output._node.aval.device)

    def passes() -> list[np.ndarray]:
        found = grad(output, wrt, [units], retain_graph=True, allow_unused=True, is_grads_batched=True)
        return [np.zeros((x.numel(), output.numel()), x._node.aval.dtype.np) if g is None
                else np.array(g.detach()._numpy()).reshape(output.numel(), -1).T for x, g in zip(wrt, found, strict=True)]

    first, second = passes(), passes()
    same = all(np.abs(a - b).max(initial=0) <= nondet_tol for a, b in zip(first, second, strict=True))
    return tuple(hooks.from_array(np.ascontiguousarray(a), output._node.aval.device) for a in first), same, True, True
