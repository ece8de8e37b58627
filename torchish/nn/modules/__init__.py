"""torch.nn.modules: the paths under which PyTorch keeps its modules; the classes are those of torch.nn.

In: the files of torchish.nn.  Out: `torch.nn.modules.conv` and the like, which are those files or made of them.
"""
from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec

from .. import (
    activation,
    adaptive,
    batchnorm,
    containers,
    conv,
    distance,
    dropout,
    lazy,
    linear,
    linear_cross_entropy,
    loss,
    module,
    multihead,
    norm,
    padding,
    param_containers,
    pooling,
    shape,
    sparse,
    transformer,
)
from ..activation import *  # noqa: F403
from ..adaptive import *  # noqa: F403
from ..batchnorm import *  # noqa: F403
from ..containers import *  # noqa: F403
from ..conv import *  # noqa: F403
from ..distance import *  # noqa: F403
from ..dropout import *  # noqa: F403
from ..lazy import *  # noqa: F403
from ..linear import *  # noqa: F403
from ..linear_cross_entropy import *  # noqa: F403
from ..loss import *  # noqa: F403
from ..module import Module
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

# where PyTorch keeps in one file what stands in several here: a module of the names of all of them
for _name, _files in {"activation": (activation, multihead), "batchnorm": (batchnorm, lazy), "conv": (conv, lazy),
                      "container": (containers, param_containers), "instancenorm": (batchnorm, lazy), "linear": (linear, lazy),
                      "loss": (loss, linear_cross_entropy)}.items():
    _file = module_from_spec(ModuleSpec(f"{__name__}.{_name}", None, origin=_files[0].__file__))
    for _part in reversed(_files):
        _file.__dict__.update({k: v for k, v in vars(_part).items() if not k.startswith("__") or k == "__doc__"})
    globals()[_name] = _file
normalization = norm
channelshuffle = flatten = fold = pixelshuffle = upsampling = shape
for _name in ("activation", "adaptive", "batchnorm", "channelshuffle", "container", "conv", "distance", "dropout", "flatten",
              "fold", "instancenorm", "lazy", "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling",
              "sparse", "transformer", "upsampling"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]     # so that `import torch.nn.modules.conv` finds it

__all__ = sorted(k for k, v in globals().items() if isinstance(v, type) and issubclass(v, Module))
