"""torch._functorch: the private path of torch.func."""
from __future__ import annotations

from ..missing import missing

__getattr__ = missing("torch._functorch", globals(), late={"deprecated", "make_functional", "vmap"})
