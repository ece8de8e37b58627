"""torch._functorch.apis: vmap and grad by their private path, and vmap in so many pieces.

In: functions of tensors.  Out: transformed functions.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..func.arguments import check_randomness
from ..func.reverse import grad, grad_and_value
from ..func.vmap import Call, vmap
from ..missing import missing

__all__ = ["chunk_vmap", "grad", "grad_and_value", "vmap"]


def chunk_vmap(func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", chunks: int = 2) -> Callable:
    """vmap, the batch in at most `chunks` pieces; `torch.vmap(chunk_size=)` tells their size instead."""
    check_randomness(randomness)
    if chunks == 1:
        return vmap(func, in_dims, out_dims, randomness)

    @functools.wraps(func, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = Call(func, in_dims, out_dims)
        call.take(args)
        return call.run(kwargs, randomness, -(-call.size // chunks))
    return wrapped


__getattr__ = missing("torch._functorch.apis", globals())
