"""torch._functorch: the private path of torch.func."""
from __future__ import annotations

from ..missing import missing

__getattr__ = missing("torch._functorch", globals(), late={
    "apis", "deprecated", "eager_transforms", "functional_call", "make_functional", "utils", "vmap"})
