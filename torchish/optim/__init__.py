"""torch.optim: optimizers and learning rate schedules, also under the paths that PyTorch has them at."""
from __future__ import annotations

import sys

from . import adam, adaptive, lr_scheduler, matrix, optimizer, swa_utils
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop, Rprop
from .asgd import ASGD
from .lbfgs import LBFGS
from .matrix import Adafactor, Muon
from .optimizer import Optimizer
from .sgd import SGD
from .sparse_adam import SparseAdam

__all__ = ["ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam", "Optimizer",
           "RAdam", "RMSprop", "Rprop", "SparseAdam", "lr_scheduler", "optimizer", "swa_utils"]

for _file, _names in ((adam, ("adamax", "adamw", "nadam", "radam")), (adaptive, ("adadelta", "adagrad", "rmsprop", "rprop")),
                      (matrix, ("_adafactor", "_muon"))):
    for _name in _names:
        sys.modules[f"{__name__}.{_name}"] = globals()[_name] = _file
