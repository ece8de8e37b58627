"""torchish: PyTorch's interface over JAX and XLA.

`import torchish as torch`, and an ordinary PyTorch script runs: what it does is recorded on a tape, and the tape of a whole
training step becomes one XLA program.
"""
from __future__ import annotations

from . import (
    accelerator,
    amp,
    autograd,
    backends,
    compiler,
    cuda,
    fft,
    jit,
    linalg,
    nn,
    optim,
    random,
    special,
    testing,
    utils,
    version,
)
from .api import *  # noqa: F403
from .api import _sample_dirichlet, _standard_gamma
from .autograd import Variable
from .config import config
from .cuda import OutOfMemoryError
from .foreach import FOREACH
from .log import explain
from .missing import missing
from .settings import _assert, _check
from .to_jax import to_jax

__version__ = "2.13.0+torchish0.1.0"
globals().update(FOREACH)
__getattr__ = missing("torch", globals())
