"""torch.nn.modules: the paths under which PyTorch keeps its modules; the classes are those of torch.nn.

In: the files of torchish.nn.  Out: `torch.nn.modules.conv` and the like, which are those files.
"""
from __future__ import annotations

import sys

from .. import (
    activation,
    batchnorm,
    containers,
    conv,
    distance,
    dropout,
    lazy,
    linear,
    loss,
    module,
    norm,
    padding,
    pooling,
    shape,
    sparse,
    transformer,
)
from ..activation import *  # noqa: F403
from ..batchnorm import *  # noqa: F403
from ..containers import *  # noqa: F403
from ..conv import *  # noqa: F403
from ..distance import *  # noqa: F403
from ..dropout import *  # noqa: F403
from ..lazy import *  # noqa: F403
from ..linear import *  # noqa: F403
from ..loss import *  # noqa: F403
from ..module import *  # noqa: F403
from ..multihead import *  # noqa: F403
from ..norm import *  # noqa: F403
from ..padding import *  # noqa: F403
from ..param_containers import *  # noqa: F403
from ..pooling import *  # noqa: F403
from ..recurrent import *  # noqa: F403
from ..recurrent_cells import *  # noqa: F403
from ..shape import *  # noqa: F403
from ..sparse import *  # noqa: F403
from ..transformer import *  # noqa: F403
from . import rnn, utils

container, instancenorm, normalization = containers, batchnorm, norm
channelshuffle = flatten = fold = pixelshuffle = upsampling = shape
for _name in ("activation", "batchnorm", "channelshuffle", "container", "conv", "distance", "dropout", "flatten", "fold",
              "instancenorm", "lazy", "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling", "sparse",
              "transformer", "upsampling"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]     # so that `import torch.nn.modules.conv` finds it
