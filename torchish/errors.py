"""Error classes of torchish.

torch raises Python's own classes (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError); torchish raises the
same, with torch's first sentence.  The classes here derive from them and mark what only torchish can say.
"""
from __future__ import annotations

__all__ = ["AcceleratorError", "CompileError", "LinAlgError", "LostValueError"]


class AcceleratorError(RuntimeError):
    """torch's class for failures of an accelerator; XLA's own come as CompileError or RuntimeError."""


class CompileError(RuntimeError):
    """XLA refused or failed to run a program; the message names the user's line of the op at fault where it is known."""


class LostValueError(RuntimeError):
    """A lazy value whose step was interrupted before it ran."""


class LinAlgError(RuntimeError):
    """A matrix that cannot be factored, inverted or solved with."""
