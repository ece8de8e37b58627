"""torch._C._autograd: what is asked about saved tensors by private names.

Out: whether hooks on them are allowed, and the sentence that refuses them.
"""
from __future__ import annotations

from ..autograd.saving import SavedTensor, packing
from ..missing import missing

__all__ = ["SavedTensor"]


def _saved_tensors_hooks_is_enabled() -> bool:
    """Whether hooks for saved tensors may be set here."""
    return packing.disabled is None


def _saved_tensors_hooks_get_disabled_error_message() -> str | None:
    """With what they are refused; None where they are not."""
    return packing.disabled


__getattr__ = missing("torch._C._autograd", globals())
