"""torch.utils: `data` and the like, which the name torch.utils gives without an import of its own; torch.nn loads `hooks`."""
from __future__ import annotations

from ..missing import missing
from . import _pytree, data, dlpack
from .swap import swap_tensors

__all__ = ["_pytree", "data", "dlpack", "swap_tensors"]

__getattr__ = missing("torch.utils", globals(), late={
    "_dtype_abbrs", "_import_utils", "_mode_utils", "benchmark", "cpp_extension", "deterministic", "flop_counter", "model_zoo",
    "module_tracker", "weak"})
