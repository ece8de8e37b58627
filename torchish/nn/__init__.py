"""torch.nn: modules, parameters, losses; `functional`, `init` and `utils` are submodules."""
from __future__ import annotations

from . import _reduction, attention, functional, grad, init, modules, parallel, utils
from .activation import *  # noqa: F403
from .adaptive import *  # noqa: F403
from .batchnorm import *  # noqa: F403
from .containers import *  # noqa: F403
from .conv import *  # noqa: F403
from .distance import *  # noqa: F403
from .dropout import *  # noqa: F403
from .lazy import *  # noqa: F403
from .linear import *  # noqa: F403
from .linear_cross_entropy import *  # noqa: F403
from .loss import *  # noqa: F403
from .module import Module
from .multihead import *  # noqa: F403
from .norm import *  # noqa: F403
from .padding import *  # noqa: F403
from .parallel import DataParallel
from .param_containers import *  # noqa: F403
from .parameter import *  # noqa: F403
from .pooling import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .recurrent_cells import *  # noqa: F403
from .shape import *  # noqa: F403
from .sparse import *  # noqa: F403
from .transformer import *  # noqa: F403
