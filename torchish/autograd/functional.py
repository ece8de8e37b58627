"""torch.autograd.functional: products with Jacobians and Hessians, and these themselves.

In: a function of tensors and its inputs.  Out: results that are cut from the graph, or, with `create_graph`, part of it.
jvp and hvp are computed by two backwards; `vectorize` pulls all rows back at once.
Source: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..behind import spread, stand
from ..modes import enable_grad
from ..recorder import hooks
from ..tensor import Tensor
from .calls import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]


def _tuple(value: Any, what: str, of: str) -> tuple[bool, tuple]:
    """Whether it was a tuple, and the tuple."""
    if isinstance(value, Tensor):
        return False, (value,)
    wanted = f"The {what} given to {of} must be either a Tensor or a tuple of Tensors but the"
    if not isinstance(value, tuple):
        raise TypeError(f"{wanted} given {what} has type {type(value)}.")
    for k, x in enumerate(value):
        if not isinstance(x, Tensor):
            raise TypeError(f"{wanted} value at index {k} has type {type(x)}.")
    return True, tuple(value)


def _prepared(inputs: tuple, create: bool) -> Tensors:
    """The inputs as roots of a graph of their own; with `create`, connected to what they came from."""
    return tuple([x.view_as(x) if create and x.requires_grad else x.detach().requires_grad_() for x in inputs])


def _evaluated(func: Callable, inputs: Tensors, name: str) -> tuple[bool, Tensors]:
    return _tuple(func(*inputs), "outputs of the user-provided function", name)


def _checked_vector(v: Any, like: Tensors, many: bool, name: str, against: str) -> Tensors:
    """The vector of a product, checked against what it is multiplied with."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            source = "input to the user-provided function is" if against == "inputs" else "user-provided function returns"
            raise RuntimeError(f"The vector v can only be None if the {source} a single Tensor with a single element.")
        return tuple([x.new_ones(tuple(x.shape)) for x in like])
    _, vs = _tuple(v, "v", name)
    vs = tuple([x.detach() if not x.requires_grad else x for x in vs])
    if len(vs) != len(like):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for k, (x, y) in enumerate(zip(vs, like, strict=True)):
        if x.shape != y.shape:
            entry = f"Entry {k} in " if many else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {y.shape} but got {x.shape}.")
    return vs


def _strict_outputs(outputs: Tensors) -> None:
    """torch's refusal of results that have nothing to do with the inputs."""
    for k, y in enumerate(outputs):
        if not y.requires_grad:
            raise RuntimeError(f"Output {k} of the user-provided function does not require gradients. The outputs must be computed "
                               "in a differentiable manner from the input when running in strict mode.")


def _pulled(outputs: Tensors, inputs: Tensors, vectors: Sequence | None, create: bool, batched: bool = False) -> tuple:
    """Gradients, None where nothing leads; also where no result requires one."""
    pairs = [(y, None if vectors is None else vectors[k]) for k, y in enumerate(outputs) if y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad([y for y, _ in pairs], inputs, [v for _, v in pairs], retain_graph=True, create_graph=create, allow_unused=True,
                is_grads_batched=batched)


_LINEAR = ("While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
           "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
           "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example).")


def _filled(found: tuple, inputs: Tensors, strict: bool, create: bool, stage: str = "back") -> Tensors:
    """Zeros where nothing leads; refused where `strict`."""
    result = []
    for k, (g, x) in enumerate(zip(found, inputs, strict=True)):
        if g is None:
            if strict and stage == "hessian":
                raise RuntimeError(_LINEAR.format(k))
            if strict:
                what = "jacobian" if stage == "second" else "output"
                raise RuntimeError(f"The {what} of the user-provided function is independent of input {k}. This is not allowed in "
                                   "strict mode.")
            g = x.new_zeros(tuple(x.shape))
        elif strict and stage in ("first", "hessian") and not g.requires_grad:
            raise RuntimeError(_LINEAR.format(k))
        elif strict and create and not g.requires_grad:
            raise RuntimeError(f"The jacobian of the user-provided function is independent of input {k}. This is not allowed in "
                               "strict mode when create_graph=True.")
        result.append(g)
    return tuple(result)


def _out(values: tuple, many: bool, create: bool) -> Any:
    """What is handed out: as many as came in, cut from the graph unless it is wanted."""
    values = values if create else tuple([x.detach() for x in values])
    return values if many else values[0]


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v multiplied with the Jacobian from the left)."""
    with enable_grad():
        many, given = _tuple(inputs, "inputs", "vjp")
        xs = _prepared(given, create_graph)
        many_out, ys = _evaluated(func, xs, "vjp")
        if strict:
            _strict_outputs(ys)
        vs = _checked_vector(v, ys, many_out, "vjp", "outputs")
        found = _filled(_pulled(ys, xs, vs, create_graph), xs, strict, create_graph)
        return _out(ys, many_out, create_graph), _out(found, many, create_graph)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the Jacobian multiplied with v)."""
    with enable_grad():
        many, given = _tuple(inputs, "inputs", "jvp")
        xs = _prepared(given, create_graph)
        vs = _checked_vector(v, xs, many, "jvp", "inputs")
        many_out, ys = _evaluated(func, xs, "jvp")
        if strict:
            _strict_outputs(ys)
        us = tuple([y.new_zeros(tuple(y.shape)).requires_grad_() for y in ys])
        back = _filled(_pulled(ys, xs, us, True), xs, strict, False)
        wanted = [(g, w) for g, w in zip(back, vs, strict=True) if g.requires_grad]
        found: tuple = (None,) * len(us)
        if wanted:
            found = grad([g for g, _ in wanted], us, [w for _, w in wanted], create_graph=create_graph, allow_unused=True)
        found = _filled(found, us, strict, create_graph)
        return _out(ys, many_out, create_graph), _out(found, many_out, create_graph)


def jacobian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:
    """The Jacobian: for each result and each input a tensor of shape (*result, *input); one of them where both are single."""
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more '
                             'outputs than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use '
                             '"reverse-mode".')
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError('torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not '
                                  'supported together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.')
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
                                  "`vectorize=True`.")
    if strict and strategy == "forward-mode":
        raise RuntimeError('torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
                           'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.')
    if strict and vectorize:
        raise RuntimeError("torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
                           "Please either set `strict=False` or `vectorize=False`.")
    with enable_grad():
        many, given = _tuple(inputs, "inputs", "jacobian")
        forward = strategy == "forward-mode"
        xs = _prepared(given, create_graph or forward)
        many_out, ys = _evaluated(func, xs, "jacobian")
        if strict:
            _strict_outputs(ys)
        # torch does not cut off in forward mode what depends on given inputs, or on what the function closes over
        linked = create_graph or forward and (any(x.requires_grad for x in given) or _beside(ys, xs))
        rows = [_out(_rows(y, xs, linked, strict, k), many, linked) for k, y in enumerate(ys)]
        if forward and many:        # as in torch: lists here
            rows = [list(row) for row in rows]
            return rows if many_out else rows[0]
        return tuple(rows) if many_out else rows[0]


def _beside(ys: Tensors, xs: Tensors) -> bool:
    """Whether the results depend on other leaves than the inputs."""
    return bool(spread([at for y in ys if y.requires_grad and isinstance(at := stand(y), tuple)]).leaves - {id(x) for x in xs})


def _rows(y: Tensor, xs: Tensors, create: bool, strict: bool, which: int) -> Tensors:
    """The Jacobians of one result with respect to each input: all rows are pulled back at once."""
    n = y.numel()
    found: tuple = (None,) * len(xs)
    if y.requires_grad and n:
        basis = y.new_zeros((n, n))
        basis.fill_diagonal_(1)
        basis = basis.reshape((n, *y.shape))
        found = _pulled((y,), xs, [basis], create, True) if not strict else _one_by_one(y, xs, basis, create)
    result = []
    for k, (g, x) in enumerate(zip(found, xs, strict=True)):
        if g is None and strict:
            raise RuntimeError(f"Output {which} of the user-provided function is independent of input {k}. This is not allowed in "
                               "strict mode.")
        if g is not None and strict and create and not g.requires_grad:
            raise RuntimeError(f"The jacobian of the user-provided function is independent of input {k}. This is not allowed in "
                               "strict mode when create_graph=True.")
        shape = (*y.shape, *x.shape)
        result.append(x.new_zeros(shape) if g is None else g.reshape(shape))
    return tuple(result)


def _one_by_one(y: Tensor, xs: Tensors, basis: Tensor, create: bool) -> tuple:
    """The rows in one backward each: then it is known which of them require a gradient."""
    rows = [_pulled((y,), xs, [v], create) for v in basis.unbind()]
    return tuple([None if any(g is None for g in column) else hooks.stack(list(column)) for column in zip(*rows, strict=True)])


def _scalar(ys: Tensors, many_out: bool, name: str) -> Tensor:
    """The one number a Hessian is of."""
    if many_out or not isinstance(ys[0], Tensor):
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if ys[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
    return ys[0]


def hessian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The Hessian of a function with one number as its result: for each pair of inputs a tensor of shape (*first, *second)."""
    many, given = _tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def gradient(*xs: Tensor) -> Tensors:
        many_out, ys = _tuple(func(*xs), "outputs of the user-provided function", "hessian")
        y = _scalar(ys, many_out, "hessian")
        if strict:
            _strict_outputs(ys)
        moving = [x if x.requires_grad else x.requires_grad_() for x in xs]
        return _filled(_pulled((y,), tuple(moving), None, True), xs, strict, False, "hessian")

    found = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy
                     if vectorize else "reverse-mode")
    return found if many else found[0][0]


def _twice(func: Callable, inputs: Any, v: Any, create: bool, strict: bool, name: str) -> tuple:
    many, given = _tuple(inputs, "inputs", name)
    xs = _prepared(given, create)
    many_out, ys = _evaluated(func, xs, name)
    y = _scalar(ys, many_out, name)
    vs = _checked_vector(v, xs, many, name, "inputs")
    if strict:
        _strict_outputs(ys)
    first = _filled(_pulled((y,), xs, None, True), xs, strict, False, "first")
    return many, xs, y, vs, first


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v multiplied with the Hessian from the left)."""
    with enable_grad():
        many, xs, y, vs, first = _twice(func, inputs, v, create_graph, strict, "vhp")
        found = _filled(_pulled(first, xs, vs, create_graph), xs, strict, create_graph, "second")
        return _out((y,), False, create_graph), _out(found, many, create_graph)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), the Hessian multiplied with v): the Hessian is symmetric, so as `vhp`."""
    with enable_grad():
        many, xs, y, vs, first = _twice(func, inputs, v, create_graph, strict, "hvp")
        found = _filled(_pulled(first, xs, vs, create_graph), xs, strict, create_graph, "second")
        return _out((y,), False, create_graph), _out(found, many, create_graph)
