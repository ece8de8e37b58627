"""The one door to XLA: pure functions become executables.

In: a pure function of arrays, the avals of its inputs, which inputs may be donated.  Out: a compiled program that takes and
returns 64-bit types whatever the user's `jax_enable_x64` says, and one line about its compilation.
"""
from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

import jax
import numpy as np
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import jaxpr_as_fun

from .config import config
from .devices import to_jax
from .errors import CompileError
from .products import narrow_first
from .warned import held

__all__ = ["apart", "compile_program", "export_program", "import_program", "memory", "origins", "put", "traced", "work"]


# what makes the compilation of a small program on the CPU four times as fast, and the program up to four times as slow
_HASTE: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 0}
# of a chain whose links are all returned XLA makes a fusion for each, that computes many of those before again
_LINK_BY_LINK: dict[str, Any] = {"xla_disable_hlo_passes": "fusion"}
_LINKS = 128        # from which on that takes seconds


def _use_cache() -> None:
    """JAX's persistent cache, where the user named a folder for it (`TORCHISH_CACHE_DIR`, `config.compilation_cache_dir`)."""
    folder = config.compilation_cache_dir
    if folder and jax.config.jax_compilation_cache_dir != folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def compile_program(fn: Callable, specs: list[tuple], donate: tuple[int, ...], place: str, device: str, draft: bool,
                    links: int = 0) -> tuple[Any, float]:
    """Compiles `fn` for inputs of these (shape, numpy dtype); returns the executable and the seconds it took.

    draft: fast compilation matters more than a fast program (on the CPU only).  links: how many values on the way it returns.
    Raises CompileError, naming `place` (the user's line), where XLA refuses.
    """
    _use_cache()
    place_on = to_jax(device)
    sharding = jax.sharding.SingleDeviceSharding(place_on)
    avals = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, dtype in specs]
    began = time.perf_counter()
    with jax.enable_x64(True), warnings.catch_warnings(), held():
        warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
        lowered = _traced(fn, donate, avals, place_on.platform).lower()
        try:
            options = (_HASTE if draft else {}) | (_LINK_BY_LINK if links >= _LINKS and place_on.platform == "cpu" else {})
            compiled = _with(options, lowered)
        except jax.errors.JaxRuntimeError as e:
            raise CompileError(f"XLA could not compile the step that ends at {place}: {e}") from e
    return compiled, time.perf_counter() - began


def _traced(fn: Callable, donate: tuple[int, ...], avals: list, platform: str) -> Any:
    """`fn` traced for these inputs, its products of matrices in the form that suits the platform."""
    options: dict[str, Any] = {"donate_argnums": donate, "keep_unused": True}
    seen = jax.jit(fn, **options).trace(*avals)
    better = narrow_first(seen.jaxpr) if platform == "cpu" else seen.jaxpr
    if better is seen.jaxpr:
        return seen
    run, form = jaxpr_as_fun(better), jax.tree.structure(seen.out_info)

    def program(*arrays: Any) -> Any:
        return jax.tree.unflatten(form, run(*arrays))
    return jax.jit(program, **options).trace(*avals)


def _with(options: dict[str, Any], lowered: Any) -> Any:
    """An executable compiled with these options, as far as this XLA has them."""
    if not options:
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as e:
        unknown = [option for option in options if f"No such compile option: '{option}'" in str(e)]
        if not unknown:
            raise
        for option in unknown:
            _HASTE.pop(option, None)
            _LINK_BY_LINK.pop(option, None)
        return _with({k: v for k, v in options.items() if k not in unknown}, lowered)


_OFTEN = 100        # arrays of one kind after which a program that takes them in is worth its compilation
_KINDS = 1024       # kinds of arrays that are counted
_puts: Counter[tuple] = Counter()


def put(array: np.ndarray, device: str) -> jax.Array:
    """A numpy array that nobody will write to, on a device.

    `jax.device_put` takes longer than a small program; one that hands its argument back takes a fifth of that on the CPU.
    """
    kind = (array.shape, array.dtype)
    with jax.enable_x64(True):
        if device != "cpu":
            return jax.device_put(array, to_jax(device))
        if _puts[kind] >= _OFTEN:
            return _taker(*kind)(array)
        if len(_puts) >= _KINDS:
            _puts.clear()
        _puts[kind] += 1
        return jax.device_put(array, to_jax(device))


@lru_cache(256)
def _taker(shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A program for the CPU that hands its argument back."""
    aval = jax.ShapeDtypeStruct(shape, dtype, sharding=jax.sharding.SingleDeviceSharding(to_jax("cpu")))
    return jax.jit(lambda x: x, keep_unused=True).lower(aval).compile()


def memory(compiled: Any) -> tuple[int, int]:
    """What an executable needs while it runs, in bytes: for values in between, and in all; zeros where the backend does not say."""
    sizes = compiled.memory_analysis()
    if sizes is None:
        return 0, 0
    between = sizes.temp_size_in_bytes
    return between, between + sizes.argument_size_in_bytes + sizes.output_size_in_bytes - sizes.alias_size_in_bytes


def work(compiled: Any) -> float:
    """Operations of an executable and bytes that it reads and writes, as XLA counts them (a loop's body once); 0 if it does not."""
    counts = compiled.cost_analysis() or {}
    return counts.get("flops", 0.0) + counts.get("bytes accessed", 0.0)


def _export() -> Any:
    """jax.export, which needs the optional extra `export` and is slow to load."""
    return import_module("jax.export")


def export_program(fn: Callable, specs: list[tuple], platforms: Any, name: str) -> Any:
    """`fn` for inputs of these (shape, numpy dtype) as a `jax.export.Exported`."""
    def program(*arrays: Any) -> Any:
        return fn(*arrays)
    program.__name__ = name
    with jax.enable_x64(True):
        return _export().export(jax.jit(program, keep_unused=True), platforms=platforms)(
            *[jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in specs])


def import_program(data: bytes) -> Any:
    """The `jax.export.Exported` that was serialized."""
    return _export().deserialize(bytearray(data))


def origins(jaxpr: Any) -> list[frozenset[int]]:
    """For each result of a traced function the arguments, by number, that it depends on. (Literals have a `val`.)"""
    known = {v: frozenset((k,)) for k, v in enumerate(jaxpr.invars)}
    nothing: frozenset[int] = frozenset()
    for eqn in jaxpr.eqns:
        given = [nothing if hasattr(v, "val") else known.get(v, nothing) for v in eqn.invars]
        if not any(given):
            continue
        inner = eqn.params.get("jaxpr")
        inner = getattr(inner, "jaxpr", inner)
        if eqn.primitive.name == "optimization_barrier":
            known.update(zip(eqn.outvars, given, strict=True))
        elif eqn.primitive.name == "scan":
            turns = _of_turns(origins(inner), given, eqn.params["num_consts"], eqn.params["num_carry"])
            known.update(zip(eqn.outvars, turns, strict=True))
        elif inner is not None and len(inner.invars) == len(given) and len(inner.outvars) == len(eqn.outvars) \
                and eqn.primitive.name in ("pjit", "jit"):
            known.update((v, nothing.union(*[given[k] for k in o])) for v, o in zip(eqn.outvars, origins(inner), strict=True))
        else:
            known.update(dict.fromkeys(eqn.outvars, nothing.union(*given)))
    return [nothing if hasattr(v, "val") else known.get(v, nothing) for v in jaxpr.outvars]


def _of_turns(turn: list[frozenset[int]], given: list[frozenset[int]], consts: int, carry: int) -> list[frozenset[int]]:
    """What the results of a scan depend on: `turn` tells it for one turn, `given` for the arguments (constants, carry, rows)."""
    while True:
        found = [frozenset().union(*[given[k] for k in o]) for o in turn]
        carried = [a | b for a, b in zip(given[consts:consts + carry], found, strict=False)]
        if carried == given[consts:consts + carry]:
            return carried + found[carry:]
        given = given[:consts] + carried + given[consts + carry:]


@lru_cache(256)
def _call(fn: Callable, static: tuple) -> Callable:
    return jax.jit(partial(fn, **dict(static)))


def apart(fn: Callable, *args: Any, **static: Any) -> Any:
    """`fn` of arrays (and of options that are part of the program) as a call that XLA leaves where it is.

    XLA's CPU compiler would repeat a loop of cheap operations in each of the loops that read its result, and takes ever longer over
    large programs.
    """
    return set_xla_metadata(_call(fn, tuple(static.items()))(*args), inlineable="false")


def traced(fn: Callable, *args: Any) -> Any:
    """Runs `fn` at once, with 64-bit types, over arrays or tracers."""
    with jax.enable_x64(True):
        return fn(*args)
