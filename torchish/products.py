"""Products of matrices in the form that XLA's CPU compiler is quick at.

In: a traced program (a closed jaxpr).  Out: the same program, in which a product that sums over the rows of a wide and of a narrow
matrix, such as the gradient of a layer's weights where one of its sides is short, is computed with the narrow matrix first.

For 1,024 rows of 256 and of 2 numbers the one order takes forty times as long as the other (docs/performance.md).
"""
from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Var

__all__ = ["narrow_first"]

# where the narrow matrix first was never slower: 64 to 4,096 rows of 2 to 1,024 numbers, in every floating type
_NARROW, _WIDER, _LARGE = 16, 4, 1 << 13


def narrow_first(program: ClosedJaxpr) -> ClosedJaxpr:
    """`program` itself where it has no such product."""
    return _closed(program, {})


def _closed(program: ClosedJaxpr, seen: dict[int, Any]) -> ClosedJaxpr:
    inner = _open(program.jaxpr, seen)
    return program if inner is program.jaxpr else ClosedJaxpr(inner, program.consts)


def _open(jaxpr: Jaxpr, seen: dict[int, Any]) -> Jaxpr:
    """seen: what became of each jaxpr, by identity: one that is called twice stays one."""
    if id(jaxpr) not in seen:
        eqns = [new for eqn in jaxpr.eqns for new in _turned(eqn) or [_within(eqn, seen)]]
        same = len(eqns) == len(jaxpr.eqns) and all(a is b for a, b in zip(eqns, jaxpr.eqns, strict=True))
        seen[id(jaxpr)] = jaxpr if same else jaxpr.replace(eqns=eqns)
    return seen[id(jaxpr)]


def _within(eqn: JaxprEqn, seen: dict[int, Any]) -> JaxprEqn:
    """The equation with the programs that it calls rewritten: bodies of loops, branches, functions."""
    changed = {}
    for name, value in eqn.params.items():
        new = tuple(_param(x, seen) for x in value) if isinstance(value, tuple) else _param(value, seen)
        if new is not value and not (isinstance(value, tuple) and all(a is b for a, b in zip(new, value, strict=True))):
            changed[name] = new
    return eqn.replace(params={**eqn.params, **changed}) if changed else eqn


def _param(value: Any, seen: dict[int, Any]) -> Any:
    if isinstance(value, ClosedJaxpr):
        return _closed(value, seen)
    return _open(value, seen) if isinstance(value, Jaxpr) else value


def _turned(eqn: JaxprEqn) -> list[JaxprEqn]:
    """What stands for a product of a wide and a narrow matrix over their rows; nothing for any other equation.

    The compiler would merge a transposition with the product by exchanging the matrices again: a barrier keeps them apart.
    """
    if eqn.primitive.name != "dot_general":
        return []
    (over, over_other), (batch, batch_other) = eqn.params["dimension_numbers"]
    first, second = (v.aval for v in eqn.invars)
    rank = len(first.shape)
    leading = tuple(range(rank - 2))
    if (len(second.shape) != rank or not tuple(batch) == tuple(batch_other) == leading
            or not tuple(over) == tuple(over_other) == (rank - 2,) or not jax.dtypes.issubdtype(first.dtype, np.inexact)):
        return []
    narrow, wide = sorted((first.shape[-1], second.shape[-1]))
    if not 2 <= narrow <= _NARROW or wide < _WIDER * narrow or first.shape[-2] * wide < _LARGE:
        return []

    def product(a: Any, b: Any) -> Any:
        if a.shape[-1] == narrow:
            return lax.optimization_barrier(lax.dot_general(a, b, **eqn.params))
        flipped = lax.optimization_barrier(lax.dot_general(b, a, **eqn.params))
        return lax.transpose(flipped, (*leading, rank - 1, rank - 2))
    return _inline(product, eqn)


def _inline(fn: Any, eqn: JaxprEqn) -> list[JaxprEqn]:
    """The equations of `fn`, traced for the inputs of `eqn`, with its inputs and its output."""
    traced = jax.make_jaxpr(fn)(*[jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]).jaxpr
    names: dict[Any, Any] = dict(zip([*traced.invars, *traced.outvars], [*eqn.invars, *eqn.outvars], strict=True))
    new = []
    for step in traced.eqns:
        names |= {v: Var(v.aval) for v in step.outvars if v not in names}
        new.append(step.replace(invars=[names.get(v, v) if isinstance(v, Var) else v for v in step.invars],
                                outvars=[names[v] for v in step.outvars], source_info=eqn.source_info, ctx=eqn.ctx))
    return new
