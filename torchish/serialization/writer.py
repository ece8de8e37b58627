"""Objects as a pickle in torch's dialect: tensors by reference to storages that stand beside it.

In: any object.  Out: the bytes of the pickle, and the storages it refers to, each once.
"""
from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from types import FunctionType
from typing import Any

import numpy as np

from .. import dtypes
from ..avals import contiguous_strides
from ..devices import device
from ..layouts import layout
from ..nn.parameter import Parameter, is_lazy
from ..ops.parts import view_bits
from ..sizes import Size
from ..storage import storage_owner
from ..tensor import Tensor
from ..typed_storage import TypedStorage
from ..untyped_storage import UntypedStorage
from .names import BYTES, FROM_TYPE, GET_LAYOUT, REBUILD, STORAGES, Global, named

__all__ = ["Storages", "pickled"]


class Storages:
    """The storages of a file in the order in which they were met: key, base tensor, elements in the order of memory."""

    def __init__(self) -> None:
        self.known: dict[Any, tuple[str, np.ndarray, str]] = {}
        self.dtypes: dict[int, dtypes.dtype] = {}
        self.kept: list[Any] = []

    def add(self, base: Any, elements: Any, dtype: dtypes.dtype) -> tuple[str, np.ndarray, str]:
        """The key, elements and device of the storage of tensor `base`, seen as `dtype`; `elements()` is asked once.

        RuntimeError where it was seen as another dtype before.
        """
        if base.nbytes and self.dtypes.setdefault(id(base), dtype) is not dtype:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        found = self.known.get((id(base), dtype))
        if found is None:
            place = base._node.aval.device
            found = self.known[id(base), dtype] = str(len(self.known)), elements(), place if place == "cpu" or ":" in place \
                else f"{place}:0"
            self.kept.append(base)
        return found

    def __iter__(self) -> Any:
        return iter([(key, elements) for key, elements, _ in self.known.values()])


def pickled(obj: Any, protocol: int, storages: Storages, pickle_module: Any = pickle, legacy: bool = False) -> bytes:
    """The pickle of `obj`; the storages of its tensors are added to `storages`."""
    base = getattr(pickle_module, "Pickler")        # noqa: B009  torch's error where there is none
    base = base if hasattr(base, "save_global") else pickle._Pickler
    out = io.BytesIO()
    type("Pickler", (_Writer, base), {})(out, protocol, storages, legacy).dump(obj)
    return out.getvalue()


class _Writer:
    """What is added to a pickler written in Python: torch's names and references to storages."""

    def __init__(self, file: Any, protocol: int, storages: Storages, legacy: bool) -> None:
        super().__init__(file, protocol)        # type: ignore[call-arg]
        self.storages, self.legacy = storages, legacy

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Writes a name: torch's where torch has one."""
        found = named(obj)
        if found is None:
            super().save_global(obj, name)      # type: ignore[misc]
            return
        self.write(pickle.GLOBAL + f"{found[0]}\n{found[1]}\n".encode())        # type: ignore[attr-defined]
        self.memoize(obj)       # type: ignore[attr-defined]

    def persistent_id(self, obj: Any) -> tuple | None:
        """What stands in the pickle for a storage."""
        if isinstance(obj, _Seen):
            key, elements, place = self.storages.add(obj.base, obj.elements, dtypes.uint8 if obj.untyped else obj.dtype)
            return self._reference(elements, obj.untyped, key, place)
        if isinstance(obj, (TypedStorage, UntypedStorage)):
            base, dtype = obj._base, obj._dtype if isinstance(obj, TypedStorage) else dtypes.uint8
            key, elements, place = self.storages.add(base, lambda: _in_memory(base, dtype), dtype)
            return self._reference(elements, isinstance(obj, UntypedStorage), key, place)
        return None

    def _reference(self, elements: np.ndarray, untyped: bool, key: str, place: str) -> tuple:
        name = dtypes.from_numpy(elements.dtype).name
        kind, count = (BYTES, elements.nbytes) if untyped or name not in STORAGES else (STORAGES[name], elements.size)
        return ("storage", kind, key, place, count, *((None,) if self.legacy else ()))

    def reducer_override(self, obj: Any) -> Any:
        """How tensors, sizes, devices, dtypes and layouts are written."""
        if isinstance(obj, Tensor):
            return _tensor(obj)
        if isinstance(obj, (dtypes.dtype, Global)):
            return obj.name     # as a global: save_global sees to it
        if isinstance(obj, FunctionType) and named(obj) is not None:
            return obj.__qualname__
        if isinstance(obj, device):
            return device, (obj.type,) if obj.index is None else (obj.type, obj.index)
        if isinstance(obj, Size):
            return Size, (tuple(obj),)
        if isinstance(obj, layout):
            return GET_LAYOUT, (repr(obj),)
        return NotImplemented


class _Seen:
    """The storage behind a tensor of `dtype`."""

    def __init__(self, base: Tensor, elements: Any, untyped: bool, dtype: dtypes.dtype) -> None:
        self.base, self.elements, self.untyped, self.dtype = base, elements, untyped, dtype


def _tensor(x: Tensor) -> tuple:
    if is_lazy(x):
        return Global("torch.nn.parameter", type(x).__name__), (x.requires_grad, x.device, x.dtype)
    if x.is_sparse:
        return REBUILD["_rebuild_sparse_tensor"], (x.layout, (x._indices(), x._values().detach(), x.shape, x.is_coalesced()))
    state = dict(x.__dict__)
    if issubclass(type(x), Parameter):
        inner = _Call(*(_without_data(x, False) if x.is_meta else (REBUILD["_rebuild_tensor_v2"], _arguments(x, False))))
        if type(x) is not Parameter:
            return FROM_TYPE, (REBUILD["_rebuild_parameter"], type(x), (inner, x._leaf, OrderedDict()), state)
        if state:
            return REBUILD["_rebuild_parameter_with_state"], (inner, x._leaf, OrderedDict(), state)
        return REBUILD["_rebuild_parameter"], (inner, x._leaf, OrderedDict())
    call, args = _without_data(x, x.requires_grad) if x.is_meta else _with_storage(x)
    if not state and (type(x) is Tensor or type(x).__module__.partition(".")[0] == __name__.partition(".")[0]):
        return call, args
    return FROM_TYPE, (call, type(x), args, state)


def _with_storage(x: Tensor) -> tuple:
    modern = x.dtype.name not in STORAGES
    call, args = REBUILD["_rebuild_tensor_v3" if modern else "_rebuild_tensor_v2"], _arguments(x, x.requires_grad)
    return call, (*args, x.dtype) if modern else args


def _without_data(x: Tensor, requires_grad: bool) -> tuple:
    """How a tensor on meta is written: it has no storage."""
    return REBUILD["_rebuild_meta_tensor_no_storage"], (x.dtype, tuple(x.shape), x.stride(), requires_grad)


class _Call:
    """A call written into the pickle."""

    def __init__(self, fn: Any, args: tuple) -> None:
        self.fn, self.args = fn, args

    def __reduce__(self) -> tuple:
        return self.fn, self.args


def _arguments(x: Tensor, requires_grad: bool) -> tuple:
    """Storage, offset, sizes, strides, requires_grad, hooks."""
    array = x._array()      # brings a view up to date, and computes
    modern = x.dtype.name not in STORAGES
    found = _in_base(x) if x._view is not None and not any(view_bits(x)) else None      # what is conjugated is written as a copy
    if found is not None:
        base, offset, strides = found
        seen = _Seen(base, lambda: _in_memory(base, x.dtype), modern, x.dtype)
        return seen, offset, tuple(x.shape), strides, requires_grad, OrderedDict()
    elements, strides = _laid_out(x, array)
    return _Seen(x, lambda: elements, modern, x.dtype), 0, tuple(x.shape), strides, requires_grad, OrderedDict()


def _in_memory(base: Tensor, dtype: dtypes.dtype) -> np.ndarray:
    """The memory of a tensor as elements of `dtype`, as many as fit."""
    elements = _laid_out(base)[0]
    if base.dtype is dtype:
        return elements
    return elements.view(np.uint8)[:elements.nbytes // dtype.itemsize * dtype.itemsize].view(dtype.np)


def _laid_out(x: Tensor, array: Any = None) -> tuple[np.ndarray, tuple[int, ...]]:
    """The elements of a tensor in the order in which torch would have them in memory, and its strides there."""
    array = np.asarray(x._array() if array is None else array)
    strides = x.stride()
    order = sorted(range(array.ndim), key=lambda d: (-strides[d], d))
    moved = array.transpose(order)
    if tuple(strides[d] for d in order) == contiguous_strides(moved.shape):
        return np.ascontiguousarray(moved).reshape(-1), tuple(strides)
    return np.ascontiguousarray(array).reshape(-1), contiguous_strides(array.shape)


def _in_base(x: Tensor) -> tuple[Tensor, int, tuple[int, ...]] | None:
    """Where a view begins in the memory of its base, and its strides there; None where it is no view of that kind."""
    view = x._view
    base = storage_owner(x)
    strides = _laid_out(base)[1]
    if base.dtype is not x.dtype:
        return (base, x.storage_offset(), x.stride()) if strides == base.stride() else None     # the memory is as torch has it
    start = dummy = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), base.shape, strides)
    for op, values, which in view.chain:
        attributes = {p.name: v for p, v in zip(op.params[1:], values, strict=True)}
        try:
            dummy = op.fn(dummy, **attributes)
        except (ValueError, TypeError, AttributeError):
            return None
        dummy = dummy if which is None else dummy[which]
    if not isinstance(dummy, np.ndarray) or dummy.shape != tuple(x.shape) or not np.may_share_memory(start, dummy) and x.numel():
        return None
    offset = dummy.__array_interface__["data"][0] - start.__array_interface__["data"][0]
    return base, offset, tuple(dummy.strides)
