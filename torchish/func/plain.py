"""torch.func.functionalize and debug_unwrap.

In: a function, or a tensor inside a transform.  Out: the function (every program here is free of in-place operations already),
or the tensor with its batch to look at.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor

__all__ = ["debug_unwrap", "functionalize"]


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """`func` itself, called as it is: what is recorded has no in-place operations and no views left in it.

    Errors: torch's, where `remove` is neither "mutations" nor "mutations_and_views".
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options "
                           "are:\n     remove='mutations': all inplace and out= operators will be removed from the program, and "
                           "replaced with their out-of-place equivalents.\n     remove='mutations_and_views': In addition to the "
                           "above, all aliasing operators {view} will be replaced with their non-aliasing counterparts, "
                           "{view}_copy.\n")

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)
    return wrapper


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The value that a tensor inside transforms stands for, with the batches of vmap in front; of one transform, or of all."""
    while True:
        tape = tensor._tape if tensor._tape is not None else tensor._home
        if tape is None or tape.nested is None or tape.nested.closed:
            return tensor
        tensor = tape.nested.unwrap(tensor)
        if not recurse:
            return tensor
