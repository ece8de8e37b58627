"""torch._custom_ops: the old home of what is now in torch.library.

In, out: the functions of torch.library.
"""
from __future__ import annotations

from .library import custom_op, get_ctx, impl, impl_abstract
from .missing import missing

__all__ = ["custom_op", "get_ctx", "impl", "impl_abstract"]

__getattr__ = missing("torch._custom_ops", globals())
