"""torch.func.grad, grad_and_value, vjp, jacrev: derivatives pulled back through a function.

In: a function of tensors.  Out: functions that give its gradients.  A call records one entry: JAX's vjp of the function.
Source: https://docs.pytorch.org/docs/stable/func.api.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..nested import Nested, NoValueError, entry
from ..ops.transforms import gradients, jacobian_by_row, jacobian_reverse, pulled_back
from ..recorder import hooks
from ..storage import version_of
from ..tensor import Tensor
from ..utils._pytree import TreeSpec, tree_flatten
from .arguments import Chosen, after, check_unchanged, only_tensors, real_only, split_aux, tensors_in, tensors_of
from .hooked import has_hooks, pulled, without_packing
from .outside import Outside, by_row, check_outputs, on_the_step

__all__ = ["grad", "grad_and_value", "jacrev", "vjp"]


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that gives the gradient of `func`, which returns a scalar, with respect to the arguments `argnums`.

    With `has_aux`, func returns (scalar, aux) and the gradient comes with aux. Differentiable to any order.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found
    return wrapper


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """As `grad`; gives (gradient, value), or (gradient, (value, aux))."""
    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen(args, argnums)
        try:
            return recorded(chosen, args, kwargs)
        except NoValueError:
            if not on_the_step():
                raise
        with without_packing():
            run = Outside(chosen.tensors, lambda inner: chosen.call(func, inner, kwargs))
            out, aux, spec = split_aux(run.result, has_aux, "grad_and_value(f)(*args)")
            _check_scalar(out)
            found = run.pull([out], [None])
        value, *rest = run.shown([out, *aux])
        return chosen.put(found), (value if spec is None else (value, spec.unflatten(rest)))

    def recorded(chosen: Chosen, args: tuple, kwargs: dict) -> tuple:
        n = len(chosen.tensors)
        with without_packing(), Nested("grad", grad=True) as inside:
            inside.given = tensors_in(args, kwargs)
            inner = [_leaf(inside, x) for x in chosen.tensors]
            out = chosen.call(func, inner, kwargs)
            out, aux, spec = split_aux(out, has_aux, "grad_and_value(f)(*args)")
            _check_scalar(out)
            real = out._node.aval.dtype.is_floating_point      # from an integer nothing leads back
            found = pulled([out], inner, [None]) if real and has_hooks(inside, inner) else []
            closed = inside.close([out, *aux, *found])
        if found or not real:
            results = entry("grad", [closed], (0,), lambda f: f)
        else:
            flags = (*closed.flags(), *[True] * n)
            results = entry("grad", [closed], (n,), lambda f: gradients(f, range(n)), flags=flags)
        value, *rest = closed.apply_effects(results[:len(closed.outs)])
        if found:
            grads = rest[len(aux):]
        else:
            grads = list(results[len(closed.outs):]) if real else [hooks.zeros(x._node.aval) for x in chosen.tensors]
        return chosen.put(grads), (value if spec is None else (value, spec.unflatten(rest[:len(aux)])))
    return wrapper


def _check_scalar(out: Any) -> None:
    if not isinstance(out, Tensor):
        raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(out)}")
    if out.dim() != 0:
        raise RuntimeError("grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                           f"{out.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")
    if out.is_complex():
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {out.dtype}")


def _leaf(inside: Nested, x: Tensor) -> Tensor:
    """The stand-in of what is differentiated: a leaf, so it may not be written in place."""
    inner = inside.input(x, rg=True)
    inner._leaf = True
    return inner


class _Run:
    """A function that has been run once: its results outside, and what is needed to pull cotangents back through it."""

    def __init__(self, primals: list[Tensor], given: list[Tensor], call: Callable, has_aux: bool) -> None:
        caller = "vjp(f, *primals)"
        with without_packing(), Nested("vjp", grad=True) as inside:
            inside.given = given
            inner = [_leaf(inside, x) for x in primals]
            out, aux, self.aux_spec = split_aux(call(inner), has_aux, caller)
            outs, self.spec = only_tensors(out, caller)
            self.avals = [x._node.aval for x in outs]
            self.roots = tuple([k for k, a in enumerate(self.avals) if a.differentiable])
            self.count, self.results, self.wrt = len(outs), len(outs) + len(aux), len(primals)
            found = self._pulled(inside, outs, inner) if has_hooks(inside, inner) else []
            self.inside, self.closed = inside, inside.close([*outs, *aux, *found])
        self.versions = [version_of(x) for x in self.closed.operands]

    cotangents: range | None = None     # where there are hooks: the operands that stand for the cotangents of the roots

    def _pulled(self, inside: Nested, outs: list[Tensor], inner: list[Tensor]) -> list[Tensor]:
        """The gradients for cotangents that are operands."""
        first = len(inside.operands)
        with inside.outside():
            zeros = [hooks.zeros(self.avals[k]) for k in self.roots]
        found = pulled([outs[k] for k in self.roots], inner, [inside.input(z, rg=False) for z in zeros])
        self.cotangents = range(first, first + len(zeros))
        return found

    def pull(self, given: list[Tensor]) -> tuple:
        """The gradients of the primals; given: the cotangents of the roots."""
        closed, n, roots = self.closed, self.wrt, self.roots
        check_unchanged(closed, self.versions)
        if self.cotangents is None:
            skip = len(closed.outs)
            return entry("vjp_pull", [closed], (n,), lambda f: after(pulled_back(f, range(n), roots), skip), given, True)
        for k, g in zip(self.cotangents, given, strict=True):
            # what a hook has kept hold of has the value of this pull
            closed.operands[k] = self.inside.operands[k] = g
            self.versions[k] = self.inside.versions[k] = version_of(g)
        return entry("vjp_hooked", [closed], (), lambda f: f)[self.results:self.results + n]


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """(output, vjp_fn), or (output, vjp_fn, aux): vjp_fn(cotangents) gives the gradients of the primals, a tuple.

    Cotangents have the structure of the output. Errors: torch's, for what is no tensor, for shapes and structures that differ.
    Differs from torch: a hook inside `func` runs once, when `func` does, and not at every vjp_fn; what it computes is done again.
    """
    leaves, spec = tensors_of(primals)

    def call(inner: list) -> Any:
        return func(*spec.unflatten(inner))
    try:
        run = _Run(leaves, leaves, call, has_aux)
    except NoValueError:
        if not on_the_step():
            raise
        return _vjp_outside(leaves, spec, call, has_aux)
    results = run.closed.apply_effects(entry("vjp", [run.closed], (), lambda f: f))
    out = run.spec.unflatten(results[:run.count])

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        """The gradients of the primals, a tuple."""
        given = _cotangents(cotangents, run.spec, run.avals)
        return spec.unflatten(run.pull([given[k] for k in run.roots]))
    if run.aux_spec is not None:
        return out, vjp_fn, run.aux_spec.unflatten(results[run.count:run.results])
    return out, vjp_fn


def _vjp_outside(primals: list[Tensor], spec: Any, call: Callable, has_aux: bool) -> tuple:
    """vjp of a function whose backward looks at values."""
    caller = "vjp(f, *primals)"
    with without_packing():
        run = Outside(primals, call)
    out, aux, aux_spec = split_aux(run.result, has_aux, caller)
    outs, out_spec = only_tensors(out, caller)

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        """The gradients of the primals, a tuple."""
        return spec.unflatten(run.pull(outs, _cotangents(cotangents, out_spec, [x._node.aval for x in outs])))
    both = out_spec.unflatten(run.shown(outs)), vjp_fn
    return both if aux_spec is None else (*both, aux_spec.unflatten(run.shown(aux)))


def _cotangents(tree: Any, out_spec: TreeSpec, avals: list) -> list[Tensor]:
    """What is pulled back, a tensor for each output; torch's errors where structure or shapes differ."""
    given, spec = tree_flatten(tree)
    if spec != out_spec:
        star = [_Star()] * max(spec.num_leaves, out_spec.num_leaves)
        raise RuntimeError("Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                           f"cotangents: {spec.unflatten(star[:spec.num_leaves])}, primal output: "
                           f"{out_spec.unflatten(star[:out_spec.num_leaves])}")
    for k, (c, aval) in enumerate(zip(given, avals, strict=True)):
        if not isinstance(c, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(c).__name__}")
        if tuple(c.shape) != tuple(aval.shape):
            raise RuntimeError(f"Mismatch in shape: grad_output[{k}] has a shape of {c.shape} and output[{k}] has a shape of "
                               f"{aval.shape}.")
    return given


class _Star:
    def __repr__(self) -> str:
        return "*"


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None,
           _preallocate_and_copy: bool = False) -> Callable:
    """The function that gives the Jacobian of `func`, row by row: for each output and each of `argnums`, shape out + in.

    chunk_size: so many rows at a time. With `has_aux`, func returns (output, aux) and the Jacobian comes with aux.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def wrapper(*args: Any) -> Any:
        chosen = Chosen(args, argnums)
        chosen.dense_only()
        real_only("jacrev", "inputs", [x.dtype for x in chosen.tensors])

        def call(inner: list) -> Any:
            return chosen.call(func, inner, {})
        try:
            run = _Run(chosen.tensors, tensors_in(args), call, has_aux)
        except NoValueError:
            if not on_the_step():
                raise
            return by_row(chosen, call, has_aux, "jacrev")
        check_outputs(run.avals, "jacrev")
        closed, n, roots, places = run.closed, len(chosen.tensors), range(run.count), run.cotangents
        flags = (*closed.flags(), *[True] * (n * run.count))
        if places is None:
            results = entry("jacrev", [closed], (n, run.count, chunk_size),
                            lambda f: jacobian_reverse(f, range(n), roots, chunk_size), flags=flags)
        else:
            results = entry("jacrev_hooked", [closed], (n, run.results, chunk_size),
                            lambda f: jacobian_by_row(f, places, range(run.results, run.results + n), chunk_size), flags=flags)
        found = results[len(closed.outs):]
        jacobian = run.spec.unflatten([chosen.put(found[k * n:(k + 1) * n]) for k in roots])
        rest = closed.apply_effects(results[:len(closed.outs)])
        return jacobian if run.aux_spec is None else (jacobian, run.aux_spec.unflatten(rest[run.count:run.results]))
    return wrapper
