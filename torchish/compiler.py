"""torch.compiler: switches of a compiler that torchish does not need; functions come back as they are.

In: functions.  Out: the same.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .creation import as_tensor
from .missing import missing
from .settings import compile
from .tensor import Tensor

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "get_default_backend",
           "is_compiling", "is_dynamo_compiling", "is_exporting", "keep_portable_guards_unsafe", "keep_tensor_guards_unsafe",
           "list_backends", "load_cache_artifacts", "nested_compile_region", "reset", "save_cache_artifacts",
           "set_default_backend", "set_enable_guard_collectives", "set_stance", "skip_all_guards_unsafe",
           "skip_guard_on_all_nn_modules_unsafe", "skip_guard_on_globals_unsafe", "skip_guard_on_inbuilt_nn_modules_unsafe",
           "substitute_in_graph", "wrap_numpy"]


class _Kept:
    """What was set."""
    backend: Any = "openxla"
    collectives = False


_kept = _Kept()


def is_compiling() -> bool:
    """False: the code that runs is Python's own."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn` itself, or a decorator that changes nothing."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Callable) -> Callable:
    """`fn` itself."""
    return fn


assume_constant_result = allow_in_graph


def substitute_in_graph(original_fn: Callable, *, can_constant_fold_through: bool = False,
                        skip_signature_check: bool = False) -> Callable:
    """A decorator that changes nothing."""
    return lambda fn: fn


def cudagraph_mark_step_begin() -> None:
    """Nothing: torchish finds the beginnings of steps itself."""


def reset() -> None:
    """Nothing: programs are kept by what they compute and are never wrong."""


def list_backends(exclude_tags: tuple[str, ...] = ("debug", "experimental")) -> list[str]:
    """What compiles: XLA."""
    return ["openxla"]


def set_default_backend(backend: Any) -> None:
    """Keeps the name. What compiles is XLA."""
    _kept.backend = "openxla" if backend is None else backend


def get_default_backend() -> Any:
    """What set_default_backend was given; else "openxla"."""
    return _kept.backend


def set_enable_guard_collectives(enabled: bool) -> bool:
    """Keeps the flag; returns what it was."""
    before, _kept.collectives = _kept.collectives, enabled
    return before


def nested_compile_region(fn: Callable | None = None, *, options: Any = None, max_reuse_entries: int = 8,
                          reuse_hash_fn: Callable | None = None) -> Any:
    """`fn` itself, or a decorator that changes nothing: equal parts of a step are not told apart."""
    return (lambda f: f) if fn is None else fn


def wrap_numpy(fn: Callable) -> Callable:
    """The function of tensors that calls `fn`, a function of numpy arrays."""
    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = jax.tree_util.tree_map(lambda x: x.numpy() if isinstance(x, Tensor) else x, (args, kwargs))
        return jax.tree_util.tree_map(lambda x: as_tensor(x) if isinstance(x, (np.ndarray, np.generic)) else x,
                                      fn(*args, **kwargs))
    return wrapped


def save_cache_artifacts() -> None:
    """None: there is nothing to hand over; the compilation cache is a folder (`torchish.config.compilation_cache_dir`)."""


def load_cache_artifacts(serialized_artifacts: bytes) -> None:
    """None: see save_cache_artifacts."""


def keep_portable_guards_unsafe(guard_entries: list, keep_parameters: bool = False) -> list[bool]:
    """True for each: there are no guards."""
    return [True] * len(guard_entries)


keep_tensor_guards_unsafe = skip_guard_on_inbuilt_nn_modules_unsafe = skip_guard_on_all_nn_modules_unsafe = \
    skip_guard_on_globals_unsafe = skip_all_guards_unsafe = keep_portable_guards_unsafe


class set_stance:
    """Accepted as a call, a context and a decorator; changes nothing."""

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None) -> None:
        self.stance = stance

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, fn: Callable) -> Callable:
        return fn


__getattr__ = missing("torch.compiler", globals())
