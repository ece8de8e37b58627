"""What the control flow operators share: operands checked, results compared, states of generators passed through.

In: bodies (functions on tapes of their own).  Out: errors in torch's words, and where in a body's operands and results the
states stand.
"""
from __future__ import annotations

from collections.abc import Sequence

from ..avals import Aval, aval_of
from ..bodies import Body
from ..nested import Closed
from ..tensor import Tensor

__all__ = ["no_effects", "same_metadata", "sliced", "states_of"]


def no_effects(name: str, *bodies: Body) -> None:
    """RuntimeError where a function wrote into a tensor that is not its own."""
    if any(b.closed.effects or b.written for b in bodies):
        raise RuntimeError(f"torch.{name}: a function given to it writes into a tensor that it was given or closes over: Higher "
                           "order ops do not support input mutation. Return the new value instead.")


def same_metadata(left: str, right: str, a: Sequence[Aval], b: Sequence[Aval]) -> None:
    """RuntimeError in torch's words where shapes or dtypes differ."""
    if len(a) != len(b):
        raise RuntimeError(f"Expected {left} and {right} to have same number of outputs but got lhs:{list(a)} and rhs:{list(b)}")
    wrong = []
    for k, (x, y) in enumerate(zip(a, b, strict=True)):
        pairs = [("shape", x.shape, y.shape), ("dtype", x.dtype, y.dtype), ("device", x.device, y.device)]
        differ = [f"'{what}: {u} vs {v}'" for what, u, v in pairs if u != v]
        if differ:
            wrong.append(f"pair[{k}] differ in {', '.join(differ)}, where lhs is {x} and rhs is {y}")
    if wrong:
        raise RuntimeError(f"Expected {left} and {right} to have same metadata but found:\n" + "\n".join(wrong))


def sliced(x: Tensor, dim: int) -> Aval:
    """What a slice of `x` without `dim` looks like."""
    aval = x._node.aval
    return aval_of((*aval.shape[:dim], *aval.shape[dim + 1:]), aval.dtype, aval.device)


def states_of(closed: Closed) -> list[tuple[int, int]]:
    """For each state of a generator that a function leaves: where among its operands it came in, among its results it goes out."""
    found = []
    for k, g in enumerate(closed.generators):
        for part in range(2):
            at = next(i for i, x in enumerate(closed.operands) if x is g._lazy[part])
            found.append((at, closed.wanted + 2 * k + part))
    return found
