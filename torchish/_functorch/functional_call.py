"""torch._functorch.functional_call: modules as functions of their parameters, by the private path."""
from __future__ import annotations

from ..func.modules import functional_call, stack_module_state
from ..missing import missing

__all__ = ["functional_call", "stack_module_state"]

__getattr__ = missing("torch._functorch.functional_call", globals())
