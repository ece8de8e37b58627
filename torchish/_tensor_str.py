"""torch._tensor_str: how tensors are printed, by the private names that libraries import.

In: tensors.  Out: the text of their numbers; the options in force.
"""
from __future__ import annotations

from typing import Any

from .printing import body_text, get_printoptions, set_printoptions
from .tensor import Tensor

__all__ = ["PRINT_OPTS", "get_printoptions", "set_printoptions"]


class _Options:
    """The options of printing as attributes."""

    def __getattr__(self, name: str) -> Any:
        found = get_printoptions()
        if name not in found:
            raise AttributeError(f"'__PrinterOptions' object has no attribute '{name}'", name=name, obj=self)
        return found[name]

    def __setattr__(self, name: str, value: Any) -> None:
        set_printoptions(**{"sci_mode": self.sci_mode, name: value})


PRINT_OPTS = _Options()


def _tensor_str(self: Tensor, indent: int) -> str:
    """The numbers in their brackets, lines after the first one `indent` columns to the right."""
    return body_text(self.detach().numpy(), self.dtype, indent)


def _str(self: Tensor, *, tensor_contents: Any = None) -> str:
    """repr(self)."""
    return repr(self)
