"""torch.masked: reductions and normalizations under a mask.

Source: https://docs.pytorch.org/docs/stable/masked.html
Differs from torch: MaskedTensor, a prototype that carries its mask with it, is not there.
"""
from __future__ import annotations

from ..missing import missing
from .functions import *  # noqa: F403
from .functions import __all__
from .masks import canonical_dim as _canonical_dim
from .masks import combine as _combine_input_and_mask
from .masks import identity as _reduction_identity
from .masks import input_mask as _input_mask
from .masks import output_mask as _output_mask

__getattr__ = missing("torch.masked", globals())
