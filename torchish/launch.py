"""Runs a script that says `import torch` on torchish, in this process only.

In: a script, a module's name or a piece of code, and its arguments.  Out: its exit status.
"""
from __future__ import annotations

import builtins
import importlib
import io
import os
import sys
import types
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import Distribution, DistributionFinder
from importlib.util import find_spec
from inspect import get_annotations
from pathlib import Path
from typing import Any

from .missing import explain
from .version import __version__

__all__ = ["install", "run_code", "run_module", "run_script"]

HERE = __name__.partition(".")[0]  # torchish
ALIAS = "torch"
NAMES = {ALIAS: HERE, "functorch": f"{HERE}.functorch"}    # what PyTorch's distribution has on the top level -> ours
ANY = DistributionFinder.Context()
EXPLAINER = explain.__code__.co_filename
# classes that print as torch.<name>, of which scripts print the type; pickle finds them there, too
PRINTED = ("Size", "Tensor", "device", "dtype", "finfo", "iinfo", "layout", "memory_format")


class _Metadata(Distribution):
    """The distribution torch, of which there is the name and the version."""

    def read_text(self, filename: str) -> str | None:
        return f"Metadata-Version: 2.1\nName: {ALIAS}\nVersion: {__version__}\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Path:
        return Path(__file__).parent / path


class _TorchFinder(MetaPathFinder, Loader):
    """Answers `import torch`, `import torch.nn` and `import functorch` with torchish's own module objects."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        own = find_spec(_own(fullname)) if fullname.partition(".")[0] in NAMES else None
        if own is None:
            return None
        return ModuleSpec(fullname, self, origin=own.origin, is_package=own.submodule_search_locations is not None)

    def find_distributions(self, context: DistributionFinder.Context = ANY) -> Iterable[Distribution]:
        """What importlib.metadata.version("torch") is asked of: libraries look there before they import torch."""
        return [_Metadata()] if (context.name or "").lower() == ALIAS else []

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        module = importlib.import_module(_own(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        # It has run already. The import system has put the alias's spec on it: put its own back.
        module.__spec__ = module.__spec__.loader_state
        # What is loaded has its alias at once: to import it by that would set it as an attribute of its package a second time,
        # over a function of the same name (`torch._higher_order_ops.scan`).
        for name, loaded in list(sys.modules.items()):
            if name.startswith(HERE + "."):
                sys.modules.setdefault(ALIAS + name.removeprefix(HERE), loaded)


def _own(fullname: str) -> str:
    package, dot, tail = fullname.partition(".")
    return NAMES[package] + dot + tail


def install() -> None:
    """From now on `import torch` gives torchish in this process. Does nothing where that is so already."""
    loaded = sys.modules.get(ALIAS)
    if loaded is not None and loaded is not sys.modules[HERE]:
        raise ImportError("torch is imported already: torchish can take its name only in a process that has not")
    if not any(isinstance(finder, _TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TorchFinder())
    sys.modules[HERE].__name__ = ALIAS      # libraries compare it
    for name in PRINTED:
        cls = getattr(sys.modules[HERE], name)
        cls.__annotations__ = get_annotations(cls, eval_str=True)       # while they are looked up where they were written
        cls.__module__ = ALIAS


def run_script(path: str, args: Sequence[str]) -> int:
    """`python path args`, on torchish."""
    full = os.path.abspath(path)
    try:
        with io.open_code(full) as file:
            source = file.read()
    except OSError as e:
        return _refuse(f"can't open file '{full}': [Errno {e.errno}] {e.strerror}", 2)
    main = _main_module(full, SourceFileLoader("__main__", full))
    return _run(main, lambda: compile(source, full, "exec", dont_inherit=True), [path, *args],
                os.path.dirname(os.path.realpath(path)))


def run_code(code: str, args: Sequence[str]) -> int:
    """`python -c code args`, on torchish."""
    main = _main_module(None, None)
    return _run(main, lambda: compile(code, "<string>", "exec", dont_inherit=True), ["-c", *args], "")


def run_module(name: str, args: Sequence[str]) -> int:
    """`python -m name args`, on torchish."""
    install()
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            package, spec = name, find_spec(f"{name}.__main__")
            if spec is None:
                return _refuse(f"No module named {package}.__main__; '{package}' is a package and cannot be directly "
                               "executed", 1)
    except ModuleNotFoundError as e:
        return _refuse(f"Error while finding module specification for {name!r} (ModuleNotFoundError: {e})", 1)
    if spec is None or spec.loader is None or not hasattr(spec.loader, "get_code"):
        return _refuse(f"No module named {name}", 1)
    main = _main_module(spec.origin, spec.loader, spec)
    return _run(main, lambda: spec.loader.get_code(spec.name), [spec.origin or name, *args], os.getcwd())


def _refuse(message: str, status: int) -> int:
    print(f"{sys.orig_argv[0]}: {message}", file=sys.stderr)
    return status


def _main_module(file: str | None, loader: Any, spec: ModuleSpec | None = None) -> types.ModuleType:
    """A fresh __main__ with what Python itself puts there."""
    main = types.ModuleType("__main__")
    main.__loader__, main.__spec__ = loader, spec
    main.__package__ = spec.parent if spec is not None else None
    main.__dict__["__builtins__"] = builtins
    if file is not None:
        main.__dict__.update(__file__=file, __cached__=spec.cached if spec is not None else None)
    return main


def _run(main: types.ModuleType, compiled: Any, argv: list[str], folder: str) -> int:
    install()
    sys.modules["__main__"] = main
    sys.argv[:] = argv
    if not sys.flags.safe_path:
        sys.path[0] = folder
    try:
        exec(compiled(), main.__dict__)
    except SystemExit:
        raise
    except BaseException as e:
        _report(e)
        return 130 if isinstance(e, KeyboardInterrupt) else 1
    return 0


def _report(error: BaseException) -> None:
    """Prints a script's uncaught error as Python would, without our frames: of this file, and of a missing name's."""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in (ALIAS, HERE):
        _add_explanation(error)
    trace = error.__traceback__
    while trace is not None and _file(trace) == __file__:
        trace = trace.tb_next
    last = trace
    while last is not None and last.tb_next is not None:
        if _file(last.tb_next) == EXPLAINER:
            last.tb_next = None
        else:
            last = last.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)


def _file(trace: types.TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename


def _add_explanation(error: ImportError) -> None:
    parent, _, name = (error.name or "").rpartition(".")
    if not isinstance(error, ModuleNotFoundError):
        parent, name = error.name or "", getattr(error, "name_from", None) or _between_quotes(str(error))
    module = sys.modules.get(parent)
    if module is not None:
        error.add_note(explain(name, dir(module)))


def _between_quotes(message: str) -> str:
    return message.split("'")[1] if message.count("'") > 1 else ""
