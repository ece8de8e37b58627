"""What a JAX function computes, as an op of the tape.

In: a function of jax arrays.  Out: a function of tensors that records it as one entry: lazy, part of the step's program and
differentiable like any other op.  One `Op` is kept for each structure, shapes and static values of the arguments.
"""
from __future__ import annotations

import functools
import re
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any

import jax
import numpy as np

from .creation import from_array
from .ops.table import Op, Param
from .ops.turns import pulled_whole
from .recorder import record
from .replay import spec
from .tensor import Tensor

__all__ = ["from_jax", "jax_op"]

_index = count(2_000_000)
OPERANDS = (Param("operands", "operands"),)
KEPT = 256      # ops of one function; a static value that is new at every call must not fill the memory


def from_jax(fn: Callable | None = None, *, name: str | None = None) -> Any:
    """The differentiable op of `fn`, a function of jax arrays: it takes and returns tensors in the same structure.

    Arguments may be nested (any JAX pytree). Tensors, numpy and JAX arrays reach `fn` as arrays; everything else is static,
    must be hashable and is compiled in, so a number that changes is better given as a tensor. Gradients are `fn`'s own
    (`jax.custom_vjp` included); integer results have none. `name` names the op in `grad_fn` and in the logs. `fn` is traced
    with the setting of `jax_enable_x64` that held when from_jax was called, or with True where an operand has 64 bits.
    Without `fn`: a decorator. Give the same function object every time: a new lambda is a new op, and compiles.
    """
    if fn is None:
        return functools.partial(from_jax, name=name)
    if not callable(fn):
        raise TypeError(f"from_jax(): argument 'fn' must be callable, not {type(fn).__name__}")
    label = name or re.sub(r"\W", "_", getattr(fn, "__name__", "") or "").strip("_")
    label = label if label and label != "lambda" else "jax_function"
    wide = bool(jax.config.jax_enable_x64)
    known: OrderedDict[tuple, tuple[Op, Any]] = OrderedDict()

    @functools.wraps(fn, assigned=[a for a in functools.WRAPPER_ASSIGNMENTS if hasattr(fn, a)], updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten((args, kwargs))
        tensors = [_tensor(x) for x in leaves if _is_array(x)]
        static = tuple([None if _is_array(x) else (type(x), x) for x in leaves])
        key = (structure, static, tuple([x._node.aval for x in tensors]))
        try:
            found = known.get(key)
        except TypeError:
            odd = next(x for x in leaves if not _is_array(x) and type(x).__hash__ is None)
            raise TypeError(f"{label}(): an argument of type {type(odd).__name__} is neither an array nor hashable: a function "
                            "of from_jax takes tensors, arrays and hashable static values") from None
        if found is None:
            found = known[key] = jax_op(_pure(fn, structure, static), tensors, label, wide)
            if len(known) > KEPT:
                known.popitem(last=False)
        op, results = found
        return jax.tree_util.tree_unflatten(results, record(op, (tensors,)))
    return call


def jax_op(pure: Callable, tensors: list, name: str, wide: bool) -> tuple[Op, Any]:
    """The op of `pure`, a function of arrays with these shapes and dtypes, and the structure of its results."""
    avals = [x._node.aval for x in tensors]
    wide = wide or any(a.dtype.name in ("float64", "int64", "complex128", "uint64") for a in avals)
    structures: list = []

    def run(operands: list) -> tuple:
        with jax.enable_x64(wide):
            leaves, structure = jax.tree_util.tree_flatten(pure(operands))
        structures[:] = [structure]
        return tuple(pulled_whole(leaves))       # a scan of the user's may have made them

    with jax.enable_x64(True):
        jax.eval_shape(run, [spec(a) for a in avals])
    return Op(name, run, "jax", OPERANDS, frozenset(), index=next(_index)), structures[0]


def _pure(fn: Callable, structure: Any, static: tuple) -> Callable:
    """`fn` as a function of the arrays among its arguments."""
    def pure(operands: list) -> Any:
        rest = iter(operands)
        args, kwargs = jax.tree_util.tree_unflatten(structure, [next(rest) if s is None else s[1] for s in static])
        return fn(*args, **kwargs)
    return pure


def _is_array(x: Any) -> bool:
    return isinstance(x, (Tensor, jax.Array, np.ndarray, np.generic))


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        raise TypeError("a typed JAX random key is no array of numbers: pass jax.random.key_data(key), and wrap it inside")
    return from_array(x)
