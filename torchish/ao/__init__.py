"""torch.ao: PyTorch's tools for models of lower precision, of which torchish has the marks that models carry."""
from __future__ import annotations

from ..missing import missing

__getattr__ = missing("torch.ao", globals(), late={"quantization"})
