"""Derivatives of functions in which the backward of a custom function looks at values (`numpy`, `item`).

In: a function that could not be recorded on a tape of its own, its arguments.  Out: its results and what pulls cotangents back
through it. It is run once more, on the tape of the step, where a backward pauses for Python and has gradients with values.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import accumulate
from ..autograd.calls import grad as autograd_grad
from ..autograd.grad_mode import enable_grad
from ..grad_fn import AccumulateGrad
from ..namespace import namespace as t
from ..recorder import hooks
from ..tape import state
from ..tensor import Tensor
from .arguments import Chosen, only_tensors, real_only, split_aux
from .hooked import without_packing

__all__ = ["Outside", "by_row", "check_outputs", "on_the_step"]


def on_the_step() -> bool:
    """Whether nothing around records a function: only then is there a backward that pauses."""
    return state.tape.nested is None


class Outside:
    """A function that runs on the tape of the step. `call` gets stand-ins for `primals`, which are differentiated."""

    def __init__(self, primals: Sequence[Tensor], call: Callable[[list[Tensor]], Any]) -> None:
        self.create = state.tape.grad
        with enable_grad():
            # what has a graph stays in it
            self.inner = [hooks.public["_alias"](x) if x.requires_grad else x.detach().requires_grad_() for x in primals]
            self.result = call(self.inner)
        self.own = {id(i) for i, x in zip(self.inner, primals, strict=True) if not x.requires_grad}

    def shown(self, xs: Sequence[Tensor]) -> list[Tensor]:
        """Tensors as they are seen from outside: with a graph where that leads to more than the stand-ins."""
        return [x if self.create and self._leads_out(x) else x.detach() for x in xs]

    def _leads_out(self, x: Tensor) -> bool:
        seen: set = set()
        left = [x.grad_fn] if x.grad_fn is not None else []
        if x.grad_fn is None and x.requires_grad:
            return id(x) not in self.own
        while left:
            node = left.pop()
            if node in seen:
                continue
            seen.add(node)
            if isinstance(node, AccumulateGrad) and id(node.variable) not in self.own:
                return True
            left += [below for below, _ in node.next_functions if below is not None]
        return False

    def pull(self, outs: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> list[Tensor]:
        """The gradients of the primals, zeros where nothing leads to them."""
        roots = [k for k, x in enumerate(outs) if x.requires_grad]
        if not roots:
            return [hooks.zeros(x._node.aval) for x in self.inner]
        given = [cotangents[k] for k in roots]
        create = self._create(outs, given)
        found = accumulate.grad([outs[k] for k in roots], self.inner, given, True, create, True, True)
        return self.shown(found) if create else list(found)

    def push(self, outs: Sequence[Tensor], tangents: Sequence[Tensor]) -> list[Tensor]:
        """The tangents of `outs` along those of the primals."""
        create = self.create and state.tape.grad
        roots = [k for k, x in enumerate(outs) if x.requires_grad]
        changes = [hooks.zeros(x._node.aval) for x in outs]
        if roots:
            with enable_grad():
                cotangents = [hooks.zeros(outs[k]._node.aval).requires_grad_() for k in roots]
            self.own |= {id(c) for c in cotangents}
            pulled = accumulate.grad([outs[k] for k in roots], self.inner, cotangents, True, True, True, True)
            linear = [k for k, g in enumerate(pulled) if g.requires_grad]
            given = [tangents[k] for k in linear]
            found = accumulate.grad([pulled[k] for k in linear], cotangents, given, True, create, True, True) if linear else ()
            for k, change in zip(roots, found, strict=False):
                changes[k] = change
        return self.shown(changes) if create else [x.detach() for x in changes]

    def rows(self, out: Tensor) -> list[Tensor]:
        """The Jacobian of `out` for each of the primals, of shape out + in."""
        if not out.requires_grad or not out.numel():
            return [hooks.zeros(x._node.aval).expand(*out.shape, *x.shape).clone() for x in self.inner]
        eye = t.eye(out.numel(), dtype=out.dtype, device=out.device).reshape(out.numel(), *out.shape)
        create = self._create([out], [])
        found = autograd_grad([out], self.inner, [eye], True, create, True, True, True)
        rows = [g.reshape(*out.shape, *x.shape) for g, x in zip(found, self.inner, strict=True)]
        return self.shown(rows) if create else rows

    def _create(self, outs: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> bool:
        """Whether somebody outside may want a gradient of the gradients."""
        if not self.create or not state.tape.grad:
            return False
        return any(c is not None and c.requires_grad for c in cotangents) or any(self._leads_out(x) for x in outs)


def by_row(chosen: Chosen, call: Callable[[list[Tensor]], Any], has_aux: bool, caller: str) -> Any:
    """The Jacobian (and what else is returned) of such a function, for jacrev or jacfwd."""
    with without_packing():
        run = Outside(chosen.tensors, call)
    out, aux, aux_spec = split_aux(run.result, has_aux, "vjp(f, *primals)")
    outs, spec = only_tensors(out, "vjp(f, *primals)")
    check_outputs([x._node.aval for x in outs], caller)
    jacobian = spec.unflatten([chosen.put(run.rows(x)) for x in outs])
    return jacobian if aux_spec is None else (jacobian, aux_spec.unflatten(run.shown(aux)))


def check_outputs(avals: list, caller: str) -> None:
    """torch's errors for results that have no derivative, or a complex one."""
    for aval in avals:
        if not aval.differentiable:
            raise RuntimeError("vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                               f"{aval.dtype}")
    real_only(caller, "outputs", [a.dtype for a in avals])
