"""torch.nn.utils._named_member_accessor.swap_tensor: another tensor in the place of a module's.

In: a module, the name of a parameter, buffer or attribute, a tensor.  Out: the tensor that stood there.
"""
from __future__ import annotations

from ...func.modules import place_of
from ...missing import missing
from ...tensor import Tensor
from ..module import Module

__all__ = ["swap_tensor"]


def swap_tensor(module: Module, name: str, tensor: Tensor | None, allow_missing: bool = False) -> Tensor | None:
    """Puts `tensor` (None: nothing) where `name` is, and returns what was there.

    Errors: KeyError for a name with dots or none, AttributeError for what is not there unless `allow_missing`,
    TypeError for what is no tensor.
    """
    if not isinstance(module, Module):
        raise TypeError(f"{module} is not an instance of torch.nn.Module")
    if "." in name:
        raise KeyError('tensor name can\'t contain "."')
    registry, name = place_of(module, name, tensor)
    if name not in registry and not allow_missing:
        raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
    before = registry.get(name)
    if tensor is not None or name in registry:
        registry[name] = tensor
    return before


__getattr__ = missing("torch.nn.utils._named_member_accessor", globals())
