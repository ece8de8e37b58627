"""What a mask does to a tensor before it is reduced: elements that are masked out take the value that changes nothing.

In: a tensor, a mask that broadcasts to its shape (True: the element counts), the name of an operation.  Out: the filled tensor, and
the mask that says which results have any element.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import api as torch
from ..ops.check import require, wrap_dim
from ..tensor import Tensor

__all__ = ["canonical_dim", "combine", "identity", "input_mask", "output_mask"]

REDUCTIONS = frozenset(["sum", "prod", "amax", "amin", "argmax", "argmin", "mean", "median", "norm", "var", "std", "logsumexp"])
SAME_SHAPE = frozenset(["softmax", "log_softmax", "softmin", "normalize", "cumsum", "cumprod"])
NEUTRAL = {"sum": 0, "cumsum": 0, "prod": 1, "cumprod": 1}
LOWEST, HIGHEST = frozenset(["amax", "argmax", "logaddexp", "logsumexp"]), frozenset(["amin", "argmin"])


def identity(op_name: str, input: Tensor, *args: Any) -> Tensor | None:
    """The element that a reduction of `input`'s dtype may take in without a change of the result.

    None where that depends on the other elements; NotImplementedError where there is none.
    """
    name, dtype = op_name.rpartition(".")[2], input.dtype
    if name in NEUTRAL:
        return torch.tensor(NEUTRAL[name], dtype=dtype, device=input.device)
    if name in ("mean", "var", "std"):
        return None
    if name == "norm":
        least = bool(args) and args[0] == -math.inf
        require(not least or input.is_floating_point(), f"input must be floating point, got {dtype}", AssertionError)
        return torch.tensor(math.inf if least else 0, dtype=dtype, device=input.device)
    if name == "median":        # computed by nanmedian
        return torch.tensor(math.nan, dtype=dtype if input.is_floating_point() else torch.float32, device=input.device)
    if name in LOWEST | HIGHEST:
        if input.is_floating_point() or name == "logsumexp" and input.is_complex():
            return torch.tensor(-math.inf if name in LOWEST else math.inf, dtype=dtype, device=input.device)
        if dtype.is_signed or dtype is torch.uint8:
            limits = torch.iinfo(dtype)
            return torch.tensor(limits.min if name in LOWEST else limits.max, dtype=dtype, device=input.device)
    raise NotImplementedError(f"identity of {name} on {dtype} input")


def canonical_dim(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dims to reduce, sorted and not negative; None and () mean all."""
    dims = (dim,) if isinstance(dim, int) else tuple(range(ndim)) if dim is None or len(dim) == 0 else tuple(dim)
    twice = next((d for k, d in enumerate(dims) if d in dims[:k]), None)
    require(twice is None, f"dim={twice} appears multiple times in the list of dims")
    return tuple(sorted(wrap_dim(d, ndim) for d in dims))


def input_mask(input: Tensor, *args: Any, mask: Tensor | None = None, **kwargs: Any) -> Tensor:
    """The mask as bool and in the shape of `input`. ValueError without one, IndexError for one of more dims."""
    if mask is None:
        raise ValueError("_input_mask requires explicit mask")
    require(mask.dim() <= input.dim(), "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)",
            IndexError)
    found = mask if mask.shape == input.shape else torch.broadcast_to(mask.clone(), input.shape)
    return found if found.dtype is torch.bool else found.to(torch.bool)


def output_mask(op: Callable, input: Tensor, *args: Any, keepdim: bool = False, dim: Any = None, mask: Tensor | None = None,
                **kwargs: Any) -> Tensor:
    """Which results of the masked operation `op` of these arguments have any element that counts."""
    require(callable(op), f"_output_mask expected masked operation (got {type(op).__name__} object)", ValueError)
    name = op.__name__
    if name in SAME_SHAPE:
        return input_mask(input, mask=mask)
    require(name in REDUCTIONS, f"_output_mask expected masked operation (got callable {op.__module__}.{name})", ValueError)
    at = int(name == "norm")
    found = input_mask(input, mask=mask)
    dims = canonical_dim(args[at] if len(args) > at else dim, input.dim())
    return found.any(dims, keepdim) if input.dim() else found


def combine(name: Any, input: Tensor, mask: Tensor | None, *args: Any) -> Tensor:
    """`input` with the identity of the operation called `name` where it is masked out."""
    if mask is None:
        return input
    found = input_mask(input, mask=mask)
    name = getattr(name, "__name__", name)
    require(isinstance(name, str), "_combine_input_and_mask expected masked operation "
                                   f"(got {type(name).__name__} object)", ValueError)
    return torch.where(found, input, identity(name, input, *args))
