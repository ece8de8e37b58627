"""Functions that torch keeps only to say what took their place.

In: whatever they are called with.  Out: torch's RuntimeError.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .tensor import Tensor

__all__ = ["REMOVED"]

_SINCE = "This function was deprecated since version 1.9 and is now removed. "
# name -> what is said; those in _METHODS are methods, too
_ADVICE = {
    "eig": _SINCE + "`torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble` rather than real tensors mimicking "
                    "complex tensors.",
    "symeig": _SINCE + "The default behavior has changed from using the upper triangular portion of the matrix by default to using "
                       "the lower triangular portion. See torch.linalg.eigh.",
    "solve": _SINCE + "`torch.solve` is deprecated in favor of `torch.linalg.solve`. `torch.linalg.solve` has its arguments "
                      "reversed and does not return the LU factorization.",
    "lstsq": _SINCE + "`torch.lstsq` is deprecated in favor of `torch.linalg.lstsq`. `torch.linalg.lstsq` has reversed arguments "
                      "and does not return the QR decomposition in the returned tuple.",
    "matrix_rank": _SINCE + "Please use the `torch.linalg.matrix_rank` function instead. The parameter 'symmetric' was renamed in "
                            "`torch.linalg.matrix_rank()` to 'hermitian'.",
    "reinforce": "reinforce() was removed. Use torch.distributions instead. See "
                 "https://pytorch.org/docs/main/distributions.html",
}
_METHODS = ("eig", "symeig", "solve", "lstsq", "reinforce")


def _removed(name: str, advice: str) -> Callable:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(advice)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Removed from torch."
    return function


REMOVED = {name: _removed(name, advice) for name, advice in _ADVICE.items()}
for _name in _METHODS:
    setattr(Tensor, _name, REMOVED[_name])
del REMOVED["reinforce"]
