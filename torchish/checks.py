"""torch._check and its kind: assertions that stay in the code of libraries.

In: a condition, and a function that makes the message.  Out: nothing, or the error.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .symbolic import SymBool
from .tensor import Tensor
from .warned import warn

__all__ = ["_assert", "_check", "_check_index", "_check_is_size", "_check_not_implemented", "_check_tensor_all",
           "_check_tensor_all_with", "_check_type", "_check_value", "_check_with"]

PLAIN = ("Expected cond to be True, but got False. (Could this error message be improved? If so, please report an enhancement "
         "request to PyTorch.)")
Message = Callable[[], Any] | None


def _raise(error_type: type[BaseException], message: Message) -> None:
    if message is not None and not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(PLAIN if message is None else str(message()))


def _check_with(error_type: type[BaseException], cond: bool | SymBool, message: Message) -> None:
    """`error_type` unless `cond`. TypeError where `cond` is no bool."""
    if not isinstance(cond, (bool, np.bool_, SymBool)):
        what = ("a Tensor. For tensor conditions, use torch._check_tensor_all() to assert that all elements are true."
                if isinstance(cond, Tensor) else str(type(cond)))
        raise TypeError(f"cond must be a bool, but got {what}")
    if not cond:
        _raise(error_type, message)


def _check(cond: Any, message: Message = None) -> None:
    """RuntimeError unless `cond`."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond: Any, message: Message = None) -> None:
    """IndexError unless `cond`."""
    _check_with(IndexError, cond, message)


def _check_value(cond: Any, message: Message = None) -> None:
    """ValueError unless `cond`."""
    _check_with(ValueError, cond, message)


def _check_type(cond: Any, message: Message = None) -> None:
    """TypeError unless `cond`."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: Any, message: Message = None) -> None:
    """NotImplementedError unless `cond`."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i: Any, message: Message = None, *, max: int | None = None) -> None:
    """RuntimeError unless `i` is at least 0 (and at most `max`). Deprecated in torch."""
    warn("_check_is_size will be removed in a future PyTorch release along with guard_size_oblivious.     Use _check(i >= 0) "
         "instead.", FutureWarning)
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_tensor_all_with(error_type: type[BaseException], cond: Tensor, message: Message = None) -> None:
    """`error_type` unless all of a bool tensor is true. TypeError where `cond` is none."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype.name != "bool":
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    if not bool(cond.all()):
        _raise(error_type, message)


def _check_tensor_all(cond: Tensor, message: Message = None) -> None:
    """RuntimeError unless all of a bool tensor is true."""
    _check_tensor_all_with(RuntimeError, cond, message)


def _assert(condition: Any, message: str) -> None:
    """AssertionError unless `condition`."""
    if not condition:
        raise AssertionError(message)
