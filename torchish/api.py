"""Every public function of `torch` by name, for the parts of the package that are written in torch's own terms (nn, optim).

In: the functions made from the table and those written by hand.  Out: one flat namespace, which composites compute with too.
"""
from __future__ import annotations

import math
from types import ModuleType

import numpy as np

from . import dtypes, memory, methods
from .anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from .bodies import once_only
from .bundle import Bundle, plain_tape
from .creation import as_tensor, asarray, constant_like, from_array, from_numpy, tensor
from .data_dependent import *  # noqa: F403
from .default_dtype import set_default_dtype
from .devices import device, get_default_device, set_default_device
from .draws import (
    bernoulli,
    binomial,
    dropped,
    multinomial,
    native_dropout,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    rrelu_slopes,
    sample_dirichlet,
    sample_gamma,
)
from .dtypes import can_cast, dtype, finfo, get_default_dtype, iinfo, promote_types
from .info import *  # noqa: F403
from .layouts import *  # noqa: F403
from .legacy import *  # noqa: F403
from .modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled, switch_grad
from .namespace import namespace
from .printing import set_printoptions
from .random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .runs import *  # noqa: F403
from .settings import *  # noqa: F403
from .sizes import Size
from .tensor import Tensor
from .wiring import assign_all, spaces

pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
_assign, _Bundle, _plain_tape, _once_only, _set_grad = assign_all, Bundle, plain_tape, once_only, switch_grad


def _filled(like: Tensor, value: float) -> Tensor:
    """A concrete tensor full of `value` in the shape and dtype of `like`: optimizer state before the first step."""
    aval = like._node.aval
    if like.is_meta:
        return constant_like(like, value)
    return from_array(np.full(aval.shape, value, aval.dtype.np), aval.device)


_dropped, _rrelu_slopes, _standard_gamma, _sample_dirichlet = dropped, rrelu_slopes, sample_gamma, sample_dirichlet
del dropped, rrelu_slopes, sample_gamma, sample_dirichlet
_shown = {*globals(), *spaces["function"]}
globals().update({name: fn for space in ("private", "function") for name, fn in spaces[space].items()
                  if name not in globals()})
globals().update({name: d for d in dtypes.NAMES.values() for name in (d.name, *d.aliases)})
namespace.__dict__.update({name: value for name, value in globals().items() if not name.startswith("__")})
namespace.linalg, namespace.special = spaces["linalg"], spaces["special"]
_HELPERS = {"LEGACY", "ModuleType", "annotations", "assign_all", "constant_like", "from_array", "namespace", "scalar", "softmin",
            "spaces", "tensortype", "to_dtype"}
__all__ = sorted(name for name, value in globals().items()
                 if not name.startswith("_") and (name in _shown or isinstance(value, dtypes.dtype))
                 and not isinstance(value, ModuleType) and name not in _HELPERS)
