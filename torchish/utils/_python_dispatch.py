"""torch.utils._python_dispatch: classes of tensors that PyTorch's dispatcher asks. There is none below the functions here.

In: tensors of which a library asks whether they are such.  Out: they are not.
"""
from __future__ import annotations

from typing import Any

from ..missing import missing

__all__ = ["TorchDispatchMode", "is_traceable_wrapper_subclass"]


class TorchDispatchMode:
    """NotImplementedError where one is to be made: `torch.overrides.TorchFunctionMode` sees every function and method."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("torchish has no dispatcher below the functions: torch.overrides.TorchFunctionMode sees every "
                                  "function and method")


def is_traceable_wrapper_subclass(t: object) -> bool:
    """False."""
    return False


__getattr__ = missing("torch.utils._python_dispatch", globals())
