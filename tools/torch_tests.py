"""Runs a test file of PyTorch's source tree on torchish, with the testing package of that tree.

In: the tree, a file in its `test` folder, options of pytest.  Out: pytest's report; before it, the names of torch that files ask
for and torchish has not.
Private modules of the tree that stand in OF_TREE are read where they lie.  For other modules and names that are missing something
is put on which nothing works, so that a file can be read: the tests that use it fail.  Nothing of the tree is in this repository.

    python tools/torch_tests.py ~/pytorch test_autograd.py -k hooks -q
"""
from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torchish.launch import install

OF_TREE = ("torch.testing._internal", "torch.testing._comparison", "torch.testing._utils",
           "torch.autograd._functions")


class _Anything(type):
    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(f"{cls.__name__}.{name}", (Absent,), {})

    # test_ops.py looks for reductions by their argument dtype, and refuses to find none
    def __call__(cls, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], types.FunctionType):      # a decorator: what it decorates is missing, too
            return cls
        return super().__call__(*args, **kwargs)


class Absent(metaclass=_Anything):
    """Stands for a name that torchish has not; whoever calls it fails."""

    __all__: list[str] = []         # of what stands for a module

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} is missing")


class AbsentOperator:
    """Stands for HigherOrderOperator, of which files make objects as they are read; who calls one fails."""

    def __init__(self, name: str) -> None:
        self.name = name

    def py_impl(self, key: Any) -> Callable[[Callable], Callable]:
        """Leaves the function as it is."""
        return lambda function: function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"HigherOrderOperator {self.name} is missing")


class AbsentModule(types.ModuleType):
    """Stands for a module that torchish has not."""

    __path__: list[str] = []
    __all__: list[str] = ["absent"]     # test_ops.py refuses to find none

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Absent,), {})


class Finder(Loader):
    """Finds in the tree what stands in OF_TREE, and puts an AbsentModule for other modules that are missing."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.begun: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if not name.startswith(("torch.", "functorch.")) or not name.startswith(OF_TREE) and self.is_own(name):
            return None
        if not name.startswith(OF_TREE):
            print(f"{name} is missing")
            return ModuleSpec(name, self, is_package=True)
        place = self.tree.joinpath(*name.split("."))
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not file.exists():
            return None
        if name not in self.begun:          # they import each other
            self.begun.add(name)
            fill(file)
        return spec_from_file_location(name, file, submodule_search_locations=[str(place)] if place.is_dir() else None)

    def is_own(self, name: str) -> bool:
        try:
            return find_spec(f"torchish.{name.removeprefix('torch.')}") is not None
        except ModuleNotFoundError:
            return False

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing in it."""


def fill(file: Path) -> None:
    """Puts Absent for the names that a file imports from modules of torchish which do not have them, and prints them."""
    for line in ast.parse(file.read_text()).body:
        if not isinstance(line, ast.ImportFrom) or line.level or not f"{line.module}.".startswith(("torch.", "functorch.")) \
                or line.module.startswith(OF_TREE):
            continue
        module = import_module(line.module)
        for name in {alias.name for alias in line.names} - {"*"} - set(vars(module)):
            try:
                getattr(module, name)
            except AttributeError:
                try:
                    import_module(f"{line.module}.{name}")
                except ImportError:
                    print(f"{line.module}.{name} is missing, which {file.name} imports")
                    setattr(module, name, type(name, (Absent,), {}))


def lenient(look_up: Callable) -> Callable:
    """A `__getattr__` that gives Absent for names that are not there."""
    def found(*args: Any) -> Any:
        try:
            return look_up(*args)
        except AttributeError:
            name = args[-1]
            if name.startswith("__"):
                raise
            print(f"torch.ops.aten.{name} is missing")
            return type(name, (Absent,), {})
    return found


def main(args: list[str]) -> int:
    """Runs the file that `args` name and returns pytest's exit status."""
    tree, file, *rest = args
    root = Path(tree).resolve()
    install()
    import torch.testing
    # the op database has them, and decorators of test_nn.py
    for name in {"_scaled_mm", "_segment_reduce", "per_tensor_affine"} - set(vars(torch)):
        setattr(torch, name, type(name, (Absent,), {}))
    for name in ("crow_indices", "col_indices", "ccol_indices", "row_indices"):     # test_sparse.py lists them
        setattr(torch.Tensor, name, type(name, (Absent,), {}))
    torch.cuda.jiterator = types.SimpleNamespace(_create_jit_fn=lambda *args, **kwargs: Absent,
                                                 _create_multi_output_jit_fn=lambda *args, **kwargs: Absent)
    torch._C._ConvBackend = torch._mkldnn = Absent      # nn/test_convolution.py names them as it is read
    torch._C._DisableFuncTorch = nullcontext        # for blocks that read and set the state of a generator only
    torch.ao.nn = AbsentModule("torch.ao.nn")       # the module database has them
    import_module("torch.ao.quantization").__path__ = []    # submodules of it are asked for by what test_linalg.py imports
    torch.ops.quantized_decomposed = AbsentModule("torch.ops.quantized_decomposed")
    sys.modules["torch._ops"] = AbsentModule("torch._ops")
    sys.modules["torch._ops"].HigherOrderOperator = AbsentOperator
    import_module("torch._subclasses").CrossRefFakeMode = Absent        # test_sparse.py derives from it
    aten = type(torch.ops.aten)
    aten.__getattr__ = lenient(aten.__getattr__)
    torch.testing.__path__ = []         # a module with submodules, from here on
    sys.meta_path.insert(0, Finder(root))
    for name in ("torch.testing._utils", "torch._refs"):    # read as attributes
        import_module(name)
    fill(root / "test" / file)
    import_module("torch._prims_common.wrappers")._maybe_remove_out_wrapper = lambda function: function     # nothing is wrapped
    # a documented difference, which would hide what else the tests of `out=` see: here the number of the memory that is shared
    torch.Tensor.data_ptr = lambda self: self.untyped_storage()._cdata + self.storage_offset() * self.element_size()
    sys.path[:0] = [str((root / "test" / file).parent), str(root / "test"), str(root)]
    sys.argv[1:] = []                   # the testing package reads the command line, too
    return pytest.main([str(root / "test" / file), "-p", "no:cacheprovider", f"--rootdir={root / 'test'}", "--noconftest",
                        "-c", "/dev/null", *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
