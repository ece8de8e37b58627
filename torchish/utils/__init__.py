"""torch.utils: `data` and the like, which the name torch.utils gives without an import of its own; torch.nn loads `hooks`."""
from __future__ import annotations

from ..missing import missing
from . import _pytree, data, dlpack
from .swap import swap_tensors

__all__ = ["_pytree", "data", "dlpack", "swap_tensors"]

__getattr__ = missing("torch.utils", globals(), late={"benchmark", "deterministic", "model_zoo", "weak"})
