"""torch.autograd.Function: a differentiable operation whose forward and backward are the user's Python.

In: a subclass with static `forward` and `backward`.  Out: `apply`, which records what forward does and puts a node into the
graph.  The Python runs while the step is recorded, so a step with custom functions is still one program: the tape is cut at
the results (they are leaves of what follows), and the walk of backward calls the user's backward between the pieces.
Source: https://docs.pytorch.org/docs/stable/autograd.html#function
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..grad_fn import GradFn, grad_fn_of
from ..graph import SECOND_TIME
from ..modes import no_grad
from ..recorder import hooks, leaf_entry
from ..segment import next_serial
from ..tape import state
from ..tensor import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What forward hands to backward."""
    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple = ()
    _freed = False
    _dirty: tuple = ()
    _constant: tuple = ()
    materialize_grads = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or results for backward (`saved_tensors`)."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type {type(t).__name__}")
        self._saved = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Accepted for forward mode."""

    @property
    def saved_tensors(self) -> tuple:
        """The tensors kept by `save_for_backward`."""
        if self._freed:
            raise RuntimeError(SECOND_TIME)
        return self._saved

    def mark_dirty(self, *args: Tensor) -> None:
        """Tells that forward changed these inputs in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Tells that these results have no gradient."""
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether gradients that are not there come to backward as zeros (the default) or as None."""
        self.materialize_grads = value


class _FunctionGrad(GradFn):
    """The backward node of a custom function, as `grad_fn` shows it."""

    def __init__(self, step: _Step) -> None:
        self._step, self.output_nr, self.metadata = step, 0, {}

    def name(self) -> str:
        """The class's name and "Backward"."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple:
        """The nodes of the inputs."""
        return tuple((None, 0) if x is None else (grad_fn_of(x), 0) for x in self._step.inputs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FunctionGrad) and other._step is self._step

    def __hash__(self) -> int:
        return id(self._step)

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at 0x{id(self._step):012x}>"


class _Step:
    """One call of a custom function in the graph: `places` in it are numbered like its results."""

    def __init__(self, cls: type[Function], ctx: FunctionCtx, inputs: list, results: list) -> None:
        self.cls, self.ctx, self.inputs = cls, ctx, inputs
        self.avals = [r._node.aval if isinstance(r, Tensor) else None for r in results]
        self.serial = next_serial()
        self.hooked: dict[int, Any] = {}

    def grad_fn(self) -> GradFn:
        """The node to show."""
        return type(f"{self.cls.__name__}Backward", (_FunctionGrad,), {})(self)

    def pull(self, starts: dict[int, Any], retain: bool, create: bool) -> tuple[list, list]:
        """Runs the user's backward; the inputs that want a gradient, and the gradients."""
        grads = [starts.get(k) for k in range(len(self.avals))]
        if self.ctx.materialize_grads:
            grads = [hooks.zeros(a) if g is None and a is not None else g for g, a in zip(grads, self.avals, strict=True)]
        result = self.cls.backward(self.ctx, *grads)
        result = result if isinstance(result, tuple) else (result,)
        name = f"{self.cls.__name__}Backward"
        if len(result) > len(self.inputs) and all(g is None for g in result[len(self.inputs):]):
            result = result[:len(self.inputs)]
        if len(result) != len(self.inputs):
            raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {len(self.inputs)}, "
                               f"got {len(result)})")
        if not retain:
            self.ctx._freed = bool(self.ctx._saved)
            self.ctx._saved = ()
        wanted, given = [], []
        for k, (x, g) in enumerate(zip(self.inputs, result, strict=True)):
            if x is None or g is None:
                continue
            if not isinstance(g, Tensor):
                raise TypeError(f"expected Variable or None (got {type(g).__name__})")
            wanted.append(x)
            given.append(_fitted(name, k, x, g))
        return wanted, given


def _fitted(name: str, k: int, x: Tensor, g: Tensor) -> Tensor:
    """A gradient in the shape and dtype of its input; torch's error where it does not fit."""
    if g.shape != x.shape:
        missing = g.ndim - x.ndim
        if missing < 0 or any(n not in (1, m) for n, m in zip(x.shape, g.shape[missing:], strict=True)):
            raise RuntimeError(f"Function {name} returned an invalid gradient at index {k} - got {list(g.shape)} but expected "
                               f"shape compatible with {list(x.shape)}")
        dims = [*range(missing), *(missing + d for d, n in enumerate(x.shape) if n == 1 and g.shape[missing + d] != 1)]
        g = g.sum(dims).reshape(tuple(x.shape))
    return hooks.to_dtype(g, x.dtype)


class Function(FunctionCtx):
    """Base of custom functions: `class Exp(Function)` with static `forward(ctx, ...)` and `backward(ctx, *grads)`.

    `forward(...)` without ctx goes with `setup_context(ctx, inputs, output)`.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the results; every subclass defines it."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Fills ctx where forward does not take one."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Gradients of the inputs from those of the results; every subclass that is differentiated defines it."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to "
                                  "use it with backward mode AD.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Calls forward and puts the call into the graph."""
        ctx = cls()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        tracked = state.tape.grad and any(ctx.needs_input_grad)
        inputs = [_as_it_is(a) if need else None for a, need in zip(args, ctx.needs_input_grad, strict=True)] if tracked else []
        with no_grad():
            if cls.setup_context is Function.setup_context:
                output = cls.forward(ctx, *args, **kwargs)
            else:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
        if not tracked:
            return output
        results = list(output) if isinstance(output, tuple) else [output]
        given = {id(a) for a in args if isinstance(a, Tensor)} - {id(d) for d in ctx._dirty}
        step = _Step(cls, ctx, inputs, results)
        for k, r in enumerate(results):
            if isinstance(r, Tensor) and not any(r is c for c in ctx._constant) and r.dtype.category >= 2:
                results[k] = _mark(r.detach() if id(r) in given else r, step, k)
        return tuple(results) if isinstance(output, tuple) else results[0]


def _as_it_is(x: Tensor) -> Tensor:
    """An input as it is now: the leaf itself, or a tensor at the same place of the graph that later writes leave alone."""
    if x._leaf:
        return x
    if x._view is not None or x._data is None:
        return hooks.public["_alias"](x)
    same = object.__new__(Tensor)
    same._node, same._data, same._graph = x._node.aval.grad, x._data, x._graph
    return same


def _mark(r: Tensor, step: _Step, k: int) -> Tensor:
    """Makes `r` the k-th result of a call: what follows begins there, and its gradient goes to the user's backward."""
    place = (step, k)
    if r._view is not None or r._data is None:
        r = hooks.public["_alias"](r.detach()) if r._view is not None else r
        leaf_entry(r)
        r._tape.upstream[r._node.slot] = place
    else:
        r._node, r._tape = r._node.aval.grad, None
    r._graph = place
    return r


def once_differentiable(fn: Callable) -> Callable:
    """Decorates a backward that cannot itself be differentiated."""
    @functools.wraps(fn)
    def wrapped(ctx: Any, *args: Any) -> Any:
        with no_grad():
            return fn(ctx, *args)
    return wrapped
