"""The names under which torch's files speak of torch's objects, and which of them a file may name.

In: objects, or a module and a name found in a file.  Out: the pair to write, or the object; the list of what is safe.
"""
from __future__ import annotations

import codecs
import importlib
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterable
from types import FunctionType
from typing import Any

from .. import api, dtypes
from ..devices import device
from ..layouts import layout
from ..nn.parameter import Parameter
from ..sizes import Size
from ..tensor import Tensor

__all__ = ["BLOCKED", "Global", "STORAGES", "StorageType", "add_safe_globals", "clear_safe_globals", "find", "get_safe_globals",
           "layout_named", "named", "safe", "safe_globals"]

BLOCKED = ("sys", "os", "posix", "nt")      # modules that no file loaded with weights_only may touch, allowed or not
HERE = __name__.partition(".")[0]


class Global:
    """A name in a file that stands for something torch has and we have otherwise."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *_: Any) -> Any:
        raise TypeError(f"{self.module}.{self.name} is a name to be written")


class StorageType:
    """torch's class of storages of one dtype; None: of bytes."""

    def __init__(self, name: str, dtype: dtypes.dtype | None) -> None:
        self.name, self.dtype = name, dtype


_PREFIX = {"float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long", "int32": "Int", "int16": "Short",
           "int8": "Char", "uint8": "Byte", "bool": "Bool", "bfloat16": "BFloat16", "complex128": "ComplexDouble",
           "complex64": "ComplexFloat"}
STORAGES = {name: Global("torch", f"{prefix}Storage") for name, prefix in _PREFIX.items()}
BYTES = Global("torch.storage", "UntypedStorage")
REBUILD = {name: Global("torch._utils", name) for name in (
    "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_parameter_with_state",
    "_rebuild_sparse_tensor", "_rebuild_meta_tensor_no_storage")}
FROM_TYPE = Global("torch._tensor", "_rebuild_from_type_v2")
GET_LAYOUT = Global("torch.serialization", "_get_layout")


def layout_named(name: str) -> layout:
    """torch.strided from "torch.strided"."""
    return layout(name.removeprefix("torch."))


_WRITTEN: dict[Any, tuple[str, str]] = {Tensor: ("torch", "Tensor"), Size: ("torch", "Size"), device: ("torch", "device"),
                                        Parameter: ("torch.nn.parameter", "Parameter")}


def named(obj: Any) -> tuple[str, str] | None:
    """Module and name to write for an object that has another name in torch's files."""
    if isinstance(obj, Global):
        return obj.module, obj.name
    if isinstance(obj, dtypes.dtype):
        return "torch", obj.name
    if isinstance(obj, FunctionType):
        home, dot, rest = (obj.__module__ or "").partition(".")
        there = home == HERE and getattr(sys.modules[obj.__module__], obj.__qualname__, None) is obj
        return (f"torch{dot}{rest}", obj.__qualname__) if there else None
    return _WRITTEN.get(obj) if isinstance(obj, type) else None


_SAFE: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict, ("collections", "Counter"): Counter,
    ("torch.nn.parameter", "Parameter"): Parameter, ("torch.serialization", "_get_layout"): layout_named,
    ("torch", "Size"): Size, ("torch", "Tensor"): Tensor, ("torch", "device"): device, ("_codecs", "encode"): codecs.encode,
    ("builtins", "bytearray"): bytearray, ("builtins", "set"): set, ("builtins", "complex"): complex,
    ("torch.storage", "UntypedStorage"): StorageType("UntypedStorage", None),
}
_SAFE.update({("torch", f"{prefix}Storage"): StorageType(f"{prefix}Storage", dtypes.NAMES[name])
              for name, prefix in _PREFIX.items()})
_SAFE.update({("torch", name): found for name, found in dtypes.NAMES.items()})
# whose attributes torch's own functions are saved as, in whole modules that keep one: activation=torch.relu
_NATIVE = {("torch._C", "_VariableFunctionsClass"): api, ("torch._C", "TensorBase"): Tensor}
_PYTHON_2 = {("__builtin__", name): ("builtins", name) for name in ("set", "bytearray", "complex")}

_added: dict[str, Any] = {}


def _full_name(obj: Any) -> str:
    module, name = named(obj) or (obj.__module__, obj.__qualname__)
    return name if module == "builtins" else f"{module}.{name}"


def safe(module: str, name: str, rebuild: dict[tuple[str, str], Any]) -> Any:
    """What a file loaded with weights_only may name; KeyError where it may not."""
    key = _PYTHON_2.get((module, name), (module, name))
    for table in (rebuild, _SAFE):
        if key in table:
            return table[key]
    return _added[name if module in ("builtins", "__builtin__") else f"{module}.{name}"]


def find(module: str, name: str, rebuild: dict[tuple[str, str], Any]) -> Any:
    """What a name in a trusted file stands for: ours where it is torch's."""
    module = "torch.nn.functional" if module == "torch._C._nn" else module
    key = _PYTHON_2.get((module, name), (module, name))
    for table in (rebuild, _SAFE, _NATIVE):
        if key in table:
            return table[key]
    home, _, rest = module.partition(".")
    if home != "torch":
        return None
    parts = rest.split(".") if rest else []
    while True:     # torch.nn.modules.linear.Linear is torchish.nn.Linear
        try:
            found = getattr(importlib.import_module(".".join([HERE, *parts])), name, None)
        except ModuleNotFoundError:
            found = None
        if found is not None or not parts:
            return found
        parts.pop()


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Allows these classes and functions, or (object, name in the file) pairs, in files loaded with weights_only."""
    for item in safe_globals:
        obj, name = item if isinstance(item, tuple) else (item, None)
        _added[name or _full_name(obj)] = obj


def get_safe_globals() -> list[Any]:
    """What has been allowed."""
    return list(_added.values())


def clear_safe_globals() -> None:
    """Allows nothing beyond the defaults."""
    _added.clear()


class safe_globals:
    """Allows these classes and functions inside a `with` block."""

    def __init__(self, safe_globals: Iterable[Any]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        self.before = dict(_added)
        add_safe_globals(self.safe_globals)

    def __exit__(self, *_: object) -> None:
        _added.clear()
        _added.update(self.before)
