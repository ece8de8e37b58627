"""torch.while_loop: a function applied again and again, as long as a value of the step says so.

In: a condition and a body, both of the carried values.  Out: the last values, as one entry under `jax.lax.while_loop`.  XLA
cannot go back through a loop of unknown length: where a gradient is wanted the loop is Python's own, which looks at the
condition each time.  Source: https://docs.pytorch.org/docs/stable/generated/torch._higher_order_ops.while_loop.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bodies import Body, body_of, flatten
from ..creation import as_tensor
from ..nested import entry
from ..ops.control import looped
from ..tape import state
from ..tensor import Tensor
from .common import no_effects, same_metadata, states_of

__all__ = ["while_loop"]


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: tuple | list) -> Any:
    """carried = body_fn(*carried) while cond_fn(*carried), a boolean tensor of one element; the last carried values.

    body_fn returns tensors of the same shapes and dtypes in the same structure. Differentiable: then the loop is unrolled.
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple of possibly nested dict/list/tuple that only consists of tensor "
                           f"leaves, but got {carried_inputs}.")
    leaves, structure = flatten((tuple(carried_inputs), {}))
    for x in leaves:
        if not isinstance(x, (Tensor, int)):
            raise RuntimeError("Expect carried_inputs to be a tuple of possibly nested dict/list/tuple that only consists of "
                               f"tensor leaves, but got {carried_inputs}.")
    carried = [x if isinstance(x, Tensor) else as_tensor(x) for x in leaves]
    body = body_of("while_loop", body_fn, carried, structure, repeated=True)
    no_effects("while_loop", body)
    same_metadata("body_fn_output", "carried_inputs", [_aval(body, k) for k in range(len(body.leaves))],
                  [x._node.aval for x in carried])
    if state.tape.grad and any(body.closed.flags()[:body.closed.wanted]):
        return _unrolled(cond_fn, body_fn, leaves if state.tape.nested is None else carried, structure)
    test = body_of("while_loop", cond_fn, carried, structure)
    no_effects("while_loop", test)
    if len(test.leaves) != 1 or (test.avals and (test.avals[0].numel != 1 or test.avals[0].dtype.name != "bool")):
        got = test.avals[0].shape if test.avals else test.leaves
        raise RuntimeError(f"torch.while_loop: unsupported cond_fn return type. Expected cond_fn to return a scalar tensor or a "
                           f"bool but got {got}.")
    if not test.avals:
        if test.leaves[0]:
            raise RuntimeError("torch.while_loop: infinite loop detected because while_loop's cond_fn always returns the same "
                               "value True.")
        return tuple(carried_inputs)
    return _recorded(test, body, carried, [not isinstance(x, Tensor) for x in leaves])


def _aval(body: Body, k: int) -> Any:
    at = body.which[k]
    if at is None:
        raise RuntimeError(f"Expected body_fn to return tensors, but got {body.leaves[k]!r}.")
    return body.avals[at]


def _unrolled(cond_fn: Callable, body_fn: Callable, carried: list, structure: Any) -> Any:
    """Python's own loop, for gradients."""
    args, _ = structure.unflatten(carried)
    while bool(cond_fn(*args)):
        args = body_fn(*args)
    return args


def _recorded(test: Body, body: Body, carried: list, numbers: list[bool]) -> Any:
    """The loop as one entry. `numbers`: which of what is carried was a Python int, and comes back as one."""
    count = len(carried)
    states = states_of(body.closed)
    which = tuple(body.which)

    results = entry("while_loop", [test.closed, body.closed], (which, tuple(states)),
                    lambda f, g: looped(f, g, count, which, states), flags=False)
    for k, g in enumerate(body.closed.generators):
        g.carry_on(results[count + 2 * k], results[count + 2 * k + 1])
    seen = state.tape.nested is None and state.tape.inline is None       # there is a value to look at
    return body.structure.unflatten([int(x) if number and seen else x
                                     for x, number in zip(results[:count], numbers, strict=True)])
