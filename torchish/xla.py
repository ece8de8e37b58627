"""The one door to XLA: pure functions become executables.

In: a pure function of arrays, the avals of its inputs, which inputs may be donated.  Out: a compiled program that takes and
returns 64-bit types whatever the user's `jax_enable_x64` says, and one line about its compilation.
"""
from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import jax

from .config import config
from .devices import to_jax
from .errors import CompileError

__all__ = ["compile_program", "traced"]


def _use_cache() -> None:
    """JAX's persistent cache, where the user named a folder for it (`TORCHISH_CACHE_DIR`, `config.compilation_cache_dir`)."""
    folder = config.compilation_cache_dir
    if folder and jax.config.jax_compilation_cache_dir != folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def compile_program(fn: Callable, specs: list[tuple], donate: tuple[int, ...], place: str, device: str) -> tuple[Any, float]:
    """Compiles `fn` for inputs of these (shape, numpy dtype); returns the executable and the seconds it took.

    Raises CompileError, naming `place` (the user's line), where XLA refuses.
    """
    _use_cache()
    sharding = jax.sharding.SingleDeviceSharding(to_jax(device))
    avals = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, dtype in specs]
    began = time.perf_counter()
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
        lowered = jax.jit(fn, donate_argnums=donate, keep_unused=True).lower(*avals)
        try:
            compiled = lowered.compile()
        except jax.errors.JaxRuntimeError as e:
            raise CompileError(f"XLA could not compile the step that ends at {place}: {e}") from e
    return compiled, time.perf_counter() - began


def traced(fn: Callable, *args: Any) -> Any:
    """Runs `fn` at once, with 64-bit types, over arrays or tracers."""
    with jax.enable_x64(True):
        return fn(*args)
