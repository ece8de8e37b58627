"""torch._inductor.config: settings that scripts make; they can be set and read, and change nothing.

In: settings.  Out: the same.
"""
from __future__ import annotations

from types import SimpleNamespace

from .._dynamo.patching import patcher

compile_threads = 1
coordinate_descent_tuning = epilogue_fusion = fallback_random = False
force_fuse_int_mm_with_mul = fx_graph_cache = freezing = max_autotune = False
triton = SimpleNamespace(unique_kernel_names=False, cudagraphs=False)
cpp = SimpleNamespace(threads=-1)
patch = patcher(globals())
