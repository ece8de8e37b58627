"""The `ctx` of a custom function: what forward hands to backward, and the node that the graph shows.

In: calls of `ctx`'s methods in forward.  Out: saved tensors and flags for backward; `grad_fn` of the results.
Source: https://docs.pytorch.org/docs/stable/autograd.html#context-method-mixins
"""
from __future__ import annotations

import weakref
from typing import Any

from ..grad_fn import GradFn, InputMetadata, edge_of, leaf_node
from ..graph import SECOND_TIME
from ..modes import no_grad
from ..recorder import hooks
from ..stops import NodeHooks
from ..tape import state
from ..tensor import Tensor
from ..warned import warn
from .saving import SavedTensor

__all__ = ["BackwardCFunction", "FunctionCtx", "apart", "fitted", "undefined_backward"]


def undefined_backward(ctx: Any, *grad_outputs: Any) -> Any:
    """Gradients of the inputs from those of the results; every subclass that is differentiated defines it."""
    raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it "
                              "with backward mode AD.")


def apart(x: Tensor) -> Tensor:
    """`x` without its place in the graph. Tangents of a function around pass, which `detach` would stop."""
    nested = state.tape.nested
    if nested is None or not nested.forward:
        return x.detach()
    with no_grad():
        return hooks.public["_alias"](x)


def fitted(name: str, k: int, x: Tensor, g: Tensor) -> Tensor:
    """A gradient in the shape and dtype of its input; torch's error where it does not fit."""
    if g.shape != x.shape:
        missing = g.ndim - x.ndim
        if missing < 0 or any(n not in (1, m) for n, m in zip(x.shape, g.shape[missing:], strict=True)):
            raise RuntimeError(f"Function {name} returned an invalid gradient at index {k} - got {list(g.shape)} but expected "
                               f"shape compatible with {list(x.shape)}")
        dims = [*range(missing), *(missing + d for d, n in enumerate(x.shape) if n == 1 and g.shape[missing + d] != 1)]
        g = g.sum(dims).reshape(tuple(x.shape))
    if g.is_complex() and not x.is_complex():
        raise RuntimeError("Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but "
                           f"got false.  {name} returned a complex gradient at index {k} for a real input; take its real part.")
    return g if x._leaf and x._grad_dtype is None else hooks.to_dtype(g, x.dtype)


class FunctionCtx:
    """What forward hands to backward."""
    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    _materialize_non_diff_grads = True
    clear_saved_tensors_on_access = False
    _cleared = False
    _to_save: tuple = ()
    _for_forward: tuple = ()
    _saved: Any = None
    _in_backward = False
    _freed = False
    _dirty: tuple = ()
    _constant: tuple = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or results for backward (`saved_tensors`)."""
        self._to_save = tensors

    @property
    def to_save(self) -> tuple | None:
        """What `save_for_backward` was given, until forward has returned; then None."""
        return self._to_save if self._saved is None and not self._freed else None

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `jvp`."""
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple:
        """The tensors kept by `save_for_backward`; before forward has returned, those kept by `save_for_forward`."""
        if self._freed:
            raise RuntimeError(SECOND_TIME)
        if self._saved is None:
            return tuple(self._to_save if self._in_backward else self._for_forward)
        if self.clear_saved_tensors_on_access:
            if self._cleared:
                raise RuntimeError("saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the "
                                   "autograd.Function. Either access saved_tensors only once, or set "
                                   "clear_saved_tensors_on_access=False.")
            saved, self._saved, self._cleared = self._saved, [], True
            return tuple([s.unpack(self._place) for s in saved])
        return tuple([s.unpack(self._place) for s in self._saved])

    @property
    def saved_variables(self) -> tuple:
        """The old name of `saved_tensors`."""
        warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning)
        return self.saved_tensors

    def _place(self, value: Tensor, k: int) -> Tensor:
        return value

    def mark_dirty(self, *args: Tensor) -> None:
        """Tells that forward changed these inputs in place."""
        if not all(isinstance(x, Tensor) for x in args):
            raise RuntimeError("mark_dirty can only accept variables, but argument is of another type")
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Tells that these results have no gradient."""
        if not all(isinstance(x, Tensor) for x in args):
            raise RuntimeError("mark_non_differentiable only accepts variable arguments, but got "
                               + next(type(x).__name__ for x in args if not isinstance(x, Tensor)))
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether gradients that are not there come to backward as zeros (the default) or as None."""
        if not isinstance(value, bool):
            raise TypeError("set_materialize_grads received an invalid combination of arguments - got "
                            f"({type(value).__name__}), but expected (bool)")
        self.materialize_grads = value


class BackwardCFunction(FunctionCtx, GradFn):
    """The `ctx` of one call, which is also its backward node."""
    _forward_cls: Any = None
    _node_hooks: NodeHooks | None = None
    _step: Any = None

    def __init__(self) -> None:
        self._inputs: list = []
        self._tensors: tuple[bool, ...] = ()

    def _link(self, step: Any) -> None:
        """The step holds this object; this one does not hold the step, nor the results."""
        self._step = weakref.ref(step)

    def _keep(self, results: list, given: set[int]) -> list:
        """What is to be saved, before the results take their places in the graph: (value, which result) each."""
        kept: list = []
        for k, t in enumerate(self._to_save):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument {k} is of type {type(t).__name__}")
        for t in self._to_save:
            k = next((k for k, r in enumerate(results) if r is t), -1) if t is not None and id(t) not in given else -1
            if k >= 0 and not any(t is c for c in self._constant) and t.dtype.category >= 2:
                kept.append((hooks.public["_alias"](apart(t)), k))
            else:
                kept.append((t, -1))
        return kept

    def _settle(self, kept: list, results: list) -> None:
        """Saves, after forward is done and the results stand in the graph."""
        name = self.name()
        self._saved = [SavedTensor(t, results[k] if k >= 0 else None, k, name if k >= 0 else "") for t, k in kept]
        self._to_save = ()

    def _free(self) -> None:
        """A backward has gone through without retaining the graph."""
        self._freed = bool(self._saved)
        self._saved = []

    def _place(self, value: Tensor, k: int) -> Tensor:
        step = self._step()
        return value if step is None else step.stand(value, k)

    def apply(self, *grads: Any) -> Any:
        """Runs the user's backward."""
        own = self._forward_cls
        backward, vjp = own.backward, own.vjp
        if backward is not undefined_backward and vjp is not undefined_backward:
            raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                               "implement one of them.")
        return (vjp if vjp is not undefined_backward else backward)(self, *grads)

    def name(self) -> str:
        """The class's name and "Backward"."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple:
        """The nodes of the inputs."""
        return tuple((None, 0) if x is None else ((leaf_node(x), 0) if x._leaf else edge_of(x))
                     for x, tensor in zip(self._inputs, self._tensors, strict=True) if tensor)

    @property
    def _input_metadata(self) -> list:
        """What the gradients that come to the node look like; None where a result is no tensor."""
        step = self._step() if self._step is not None else None
        return [] if step is None else [None if a is None else InputMetadata(a) for a in step.avals]

    def _hooks(self) -> NodeHooks:
        if self._node_hooks is None:
            self._node_hooks = NodeHooks()
        return self._node_hooks

    def __call__(self, *grads: Any) -> Any:
        raise TypeError(f"'{self.name()}' object is not callable")

    def _sequence_nr(self) -> int:
        step = self._step() if self._step is not None else None
        return -1 if step is None else step.serial << 32

    @property
    def _raw_saved_tensors(self) -> tuple:
        if self._freed:
            raise RuntimeError(SECOND_TIME)
        return tuple(self._saved or ())

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at 0x{id(self):012x}>"
