"""torch.autograd.Function: a differentiable operation whose forward and backward are the user's Python.

In: a subclass with static `forward` and `backward`.  Out: `apply`, which records what forward does and puts a node into the
graph.  The Python runs while the step is recorded, so a step with custom functions is still one program: the tape is cut at
the results (they are leaves of what follows), and the walk of backward calls the user's backward between the pieces.
Source: https://docs.pytorch.org/docs/stable/autograd.html#function
"""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any
from weakref import ref

from ..anomaly import anomaly, blame
from ..grad_fn import GradFn, edge_of, leaf_node
from ..guard import MADE_IN_NO_GRAD, SEVERAL_VIEWS, Guard
from ..modes import no_grad
from ..nested import NoValueError
from ..nodes import place
from ..recorder import hooks
from ..stops import NodeHooks
from ..storage import assign, rebind, share
from ..tape import next_serial, state
from ..tensor import Tensor
from ..warned import warn
from ..where import user_line
from .context import BackwardCFunction, FunctionCtx, apart, fitted, undefined_backward
from .inside import apply_inside, apply_outside, can_stand, looked
from .pushed import apply_pushed, can_push, stands_for

__all__ = ["BackwardCFunction", "Function", "FunctionCtx", "FunctionMeta", "InplaceFunction", "NestedIOFunction", "Step",
           "once_differentiable"]

LEGACY = ("Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with "
          "static forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)")
NO_INPUT = ("ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated should be passed "
            "to ctx.mark_dirty().")
DIRTY_VIEW = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return more than one "
    "Tensor. This is not supported by the current autograd engine. You should either make sure the input is not a view "
    "(using .clone() for example) or make your Function only return one Tensor (potentially splitting it into two Functions: one "
    "doing the inplace that returns a single Tensor and a second one that does the other operations). You can ask on the forum "
    "https://discuss.pytorch.org/ if you need help to do this change.")
VIEW_MADE_HERE = (
    "This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle "
    "view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This "
    "behavior is forbidden. You can fix this by cloning the output of the custom Function.")


class Step:
    """One call of a custom function in the graph: `places` in it are numbered like its results."""

    def __init__(self, cls: Any, ctx: Any, inputs: list, results: list) -> None:
        self.cls, self.ctx, self.inputs = cls, ctx, inputs
        self.avals = [r._node.aval if isinstance(r, Tensor) else None for r in results]
        self.differentiable = [not any(r is c for c in ctx._constant) for r in results]
        self.serial = next_serial()
        self.hooked: dict[int, Any] = {}
        self.where = user_line()[:2] if anomaly.enabled or anomaly.check else None
        ctx._link(self)

    @property
    def node_hooks(self) -> Any:
        """The hooks of its node, None where there are none."""
        return self.ctx._node_hooks

    def grad_fn(self) -> Any:
        """The node to show: the `ctx` of the call."""
        return self.ctx

    def stand(self, value: Tensor, k: int) -> Tensor:
        """`value` at the place of the k-th result."""
        return place(hooks.public["_alias"](value), self, k)

    def pull(self, grads: list, retain: bool, create: bool) -> list:
        """Runs the user's backward: a gradient or None for each argument."""
        if self.ctx.materialize_grads:
            grads = [hooks.zeros(a) if g is None and a is not None and (d or self.ctx._materialize_non_diff_grads) else g
                     for g, a, d in zip(grads, self.avals, self.differentiable, strict=True)]
        try:
            result = self.ctx.apply(*grads)
        except Exception:
            if anomaly.enabled:
                blame(self.ctx.name(), self.where)
            raise
        result = result if isinstance(result, tuple) else (result,)
        name, count = self.ctx.name(), len(self.inputs)
        if len(result) > count and all(g is None for g in result[count:]):
            result = result[:count]
        if len(result) != count:
            raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {count}, got {len(result)})")
        if not retain:
            self.ctx._free()
            self._let_go()
        given: list = []
        for k, (x, g) in enumerate(zip(self.inputs, result, strict=True)):
            if g is not None and not isinstance(g, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
            if g is not None and not self.ctx._tensors[k]:
                raise RuntimeError(f"function {name} returned a gradient different than None at position {k + 1}, but the "
                                   "corresponding forward input was not a Variable")
            given.append(None if x is None or g is None else fitted(name, k, x, g))
        return given

    def _let_go(self) -> None:
        """What went in is wanted as a place in the graph only: a tape that ends now need not compute it."""
        tape = state.tape
        if tape.nested is None:
            tape.standing += [ref(x) for x in self.inputs if x is not None and x._tape is tape and not x._leaf]


class FunctionMeta(type):
    """Gives each Function the class of its backward node, `<Name>Backward`."""

    def __init__(cls, name: str, bases: tuple, attrs: dict) -> None:
        super().__init__(name, bases, attrs)
        cls._backward_cls = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls, "__module__": __name__})


class Function(FunctionCtx, metaclass=FunctionMeta):
    """Base of custom functions: `class Exp(Function)` with static `forward(ctx, ...)` and `backward(ctx, *grads)`.

    `forward(...)` without ctx goes with `setup_context(ctx, inputs, output)`.
    """
    generate_vmap_rule = False
    _looks = False      # inside a transform its Python has asked for a value
    _jvp_looks = False  # in forward mode its jvp has

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so you should "
             "invoke them on the class itself. Instantiating an autograd function will raise an error in a future version "
             "of PyTorch.", DeprecationWarning)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(LEGACY)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the results; every subclass defines it."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Fills ctx where forward does not take one."""
        raise NotImplementedError("setup_context is not implemented.")

    backward = vjp = staticmethod(undefined_backward)

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Tangents of the results from those of the inputs, for forward mode."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode "
                                  "AD.")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The function over a batch: (results, their batch dimensions)."""
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
                                  "generate_vmap_rule=True.")

    @classmethod
    def _apply_on(cls, level: Any, args: tuple, kwargs: dict) -> tuple[bool, Any]:
        """While the tape of `level` is recorded: what the call returns, and whether that stands in the graph already."""
        optional = {name for name in ("setup_context", "jvp", "vmap") if getattr(cls, name) is not getattr(Function, name)}
        stands, pushes = can_stand(level, optional, kwargs), can_push(level, optional)
        if not (stands and cls._looks or pushes and cls._jvp_looks):
            try:
                return True, apply_inside(cls, optional, args, kwargs)
            except RuntimeError as e:
                if not (stands or pushes) or not looked(e):
                    raise
        if pushes:
            outside = apply_pushed(cls, level, optional, args, kwargs)
            cls._jvp_looks = True
            tracked = state.tape.grad and any(isinstance(a, Tensor) and a.requires_grad for a in args)
            return level.name != "dual" or not tracked, outside
        try:
            outside = apply_outside(cls, level, args)
        except NoValueError:
            if not cls._looks:
                raise
            return True, apply_inside(cls, optional, args, kwargs)
        cls._looks = level.by_value = True
        return False, outside

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Calls forward and puts the call into the graph."""
        if not kwargs and cls.setup_context is not Function.setup_context:
            args = _in_order(cls.forward, args, kwargs, False)
        level, outside = state.tape.nested, None
        if level is not None:
            done, outside = cls._apply_on(level, args, kwargs)
            if done:
                return outside
        if kwargs:
            args, kwargs = _in_order(cls.forward, args, kwargs, cls.setup_context is Function.setup_context), {}
        ctx = cls._backward_cls()
        if cls.clear_saved_tensors_on_access:
            ctx.clear_saved_tensors_on_access = True
        needs = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])
        ctx.needs_input_grad = needs
        tracked = state.tape.grad and any(needs)
        inputs = [_as_it_is(a) if need else None for a, need in zip(args, needs, strict=True)] if tracked else []
        ctx._inputs, ctx._tensors = inputs, tuple([isinstance(a, Tensor) for a in args])
        with no_grad():
            if cls.setup_context is Function.setup_context:
                output = cls.forward(ctx, *args, **kwargs)
                if outside is not None:
                    output = stands_for(ctx, output, outside)
            else:
                output = cls.forward(*args, **kwargs) if level is None else outside
                cls.setup_context(ctx, args, output)
        results = list(output) if isinstance(output, tuple) else [output]
        if not tracked:
            for k, r in enumerate(results):
                if isinstance(r, Tensor) and any(r is a for a in args) and not any(r is d for d in ctx._dirty):
                    results[k] = r.view_as(r) if state.tape.grad else r.detach()
                elif isinstance(r, Tensor) and r._guard is MADE_IN_NO_GRAD:
                    r._guard = _MadeHere(MADE_IN_NO_GRAD.text.partition(". ")[0] + ". " + VIEW_MADE_HERE)
            return tuple(results) if isinstance(output, tuple) else results[0]
        _check_dirty(ctx, results, args)
        given = {id(a) for a in args if isinstance(a, Tensor)} - {id(d) for d in ctx._dirty}
        step = Step(cls, ctx, inputs, results)
        several = sum(isinstance(r, Tensor) and r.dtype.category >= 2 for r in results) > 1
        saved = ctx._keep(results, given)
        for k, r in enumerate(results):
            if isinstance(r, Tensor) and not any(r is c for c in ctx._constant) and r.dtype.category >= 2:
                results[k] = _result(r, step, k, id(r) in given, several)
            elif isinstance(r, Tensor) and id(r) in given:
                results[k] = r.detach()
        ctx._settle(saved, results)
        return tuple(results) if isinstance(output, tuple) else results[0]


def _in_order(forward: Callable, args: tuple, kwargs: dict, with_ctx: bool) -> tuple:
    """Arguments given by keyword, in the order of forward's signature."""
    bound = inspect.signature(forward).bind(*((None, *args) if with_ctx else args), **kwargs)
    bound.apply_defaults()
    return bound.args[1:] if with_ctx else bound.args


def _check_dirty(ctx: Any, results: list, args: tuple) -> None:
    """torch's rules for inputs that forward changed in place."""
    for d in ctx._dirty:
        if not any(d is a for a in args):
            if d._view is not None:
                raise RuntimeError(NO_INPUT)
            warn(NO_INPUT)
            continue
        if not any(d is r for r in results):
            raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. The inputs "
                               "that are modified inplace must all be outputs of the Function.")
        if d._view is not None and sum(isinstance(r, Tensor) for r in results) > 1:
            raise RuntimeError(DIRTY_VIEW)
        if d._leaf:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")


def _as_it_is(x: Tensor) -> Tensor:
    """An input as it is now: the leaf itself, or a tensor at the same place of the graph that later writes leave alone."""
    return x if x._leaf else hooks.twin(x)


def _result(r: Tensor, step: Step, k: int, given: bool, several: bool) -> Tensor:
    """What `apply` hands out for the k-th result."""
    ctx = step.ctx
    if any(r is d for d in ctx._dirty):
        value = place(hooks.public["_alias"](apart(r)), step, k)
        if r._view is not None:
            return assign(r, value)     # its base gets the new value, and the gradient through it
        rebind(r, value)
        return r
    shares = given or r._view is not None
    made = place(hooks.public["_alias"](apart(r)) if shares else r, step, k)
    if shares:
        what = f"Output {k} of {step.cls.__name__} is a view and is being modified inplace. "
        made._guard = Guard(what + SEVERAL_VIEWS) if several else _MadeHere(what + VIEW_MADE_HERE)
        share(made, r)
    return made


class Error(GradFn):
    """The node of what must not be differentiated: a backward that comes here is refused."""

    def __init__(self, inputs: list) -> None:
        self._inputs, self._named = inputs, NodeHooks()

    @property
    def next_functions(self) -> tuple:
        """The nodes of what it was computed from."""
        return tuple([(None, 0) if x is None else (leaf_node(x), 0) if x._leaf else edge_of(x) for x in self._inputs])

    def _hooks(self) -> NodeHooks:
        return self._named

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class _Refusal:
    """In place of a function's step: a backward that comes here is refused."""
    node_hooks = None

    def __init__(self, inputs: list, avals: list, message: str) -> None:
        self.inputs, self.avals, self.message = inputs, avals, message
        self.serial = next_serial()
        self.hooked: dict[int, Any] = {}
        self.node = Error(inputs)

    def grad_fn(self) -> Any:
        """The node to show."""
        return self.node

    def pull(self, grads: list, retain: bool, create: bool) -> list:
        """Refuses."""
        raise RuntimeError(self.message)


class _Overwritten(_Refusal):
    """In place of the step of a function whose result shares storage with what has been written since."""

    def grad_fn(self) -> Any:
        """Refuses."""
        raise RuntimeError(self.message)


class _MadeHere(Guard):
    """The guard of a view that a function returned: once its base is written it can be looked at, not gone through."""
    __slots__ = ()

    def after_write(self, value: Tensor) -> Tensor:
        """`value`, and a backward that comes here is refused."""
        if not value.requires_grad:
            return value
        message = self.text.replace("is being modified inplace", "its base or another view of its base has been modified inplace")
        return place(hooks.public["_alias"](value.detach()), _Overwritten([], [value._node.aval], message), 0)


def once_differentiable(fn: Callable) -> Callable:
    """Decorates a backward that cannot itself be differentiated."""
    @functools.wraps(fn)
    def wrapped(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        if not state.tape.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        results = outputs if isinstance(outputs, tuple) else (outputs,)
        made_of = [x if isinstance(x, Tensor) and x.requires_grad else None for x in args]
        refusal = _Refusal(made_of, [g._node.aval if isinstance(g, Tensor) else None for g in results],
                           "trying to differentiate twice a function that was marked with @once_differentiable")
        refused = tuple([place(hooks.public["_alias"](g.detach()), refusal, k) if isinstance(g, Tensor) else g
                         for k, g in enumerate(results)])
        return refused if isinstance(outputs, tuple) else refused[0]
    return wrapped


class InplaceFunction(Function):
    """A Function that knows whether it works in place."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace


class NestedIOFunction(Function):
    """The old base of functions whose arguments are nested; `apply` is that of Function."""
