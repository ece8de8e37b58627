"""torch.utils._contextlib: contexts that decorate functions, also generators.

In: a class with __enter__ and __exit__.  Out: the same, as a decorator.
"""
from __future__ import annotations

from ..missing import missing
from ..modes import _DecoratorContextManager

__all__ = ["_DecoratorContextManager"]

__getattr__ = missing("torch.utils._contextlib", globals())
