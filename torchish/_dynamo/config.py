"""torch._dynamo.config: settings that scripts make; they can be set and read, and change nothing.

In: settings.  Out: the same.
"""
from __future__ import annotations

from .patching import patcher

accumulated_cache_size_limit = accumulated_recompile_limit = 256
assume_static_by_default = automatic_dynamic_shapes = True
cache_size_limit = recompile_limit = 8
capture_dynamic_output_shape_ops = capture_scalar_outputs = False
dynamic_shapes = inline_inbuilt_nn_modules = log_compilation_metrics = optimize_ddp = True
specialize_int = suppress_errors = verbose = False
patch = patcher(globals())
