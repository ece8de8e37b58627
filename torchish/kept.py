"""What an entry keeps for its backward, and its backward from what was kept.

In: an entry of the tape that passes gradients.  Out: which of its operands and results its gradients depend on (found by tracing
its vjp: of a product the other factor, of exp the result), and an op that computes the gradients from those alone.  Asked only
where hooks pack saved tensors, or where a saved tensor is looked at.
"""
from __future__ import annotations

from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import jax

from .ops.table import Op, Param
from .replay import number_specs, of_operands, put_together, spec, taken_apart
from .tape import Node, path, slots
from .xla import traced

__all__ = ["Kept", "kept_by"]

_index = count(4_000_000)
_known: WeakKeyDictionary[Node, Kept] = WeakKeyDictionary()


class Kept:
    """The residuals of one entry.

    reads: the slots of its operands, one for each use; operands, results: which of those, and which of its results, are kept.
    names: for each of `reads` the parameter that it was given for, and its place among those given for that one.
    op: (kept operands and results, numbers, cotangents of the results that require a gradient) -> gradients of those of `reads`
    that do.
    """

    def __init__(self, node: Node) -> None:
        made = {o.slot: o for n in path(node.parent) for o in n.outs}      # type: ignore[arg-type]
        self.reads = list(slots(node.operands))
        self.wanted = [made[s].rg for s in self.reads]
        self.outs = [k for k, o in enumerate(node.outs) if o.rg]
        self.names = _names(node)
        specs = [spec(made[s].aval) for s in self.reads]
        box: list = []
        closed = traced(jax.make_jaxpr(_program(node, self.wanted, self.outs, box)), specs, number_specs(node))
        self.structure, self.consts = box[-1], closed.consts
        self._examine(closed.jaxpr)
        params = (Param("values", "operands"), Param("numbers", "operands"), Param("cotangents", "operands"))
        self.op = Op("node_backward", self._backward, "autograd", params, frozenset(), index=next(_index), rule="GradBackward0")

    def _examine(self, jaxpr: Any) -> None:
        """What the residuals are computed from: results where possible, else operands."""
        n, m = len(self.reads), len(self.outs)
        given = {v: k for k, v in enumerate(jaxpr.invars[:n])}
        results = {v: self.outs[k] for k, v in reversed(list(enumerate(jaxpr.outvars[:m]))) if _is_variable(v) and v not in given}
        makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
        self.leaves = jaxpr.outvars[m:]
        operands, kept, needed = set(), set(), set()
        todo, seen = [v for v in self.leaves if _is_variable(v)], set()
        while todo:
            v = todo.pop()
            if v in seen:
                continue
            seen.add(v)
            if v in results:
                kept.add(results[v])
            elif v in given:
                operands.add(given[v])
            elif v in makers:
                needed.add(id(makers[v]))
                todo.extend(x for x in makers[v].invars if _is_variable(x))
        self.operands, self.results = tuple(sorted(operands)), tuple(sorted(kept))
        kept_ones = [jaxpr.invars[k] for k in self.operands] + [next(v for v, r in results.items() if r == k) for k in self.results]
        # the residuals as a function of the numbers and of what is kept
        self.residuals = jaxpr.replace(
            invars=[*jaxpr.invars[n:], *kept_ones], outvars=[v for v in self.leaves if _is_variable(v)],
            eqns=[eqn for eqn in jaxpr.eqns if id(eqn) in needed],
            debug_info=jaxpr.debug_info._replace(arg_names=None, result_paths=None))
        self.dtypes = [jaxpr.outvars[k].aval.dtype for k in range(m)]

    def _backward(self, values: list, numbers: list, cotangents: list) -> tuple:
        moving = iter(jax.core.eval_jaxpr(self.residuals, self.consts, numbers[0], numbers[-1], *values))
        return put_together(self.structure, [next(moving) if _is_variable(v) else v.val for v in self.leaves],
                            [c.astype(d) for c, d in zip(cotangents, self.dtypes, strict=True)])


def _is_variable(v: Any) -> bool:
    return not hasattr(v, "val")


def _program(node: Node, wanted: list[bool], outs: list[int], box: list) -> Any:
    """(operands, numbers) -> results that require a gradient, then the residuals of the vjp, whose structure goes into `box`."""
    def program(values: list, numbers: tuple) -> tuple:
        forward = of_operands(node, values, wanted, outs, numbers)
        results, residuals, structure = taken_apart(forward, [v for v, w in zip(values, wanted, strict=True) if w])
        box.append(structure)
        return results, residuals
    return program


def _names(node: Node) -> list[tuple[str, int]]:
    """For each use of an operand: the parameter, and which of the tensors given for it (-1: the only one)."""
    names: list[tuple[str, int]] = []
    for p, o in zip(node.op.operands, node.operands, strict=True):
        if o.__class__ is tuple:
            names += [(p.name, k) for k in range(len(o))]
        elif o.__class__ is int:
            names.append((p.name, -1))
    return names


def kept_by(node: Node) -> Kept:
    """What an entry that passes gradients keeps; found out once."""
    found = _known.get(node)
    if found is None:
        found = _known[node] = Kept(node)
    return found
