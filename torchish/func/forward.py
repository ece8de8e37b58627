"""torch.func.jvp, linearize, jacfwd, hessian: derivatives pushed forward through a function.

In: a function of tensors, tangents.  Out: its value and how it changes along them.  A call records one entry: JAX's jvp.
no_grad does not stop tangents; detach does, as in torch.
Source: https://docs.pytorch.org/docs/stable/func.api.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from ..creation import constant
from ..namespace import namespace
from ..nested import Closed, Nested, NoValueError, entry
from ..ops.transforms import jacobian_forward, pushed_forward
from ..recorder import hooks
from ..storage import version_of
from ..tangents import check_differentiable, check_tangent
from ..tensor import Tensor
from ..utils._pytree import TreeSpec, tree_flatten, tree_map
from .arguments import (
    Chosen,
    after,
    check_randomness,
    check_unchanged,
    dense_only,
    only_tensors,
    real_only,
    split_aux,
    tensors_in,
    write_back,
    written,
)
from .hooked import without_packing
from .outside import Outside, by_row, on_the_step
from .reverse import jacrev
from .vmap import vmap

__all__ = ["hessian", "jacfwd", "jvp", "linearize"]

JVP = "jvp(f, primals, tangents)"


class _Run:
    """A function that has been run once: its outputs' structure, and the `Closed` that it became."""

    def __init__(self, primals: list[Tensor], given: list[Tensor], call: Callable, has_aux: bool, strict: bool = False,
                 randomness: str | None = None, tangents: list[Tensor] | None = None) -> None:
        self.primals = primals
        with Nested("jvp", forward=True, randomness=randomness) as inside:
            inside.given = given
            self.pushed = inside.pushed = None if tangents is None else dict(enumerate(tangents))
            inner = [inside.input(x, mark=True) for x in primals]
            out, aux, self.aux_spec = split_aux(call(inner), has_aux, JVP)
            outs, self.spec = only_tensors(out, JVP)
            if strict and not all(inside.is_marked(x) for x in outs):
                raise RuntimeError("jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is "
                                   "not allowed with strict=True.")
            self.avals = [x._node.aval for x in outs]
            self.written = written(inner)
            self.closed: Closed = inside.close([*outs, *aux, *[inner[k] for k in self.written]])
        self.count, self.results = len(outs), len(outs) + len(aux)
        self.roots = tuple([k for k, a in enumerate(self.avals) if a.differentiable])

    def push(self) -> tuple[tuple, list]:
        """The results with the auxiliary ones, and the tangents of the results, for the tangents that were given."""
        closed, roots, pushed = self.closed, self.roots, self.pushed or {}
        wrt = tuple(pushed)         # the primals, and what custom functions gave that had a look at values
        flags = (*closed.flags(), *[True] * len(roots))
        results = entry("jvp", [closed], (wrt, self.count), lambda f: pushed_forward(f, wrt, roots), list(pushed.values()), flags)
        changes = self.tangents(results[len(closed.outs):])
        return self.finish(results[:len(closed.outs)]), changes

    def tangents(self, found: tuple) -> list:
        """One tangent for each output: those found, zeros for integers."""
        rest = iter(found)
        return [next(rest) if a.differentiable else hooks.zeros(a) for a in self.avals]

    def finish(self, found: tuple) -> tuple:
        """What the function wrote is written outside; the results proper, then the auxiliary ones."""
        found = self.closed.apply_effects(found)
        write_back(self.primals, self.written, found[self.results:])
        return found[:self.results]


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(output, tangents of the output), or with aux: what `func` does at `primals` to the direction `tangents` (both tuples).

    Errors: torch's, where structures or shapes differ, for what is no tensor, and with `strict` for outputs that do not depend on
    the primals.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    leaves, spec = tree_flatten(primals)
    given, given_spec = tree_flatten(tangents)
    if spec != given_spec:
        raise RuntimeError(f"{JVP}: Expected primals and tangents to have the same python structure. For example, if primals is a "
                           f"tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and tangents with "
                           f"structure {given_spec}")
    if not leaves:
        raise RuntimeError(f"{JVP}: Expected primals to contain at least one Tensor.")
    for name, xs in (("primals", leaves), ("tangents", given)):
        for x in xs:
            if not isinstance(x, Tensor):
                raise RuntimeError(f"{JVP}: Expected {name} to only contain Tensors, got {type(x)}")
    dense_only([*leaves, *given])
    for x, t in zip(leaves, given, strict=True):
        check_tangent(x, t)

    def call(inner: list) -> Any:
        return func(*spec.unflatten(inner))
    try:
        run = _Run(leaves, leaves, call, has_aux, strict, tangents=given)
    except NoValueError:
        if not on_the_step():
            raise
        return _jvp_outside(leaves, given, call, has_aux)
    found, changes = run.push()
    both = run.spec.unflatten(found[:run.count]), run.spec.unflatten(changes)
    return both if run.aux_spec is None else (*both, run.aux_spec.unflatten(found[run.count:]))


def _jvp_outside(primals: list[Tensor], tangents: list[Tensor], call: Callable, has_aux: bool) -> tuple:
    """jvp of a function that pulls back through a custom function whose backward looks at values: what pulls back is linear in the
    cotangents, and is pulled back itself."""
    with without_packing():
        run = Outside(primals, call)
    out, aux, aux_spec = split_aux(run.result, has_aux, JVP)
    outs, spec = only_tensors(out, JVP)
    changes = spec.unflatten(run.push(outs, tangents))
    both = spec.unflatten(run.shown(outs)), changes
    return both if aux_spec is None else (*both, aux_spec.unflatten(run.shown(aux)))


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """(output, jvp_fn): jvp_fn(*tangents) gives the tangents of the output; `func` itself runs once.

    Errors: torch's, for tangents whose structure, shape or dtype is not that of the primals.
    """
    leaves, spec = tree_flatten(primals)
    dense_only(tensors_in(leaves))
    run = _Run(leaves, leaves, lambda inner: func(*spec.unflatten(inner)), False)
    closed, n, roots = run.closed, len(leaves), run.roots
    versions = [version_of(x) for x in closed.operands]
    out = run.spec.unflatten(run.finish(entry("linearize", [closed], (), lambda f: f)))

    def jvp_fn(*tangents: Any) -> Any:
        """The tangents of the output along these of the primals."""
        given, given_spec = tree_flatten(tangents)
        _check_like(given, given_spec, leaves, spec)
        check_unchanged(closed, versions)
        skip = len(closed.outs)
        found = entry("linearize_push", [closed], (n,), lambda f: after(pushed_forward(f, range(n), roots), skip), given, True)
        return run.spec.unflatten(run.tangents(found))
    return out, jvp_fn


def _check_like(given: list, given_spec: TreeSpec, leaves: list, spec: TreeSpec) -> None:
    if given_spec != spec:
        raise RuntimeError(f"Expected the tangents {given_spec} to have the same argspec as the primals {spec}")
    for k, (t, x) in enumerate(zip(given, leaves, strict=True)):
        for what in ("shape", "device", "dtype"):
            if getattr(t, what) != getattr(x, what):
                raise RuntimeError(f"tangent:{k} with {what} {getattr(t, what)} in flattened pytree doesn't match the {what} "
                                   f"{getattr(x, what)} of the corresponding primal.")


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, chunk_size: int | None = None,
           randomness: str = "error") -> Callable:
    """The function that gives the Jacobian of `func`, column by column: for each output and each of `argnums`, shape out + in."""
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacfwd: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def wrapper(*args: Any) -> Any:
        check_randomness(randomness)
        chosen = Chosen(args, argnums, differentiable=check_differentiable)
        chosen.dense_only()
        real_only("jacfwd", "inputs", [x.dtype for x in chosen.tensors])

        def call(inner: list) -> Any:
            return chosen.call(func, inner, {})
        if randomness == "different" and any(x.numel() for x in chosen.tensors):
            return _by_members(chosen, call, has_aux)
        try:
            run = _Run(chosen.tensors, tensors_in(args), call, has_aux, randomness=randomness)
        except NoValueError:
            return looking(chosen, tensors_in(args), call)
        real_only("jacfwd", "outputs", [a.dtype for a in run.avals])
        closed, n, roots = run.closed, len(chosen.tensors), run.roots
        flags = (*closed.flags(), *[True] * (n * len(roots)))
        results = entry("jacfwd", [closed], (n, run.count, chunk_size), lambda f: jacobian_forward(f, range(n), roots, chunk_size),
                        flags=flags)
        found = iter(results[len(closed.outs):])
        blocks = []
        for a in run.avals:
            blocks.append(chosen.put([next(found) if a.differentiable else constant((*a.shape, *x.shape), 0, dtype=a.dtype)
                                      for x in chosen.tensors]))
        rest = run.finish(results[:len(closed.outs)])
        jacobian = run.spec.unflatten(blocks)
        return jacobian if run.aux_spec is None else (jacobian, run.aux_spec.unflatten(rest[run.count:]))

    def looking(chosen: Chosen, given: list[Tensor], call: Callable) -> Any:
        try:
            return _by_column(chosen, given, call, has_aux, randomness)
        except NoValueError:
            if not on_the_step():
                raise
        return by_row(chosen, call, has_aux, "jacfwd")
    return wrapper


def _by_members(chosen: Chosen, call: Callable, has_aux: bool) -> Any:
    """The Jacobian of a function that draws other random numbers for each column: its jvp for a batch of tangents."""
    xs = chosen.tensors
    ends = list(accumulate([x.numel() for x in xs]))
    parts = [slice(end - x.numel(), end) for x, end in zip(xs, ends, strict=True)]
    basis = [namespace.eye(ends[-1], dtype=x.dtype, device=x.device)[:, at].reshape(-1, *x.shape)
             for x, at in zip(xs, parts, strict=True)]

    def push(*tangents: Tensor) -> tuple:
        out, *found = jvp(lambda *inner: call(list(inner)), tuple(xs), tangents, has_aux=has_aux)
        real_only("jacfwd", "outputs", [y.dtype for y in tree_flatten(out)[0]])
        return tuple(found)
    changes, *aux = vmap(push, randomness="different")(*basis)
    columns, spec = tree_flatten(changes)
    jacobian = spec.unflatten([
        chosen.put([c[at].movedim(0, -1).reshape(*c.shape[1:], *x.shape) for x, at in zip(xs, parts, strict=True)])
        for c in columns])
    return (jacobian, tree_map(lambda a: a[0], aux[0])) if has_aux else jacobian


def _by_column(chosen: Chosen, given: list[Tensor], call: Callable, has_aux: bool, randomness: str) -> Any:
    """The Jacobian of a function in which the jvp of a custom function looks at values: one run for each element of the inputs."""
    xs = chosen.tensors
    zeros = [hooks.zeros(x._node.aval) for x in xs]
    columns: list[list[list[Tensor]]] = [[] for _ in xs]
    run, found = None, ()
    for k, x in enumerate(xs):
        for row in namespace.eye(x.numel(), dtype=x.dtype, device=x.device):
            run = _Run(xs, given, call, has_aux, False, randomness, [*zeros[:k], row.reshape(x.shape), *zeros[k + 1:]])
            real_only("jacfwd", "outputs", [a.dtype for a in run.avals])
            found, changes = run.push()
            columns[k].append(changes)
    if run is None:
        run = _Run(xs, given, call, has_aux, False, randomness, zeros)
        found, _ = run.push()
    blocks = []
    for j, a in enumerate(run.avals):
        blocks.append(chosen.put([namespace.stack([c[j] for c in column], -1).reshape(*a.shape, *x.shape) if column
                                  else constant((*a.shape, *x.shape), 0, dtype=a.dtype)
                                  for x, column in zip(xs, columns, strict=True)]))
    jacobian = run.spec.unflatten(blocks)
    return jacobian if run.aux_spec is None else (jacobian, run.aux_spec.unflatten(found[run.count:]))


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """The function that gives the second derivatives of `func`: jacfwd of jacrev."""
    return jacfwd(jacrev(func, argnums), argnums)
