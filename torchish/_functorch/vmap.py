"""torch._functorch.vmap: the parts of PyTorch's vmap that libraries with containers of their own replace.

In: the names.  Out: `vmap` itself, and functions that refuse: vmap records the function here, and sees containers as pytrees.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..func.vmap import _name as _get_name
from ..func.vmap import vmap
from ..missing import missing
from ..tensor import Tensor
from ..utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten

__all__ = ["Tensor", "_broadcast_to_and_flatten", "_get_name", "tree_flatten", "tree_unflatten", "vmap"]


def _recorded(name: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name}: torch.vmap records the function on a tape here; tensors carry no levels. Register a "
                                  "container with torch.utils._pytree.register_pytree_node")
    refuse.__name__ = refuse.__qualname__ = name
    return refuse


_add_batch_dim, _remove_batch_dim = _recorded("_add_batch_dim"), _recorded("_remove_batch_dim")
_maybe_remove_batch_dim = _recorded("_maybe_remove_batch_dim")
_validate_and_get_batch_size = _recorded("_validate_and_get_batch_size")
_create_batched_inputs, _process_batched_inputs = _recorded("_create_batched_inputs"), _recorded("_process_batched_inputs")
_unwrap_batched = _recorded("_unwrap_batched")

__getattr__ = missing("torch._functorch.vmap", globals())
