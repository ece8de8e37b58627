"""torch._jit_internal: marks that modules of libraries (pyro) bear for the TorchScript compiler. There is none."""
from __future__ import annotations

from typing import TypeVar

from .missing import missing

__all__: list[str] = []

Function = TypeVar("Function")


def _copy_to_script_wrapper(fn: Function) -> Function:
    """`fn` as it is: nothing is compiled to a script."""
    return fn


__getattr__ = missing("torch._jit_internal", globals())
