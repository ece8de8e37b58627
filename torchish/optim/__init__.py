"""torch.optim: optimizers and learning rate schedules, also under the paths that PyTorch has them at."""
from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from ..missing import missing
from . import adam, adaptive, asgd, lr_scheduler, matrix, optimizer, sgd, swa_utils
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


def _late(file: ModuleType, names: tuple[str, ...]) -> Callable[[str], Any]:
    """The `__getattr__` of a file that has optimizers also as functions: those are imported when first asked for."""
    absent = missing(f"torch.optim.{file.__name__.rpartition('.')[2]}", vars(file))
    return lambda name: getattr(import_module(f"{__name__}._functional"), name) if name in names else absent(name)


for _file, _names in ((adam, ("adam", "adamax", "adamw", "nadam", "radam")),
                      (adaptive, ("adadelta", "adagrad", "rmsprop", "rprop")), (asgd, ("asgd",)), (sgd, ("sgd",))):
    _file.__getattr__ = _late(_file, _names)     # type: ignore[attr-defined]
