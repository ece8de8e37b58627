"""torchish: PyTorch's interface over JAX and XLA.

`import torchish as torch`, and an ordinary PyTorch script runs: what it does is recorded on a tape, and the tape of a whole
training step becomes one XLA program.
"""
from __future__ import annotations

import sys as _sys

from .uncollected import uncollected

with uncollected():
    from . import (
        accelerator,
        amp,
        autograd,
        backends,
        compiler,
        cpu,
        cuda,
        debug,
        fft,
        func,
        functional,
        jit,
        linalg,
        nn,
        op_namespaces,
        ops,
        optim,
        random,
        signal,
        special,
        testing,
        utils,
        version,
    )
    from ._higher_order_ops import cond, higher_order, while_loop
    from .amp.autocast_mode import *  # noqa: F403
    from .amp.grad_scaler import GradScaler
    from .api import *  # noqa: F403
    from .api import _sample_dirichlet, _segment_reduce, _standard_gamma
    from .autograd import Variable
    from .checks import *  # noqa: F403
    from .config import config
    from .copies import COPIES
    from .cuda import OutOfMemoryError
    from .draw import draw
    from .errors import AcceleratorError
    from .export import export, load_exported
    from .foreach import FOREACH
    from .from_jax import from_jax
    from .func import vmap
    from .functional import norm
    from .host import from_file, histogramdd
    from .legacy import LEGACY as _LEGACY_TENSORS
    from .log import explain
    from .lowrank import lobpcg, pca_lowrank, svd_lowrank
    from .missing import missing
    from .native import *  # noqa: F403
    from .removed import REMOVED
    from .serialization import load, save
    from .serialization.records import PyTorchFileReader, PyTorchFileWriter
    from .streams import Event, Stream, get_device_module
    from .symbolic import *  # noqa: F403
    from .tags import Tag
    from .to_jax import to_jax
    from .to_sparse import *  # noqa: F403
    from .torch_function import DisableTorchFunction, DisableTorchFunctionSubclass
    from .torch_version import __version__
    from .typed_storage import CUDA_STORAGES as _CUDA_STORAGES
    from .typed_storage import LEGACY_STORAGES as _LEGACY_STORAGES
    from .typed_storage import TypedStorage
    from .undocumented import *  # noqa: F403
    from .undocumented import (
        _assert_async,
        _assert_tensor_metadata,
        _debug_has_internal_overlap,
        _grouped_mm,
        _int_mm,
        _nnpack_available,
        _scaled_mm,
        _shape_as_tensor,
        _softmax_backward_data,
    )
    from .untyped_storage import UntypedStorage
    from .utils.checkpoint import checkpoint as _checkpoint  # torch.utils.checkpoint without an import of its own

torch = _sys.modules[__name__]    # PyTorch has its own name, too
ScriptModule = jit.ScriptModule
globals().update(FOREACH | COPIES | REMOVED | _LEGACY_STORAGES)
_storage_classes = {TypedStorage, UntypedStorage, *_LEGACY_STORAGES.values(), *_CUDA_STORAGES.values()}
_tensor_classes = {vars(home)[name] for name in _LEGACY_TENSORS for home in (_sys.modules[__name__], cuda)}
ops.higher_order, ops.__getattr__ = higher_order, op_namespaces.look_up
__getattr__ = missing("torch", globals(), late={
    "_C", "__config__", "_custom_ops", "_dynamo", "_functorch", "_guards", "_inductor", "_jit_internal", "_logging", "_subclasses",
    "_tensor", "_tensor_str", "_utils", "_utils_internal",
    "ao", "distributed", "distributions", "futures", "fx", "hub", "library", "masked", "mps", "mtia", "multiprocessing", "onnx",
    "overrides", "profiler", "quasirandom", "return_types", "sparse", "typed_storage", "types", "xpu"},
    objects={"Future": "futures", "Storage": "typed_storage"})
