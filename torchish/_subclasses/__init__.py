"""torch._subclasses: the class of tensors that PyTorch's tracer computes with. There are none here: `device="meta"` has no data."""
from __future__ import annotations

from ..missing import missing
from .fake_tensor import FakeTensor, FakeTensorMode

__all__ = ["FakeTensor", "FakeTensorMode"]

__getattr__ = missing("torch._subclasses", globals(), late={"functional_tensor"})
