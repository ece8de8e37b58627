"""The functions of torch.masked: reductions and normalizations that leave out what a mask does not select.

In: a tensor, dims, and a mask that broadcasts to its shape (True: the element counts; None: all do).  Out: what the function of the
same name in torch gives for the elements that count, in the dtype of the input unless another is asked for.
Source: https://docs.pytorch.org/docs/stable/masked.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import api as torch
from .. import linalg
from ..nn import functional as F
from ..ops.check import require
from ..tensor import Tensor
from .masks import canonical_dim, combine, input_mask

__all__ = ["amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "is_masked_tensor", "log_softmax", "logaddexp", "logsumexp",
           "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var"]

Mask = Tensor | None
SMALL = frozenset(["uint8", "bool", "int8", "int16", "int32"])


def _summed(input: Tensor, dtype: Any) -> Any:
    """The dtype of a sum or product: int64 for smaller integers."""
    return dtype or (torch.int64 if input.dtype.name in SMALL else input.dtype)


def sum(input: Tensor, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The sum of the elements that count; 0 of none. int64 for integers and bool."""
    return torch.sum(combine("sum", input, mask), canonical_dim(dim, input.dim()), bool(keepdim), dtype=_summed(input, dtype))


def prod(input: Tensor, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The product of the elements that count; 1 of none. int64 for integers and bool."""
    result = combine("prod", input, mask).to(_summed(input, dtype))
    for d in reversed(canonical_dim(dim, input.dim())):
        result = result.prod(d, bool(keepdim))
    return result


def cumsum(input: Tensor, dim: int, *, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The sums of the elements so far that count."""
    kind = dtype or input.dtype
    return torch.cumsum(combine("sum", input, mask), canonical_dim(dim, input.dim())[0], dtype=kind).to(kind)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The products of the elements so far that count."""
    kind = dtype or input.dtype
    return torch.cumprod(combine("prod", input, mask), canonical_dim(dim, input.dim())[0], dtype=kind).to(kind)


def amax(input: Tensor, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The largest element that counts; the lowest number of the dtype of none."""
    return torch.amax(combine("amax", input, mask), canonical_dim(dim, input.dim()), bool(keepdim)).to(dtype or input.dtype)


def amin(input: Tensor, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The smallest element that counts; the highest number of the dtype of none."""
    return torch.amin(combine("amin", input, mask), canonical_dim(dim, input.dim()), bool(keepdim)).to(dtype or input.dtype)


def argmax(input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The place of the largest element that counts, as a number of the input's dtype."""
    return torch.argmax(combine("argmax", input, mask), dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The place of the smallest element that counts, as a number of the input's dtype."""
    return torch.argmin(combine("argmin", input, mask), dim, bool(keepdim)).to(dtype or input.dtype)


def _counted(input: Tensor, dim: Any, keepdim: bool, dtype: Any, mask: Mask) -> tuple[Tensor, Tensor, Mask]:
    """The sum of the elements that count, how many they are, and the mask in the shape of the input."""
    whole = None if mask is None else input_mask(input, mask=mask)
    ones = torch.ones(input.shape, dtype=torch.int64, device=input.device) if whole is None else whole
    return sum(input, dim, keepdim=keepdim, dtype=dtype, mask=whole), ones.sum(canonical_dim(dim, input.dim()), keepdim), whole


def mean(input: Tensor, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The mean of the elements that count; NaN of none."""
    kind = dtype or input.dtype
    require(kind.is_floating_point or kind.is_complex, f"mean(): Could not infer output dtype. {'Optional' if dtype else 'Input'} "
            f"dtype must be either a floating point or complex dtype. Got: {kind}", ValueError)
    total, count, _ = _counted(input, dim, bool(keepdim), kind, mask)
    return total / count


def median(input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The median of the elements that count; NaN of none, which ValueError refuses for integers."""
    at = canonical_dim(dim, input.dim())[0]
    if input.is_floating_point():
        return torch.nanmedian(combine("median", input, mask), at, keepdim).values
    found = torch.nanmedian(combine("median", input.to(torch.float32), mask), at, keepdim).values
    require(mask is None or not bool(torch.isnan(found).any()),
            "masked median expects no fully masked out rows if dtype is not floating point", ValueError)
    return found.to(dtype or input.dtype)


def logsumexp(input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The log of the sum of the exponentials of the elements that count."""
    found = torch.logsumexp(combine("logsumexp", input, mask), canonical_dim(dim, input.dim()), keepdim)
    return found.to(dtype or input.dtype)


def logaddexp(input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Mask = None, other_mask: Mask = None) -> Tensor:
    """log(exp(input) + exp(other)), each where its mask selects it."""
    a, b = combine("logaddexp", input, input_mask), combine("logaddexp", other, other_mask)
    return torch.logaddexp(a, b).to(dtype or input.dtype)


def norm(input: Tensor, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None,
         mask: Mask = None) -> Tensor:
    """The vector norm of the elements that count."""
    x = combine("norm", input, mask, ord)
    return linalg.vector_norm(x, ord, canonical_dim(dim, input.dim()), bool(keepdim), dtype=dtype or input.dtype)


def var(input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
        keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The variance of the elements that count, their number less `correction` (1) in the denominator."""
    require(unbiased is None or correction is None, "Only one of unbiased and correction may be given", AssertionError)
    less = float(correction) if correction is not None else 0.0 if unbiased is False else 1.0
    inexact = input.is_floating_point() or input.is_complex()
    kind = dtype or (input.dtype if inexact else torch.float32)
    wide = kind if kind.is_floating_point or kind.is_complex else torch.float32     # what it is computed in
    total, count, whole = _counted(input, dim, True, kind, mask)
    x = input - total / count
    squares = sum(x * x.conj(), dim, keepdim=keepdim, dtype=wide, mask=whole)
    count = count if keepdim else count.reshape(squares.shape)
    if less:
        count = (count.to(wide.to_real()) - less).clamp(min=0)
    return (squares / count).to(kind)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: int | None = None,
        keepdim: bool | None = False, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The square root of `var`."""
    return torch.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))


def _normalized(function: Callable, name: str, input: Tensor, dim: int, dtype: Any, mask: Mask) -> Tensor:
    at = canonical_dim(dim, input.dim())[0]
    return function(combine(name, input, mask), at, dtype=dtype or input.dtype)


def softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The softmax of the elements that count; 0 elsewhere, NaN where none counts."""
    return _normalized(F.softmax, "amax", input, dim, dtype, mask)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The log of `softmax`."""
    return _normalized(F.log_softmax, "amax", input, dim, dtype, mask)


def softmin(input: Tensor, dim: int, *, dtype: Any = None, mask: Mask = None) -> Tensor:
    """The softmax of -input."""
    return _normalized(F.softmin, "amin", input, dim, dtype, mask)


def normalize(input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Mask = None) -> Tensor:
    """input / max(its norm, eps); 0 where it is masked out."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return combine("sum", input, mask) / torch.maximum(size, size.new_full([], eps))


def is_masked_tensor(obj: Any) -> bool:
    """False: there are no tensors that carry a mask."""
    return False
