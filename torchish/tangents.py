"""What forward mode asks of tangents.

In: a tensor and its tangent.  Out: torch's errors where they do not fit.
"""
from __future__ import annotations

from .tensor import Tensor

__all__ = ["check_differentiable", "check_tangent"]


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
