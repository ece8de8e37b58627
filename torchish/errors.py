"""Error classes of torchish.

torch raises Python's own classes (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError); torchish raises the
same, with torch's first sentence.  The classes here derive from them and mark what only torchish can say.
"""
from __future__ import annotations

from typing import Any

__all__ = ["AcceleratorError", "CompileError", "LinAlgError", "LostValueError", "NO_DATA", "NO_ITEM", "refuse_data_dependent"]

NO_DATA = "Cannot copy out of meta tensor; no data!"
NO_ITEM = "Tensor.item() cannot be called on meta tensors"


class AcceleratorError(RuntimeError):
    """torch's class for failures of an accelerator; XLA's own come as CompileError or RuntimeError."""


class CompileError(RuntimeError):
    """XLA refused or failed to run a program; the message names the user's line of the op at fault where it is known."""


class LostValueError(RuntimeError):
    """A lazy value whose step was interrupted before it ran."""


class LinAlgError(RuntimeError):
    """A matrix that cannot be factored, inverted or solved with."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"      # as torch prints it


def refuse_data_dependent(name: str, *tensors: Any) -> None:
    """torch's error where the result of aten's op `name` depends on values, and a tensor has none."""
    if not any(x.is_meta for x in tensors):
        return
    if name == "allclose":
        raise RuntimeError(NO_ITEM)
    if name in ("nonzero", "where"):
        raise NotImplementedError("The register_meta function for torch.nonzero() raises unimplemented by default, as a correct "
                                  "data-independent implementation does not exist. The shape of the result depends on values, "
                                  "which a tensor on the device 'meta' has not.")
    raise NotImplementedError(f"aten::{name}: attempted to run this operator with Meta tensors, but there was no fake impl or Meta "
                              "kernel registered. The result depends on values, which a tensor on the device 'meta' has not.")
