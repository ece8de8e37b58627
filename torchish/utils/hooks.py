"""torch.utils.hooks: handles of registered hooks.

In: nothing.  Out: the class of the handles that every `register_..._hook` returns.
Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
"""
from __future__ import annotations

from ..handles import RemovableHandle

__all__ = ["RemovableHandle"]
