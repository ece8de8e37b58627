"""Matrices that LAPACK refuses: singular ones, and those without a Cholesky factor.

In: batches of square matrices whose values are known.  Out: torch's LinAlgError, with the place in the batch and in the matrix.
Small matrices only: to look takes as long as to factor. Of large ones, and of those that are still to be computed, the result has
inf or nan.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import LinAlgError

__all__ = ["refuse_indefinite", "refuse_nonfinite", "refuse_singular"]

FEW = 4096      # elements: a matrix of 64 x 64


def _known(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim > 1 and x.shape[-1] == x.shape[-2] and 0 < x.size <= FEW


def _batch(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each matrix, and how torch names its place."""
    for k, one in enumerate(x.reshape(-1, *x.shape[-2:])):
        yield f"(Batch element {k}): " if x.ndim > 2 else "", one


def _zero_pivot(x: np.ndarray) -> int:
    """Where elimination with row exchanges meets a column of zeros, counted from 1; 0 if it does not."""
    u = x.copy()
    for k in range(len(u)):
        p = k + int(np.argmax(np.abs(u[k:, k])))
        if u[p, k] == 0:
            return k + 1
        u[[k, p]] = u[[p, k]]
        u[k + 1:] -= np.outer(u[k + 1:, k] / u[k, k], u[k])
    return 0


def refuse_singular(text: str, error: type[Exception] = LinAlgError, if_asked: bool = False) -> Callable[..., None]:
    """A `look` for matrices that are to be inverted; `text` has {at} for the place in the batch and {k} for that in the matrix.

    if_asked: only where the last parameter (check_errors) is true.
    """
    def look(x: Any, *others: Any) -> None:
        if not _known(x) or if_asked and not others[-1]:
            return
        try:
            np.linalg.inv(x)
        except np.linalg.LinAlgError:
            for at, one in _batch(x):
                with np.errstate(all="ignore"):
                    k = _zero_pivot(one)
                if k:
                    raise error(text.format(at=at, k=k)) from None
    return look


def refuse_nonfinite(text: str, error: type[Exception]) -> Callable[..., None]:
    """A `look` for matrices that may hold no inf and no nan; {at} in `text` is the place in the batch."""
    def look(x: Any, *others: Any) -> None:
        if isinstance(x, np.ndarray) and x.ndim > 1 and 0 < x.size <= FEW and not np.isfinite(x).all():
            raise error(text.format(at=next(at for at, one in _batch(x) if not np.isfinite(one).all())))
    return look


def _has_factor(x: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return False
    return True


def refuse_indefinite(name: str, if_asked: bool = False) -> Callable[..., None]:
    """A `look` for matrices that are to have a Cholesky factor; the parameter after the matrix says which triangle counts."""
    def look(x: Any, upper: Any, *others: Any) -> None:
        if not _known(x) or if_asked and not others[-1]:
            return
        x = x.conj().swapaxes(-1, -2) if upper else x
        if _has_factor(x):
            return
        for at, one in _batch(x):
            k = next((k for k in range(1, len(one) + 1) if not _has_factor(one[:k, :k])), 0)
            if k:
                raise LinAlgError(f"{name}: {at}The factorization could not be completed because the input is not "
                                  f"positive-definite (the leading minor of order {k} is not positive-definite).")
    return look
