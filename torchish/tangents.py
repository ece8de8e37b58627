"""What forward mode asks of tangents.

In: a tensor and its tangent.  Out: torch's errors where they do not fit. A tape on which the tangents of inputs are known: further
inputs with tangents, and the tangent of what has been computed there.
"""
from __future__ import annotations

from .nested import Nested
from .ops.transforms import pushed_forward
from .tensor import Tensor

__all__ = ["add_input", "check_differentiable", "check_tangent", "split"]


def add_input(nested: Nested, primal: Tensor, tangent: Tensor) -> Tensor:
    """`primal`, a tensor outside, with its tangent on a tape whose tangents are known."""
    dual = nested.input(primal, mark=True)
    number = len(nested.operands) - 1
    nested.pushed[number] = tangent     # type: ignore[index]
    if nested.name == "dual":
        nested.tape.inputs[number] = primal         # gradients go past the dual to the tensor it was made of
        if primal._graph is not None and primal._data is not None:
            nested.tape.upstream[dual._node.slot] = primal._graph
    return dual


def split(nested: Nested, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Outside: the primal of a tensor of that tape, and its tangent, None where none comes to it."""
    if not nested.is_marked(x) or not x._node.aval.differentiable:
        return nested.unwrap(x), None
    wrt, tangents = tuple(nested.pushed), list(nested.pushed.values())      # type: ignore[arg-type, union-attr]
    own = x.requires_grad or nested.name != "dual"
    flags = (own, own or any(t.requires_grad for t in tangents))
    return nested.so_far([x], (wrt,), lambda f: pushed_forward(f, wrt, [0]), tangents, flags)      # type: ignore[return-value]


def check_differentiable(x: Tensor, name: str = "primal") -> None:
    """torch's errors for what is no tensor, and for integers."""
    if not (x.is_floating_point() or x.is_complex()):
        raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")


def check_tangent(primal: Tensor, tangent: Tensor) -> None:
    """torch's errors for a tangent that does not fit its primal."""
    check_differentiable(primal)
    check_differentiable(tangent, "tangent")
    if tuple(primal.shape) != tuple(tangent.shape):
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                           f"not supported. Tensor is of size {list(primal.shape)} while the given forward gradient is of size "
                           f"{list(tangent.shape)}.")
