"""torch's pickles read: tensors are made while the pickle is read and get their values when its storages are known.

In: a pickle, a function that gives the bytes of a storage.  Out: the object.  With `weights_only` a file may name nothing but
tensors, storages, sizes, dtypes, devices, plain containers and what was allowed.
"""
from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from .. import dtypes
from ..avals import aval_of, contiguous_strides
from ..creation import constant, from_array
from ..devices import META
from ..layouts import sparse_coo
from ..modes import no_grad
from ..nn.parameter import Parameter
from ..ops.strided import strided as AS_STRIDED
from ..storage import make_view, storage_of
from ..tensor import Tensor
from ..typed_storage import TypedStorage
from ..untyped_storage import UntypedStorage
from .names import BLOCKED, StorageType, find, get_safe_globals, safe
from .places import placed

__all__ = ["Reading", "unsafe_names"]

TRUST = ("Do it only if you got the file from a trusted source.")
FAILED = ("Weights only load failed. {}In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` "
          "from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can "
          f"result in arbitrary code execution. {TRUST}\n")
OPTIONS = ("This file can still be loaded, to do so you have two options, \033[1mdo those steps only if you trust the source of "
           "the checkpoint\033[0m. \n\t(1) ")
SECOND = ("\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the following error "
          "message.\n\tWeightsUnpickler error: ")
MORE = ("\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only "
        "https://pytorch.org/docs/stable/generated/torch.load.html.")


class _Part:
    """A tensor that is being read: where in which storage it lies; `inner` where only a Parameter made of it is seen."""

    def __init__(self, x: Tensor, offset: int, size: tuple, stride: tuple, requires_grad: bool) -> None:
        self.x, self.offset, self.size, self.stride = x, int(offset), tuple(size), tuple(stride)
        self.requires_grad, self.inner = requires_grad, False
        self.bits: frozenset[str] = frozenset()         # "conj", "neg": how it shows what is in the storage


class Stored(TypedStorage):
    """A storage of a file, whose elements come when they are asked for."""

    _dtype = property(lambda self: self.kind)                                            # type: ignore[assignment]
    _untyped_storage = property(lambda self: UntypedStorage(_of=self._base))            # type: ignore[assignment]

    def __init__(self, dtype: dtypes.dtype, count: int, location: str) -> None:
        self.kind, self.count, self.location = dtype, count, location
        self.parts: list[_Part] = []
        self.elements: np.ndarray | None = None
        self.place = "cpu"
        self._flat: Tensor | None = None

    @property
    def _base(self) -> Tensor:      # type: ignore[override]
        """The tensor that owns the memory: that of the tensors which were read from it, where there are any."""
        if self._flat is None and self.elements is not None and self.seen() and _share(self):
            return storage_of(self._flat)
        if self._flat is None:
            self._flat = constant((self.count,), 0, dtype=self.kind, device=META) if self.elements is None \
                else from_array(self.elements, self.place)
        return storage_of(self._flat)

    def seen(self) -> list[_Part]:
        """The tensors of the file that see it."""
        return [part for part in self.parts if not (part.inner or part.bits)]


class _Restricted(pickle._Unpickler):
    """An unpickler that calls, makes and changes nothing but what was found to be safe by its name."""
    dispatch = {code: load for code, load in pickle._Unpickler.dispatch.items() if bytes([code]) in (
        pickle.PROTO, pickle.STOP, pickle.FRAME, pickle.MARK, pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.NEWOBJ, pickle.REDUCE,
        pickle.BUILD, pickle.APPEND, pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.ADDITEMS, pickle.TUPLE,
        pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.NONE, pickle.NEWFALSE, pickle.NEWTRUE, pickle.EMPTY_TUPLE,
        pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET, pickle.BINPERSID, pickle.BININT, pickle.BININT1, pickle.BININT2,
        pickle.BINFLOAT, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.SHORT_BINSTRING, pickle.BINBYTES,
        pickle.SHORT_BINBYTES, pickle.LONG1, pickle.BINGET, pickle.LONG_BINGET, pickle.BINPUT, pickle.LONG_BINPUT,
        pickle.MEMOIZE)}

    def load_reduce(self) -> None:
        """Calls a function; one that a name of the file stands for."""
        func = self.stack[-2]
        if not self._known(func):
            raise pickle.UnpicklingError(f"Trying to call reduce for unrecognized function {func}")
        super().load_reduce()

    def load_newobj(self) -> None:
        """Makes an object of a class."""
        cls = self.stack[-2]
        if not (self._known(cls) and isinstance(cls, type)):
            raise pickle.UnpicklingError(f"Trying to create new object for unrecognized class {cls}")
        super().load_newobj()

    def load_build(self) -> None:
        """Gives an object its state: attributes of containers and tensors, and of classes that were allowed."""
        inst, state = self.stack[-2], self.stack[-1]
        plain = isinstance(state, dict) and type(inst) in (OrderedDict, Tensor, Parameter)
        if not plain and not any(type(inst) is allowed for allowed in get_safe_globals()):
            raise pickle.UnpicklingError("Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                                         f"`add_safe_globals`, but got {type(inst)}")
        super().load_build()

    def _known(self, obj: Any) -> bool:
        return any(obj is found or obj == found for found in self.named_so_far)     # type: ignore[attr-defined]

    dispatch[pickle.REDUCE[0]], dispatch[pickle.NEWOBJ[0]], dispatch[pickle.BUILD[0]] = load_reduce, load_newobj, load_build


class Reading:
    """One file: its storages by key, and the tensors that were made of them."""

    def __init__(self, map_location: Any, weights_only: bool, arguments: dict) -> None:
        self.map_location, self.weights_only, self.arguments = map_location, weights_only, arguments
        self.storages: dict[str, Stored] = {}
        self.made: dict[int, tuple[Stored, _Part]] = {}
        self.names: list[Any] = []      # what names of the file stand for
        self.rebuild = {("torch._utils", "_rebuild_tensor"): self._tensor, ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
                        ("torch._utils", "_rebuild_tensor_v3"): self._tensor_of_bytes,
                        ("torch._utils", "_rebuild_parameter"): self._parameter,
                        ("torch._utils", "_rebuild_parameter_with_state"): self._parameter_with_state,
                        ("torch._utils", "_rebuild_sparse_tensor"): self._sparse,
                        ("torch._utils", "_rebuild_meta_tensor_no_storage"): _on_meta,
                        ("torch._tensor", "_rebuild_from_type_v2"): self._of_type}

    def unpickle(self, file: Any, pickle_module: Any = pickle) -> Any:
        """The object of one pickle; its tensors have no values yet."""
        reading = self
        base = _Restricted if self.weights_only else pickle_module.Unpickler

        class Unpickler(base):      # type: ignore[misc, valid-type]
            def find_class(self, module: str, name: str) -> Any:
                found = reading.named(module, name)
                reading.names.append(found)
                return super().find_class(module, name) if found is None else found

            def persistent_load(self, pid: Any) -> Any:
                return reading.stored(pid)

            named_so_far = reading.names

        if not self.weights_only:
            return Unpickler(file, **{"encoding": "utf-8", **self.arguments}).load()
        try:
            return Unpickler(file, encoding="utf-8").load()
        except pickle.UnpicklingError as e:
            raise pickle.UnpicklingError(_explained(str(e))) from None
        except KeyError as e:
            raise pickle.UnpicklingError(_explained(f"Unsupported operand {e}")) from None
        except (ValueError, IndexError, AttributeError, TypeError, UnicodeDecodeError) as e:     # bytes that are no pickle
            raise pickle.UnpicklingError(_explained(str(e))) from e

    def named(self, module: str, name: str) -> Any:
        """What the file means by a name; None: what Python finds."""
        if not self.weights_only:
            return find(module, name, self.rebuild)
        if module.partition(".")[0] in BLOCKED:
            raise pickle.UnpicklingError(f"Trying to load unsupported GLOBAL {module}.{name} whose module {module} is blocked.")
        try:
            return safe(module, name, self.rebuild)
        except KeyError:
            full = name if module in ("builtins", "__builtin__") else f"{module}.{name}"
            raise pickle.UnpicklingError(
                f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
                f"`torch.serialization.add_safe_globals([{full}])` or the `torch.serialization.safe_globals([{full}])` context "
                "manager to allowlist this global if you trust this class/function.") from None

    def stored(self, pid: Any) -> Any:
        """The storage that a reference in the pickle means."""
        if isinstance(pid, tuple) and pid and pid[0] == "module":
            return pid[1]       # old files keep a module's class with its source
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] not in ("storage", b"storage") \
                or not isinstance(pid[1], StorageType):
            raise pickle.UnpicklingError(f"Only persistent_load of storage is allowed, but got {pid!r}")
        kind, key, location, count = pid[1:5]
        key = str(key)
        found = self.storages.get(key)
        if found is None:
            found = self.storages[key] = Stored(kind.dtype or dtypes.uint8, count, location)
        return found

    # what the pickle calls

    def _tensor(self, storage: Stored, offset: int, size: tuple, stride: tuple, requires_grad: bool = False,
                backward_hooks: Any = None, metadata: Any = None) -> Tensor:
        part = _Part(object.__new__(Tensor), offset, size, stride, requires_grad)
        part.bits = frozenset(name for name, on in (metadata or {}).items() if on)      # PyTorch's files have conjugates so
        return self._new(Tensor, storage, storage.kind, part)

    def _tensor_of_bytes(self, storage: Stored, offset: int, size: tuple, stride: tuple, requires_grad: bool,
                         backward_hooks: Any, dtype: dtypes.dtype, metadata: Any = None) -> Tensor:
        return self._new(Tensor, storage, dtype, _Part(object.__new__(Tensor), offset, size, stride, requires_grad))

    def _new(self, cls: type, storage: Stored, dtype: dtypes.dtype, part: _Part) -> Tensor:
        aval = aval_of(part.size, dtype)
        part.x._node, part.x._leaf = (aval.grad, True) if part.requires_grad else (aval.plain, False)
        storage.parts.append(part)
        self.made[id(part.x)] = storage, part
        return part.x

    def _parameter(self, data: Tensor, requires_grad: bool, backward_hooks: Any, cls: type = Parameter) -> Tensor:
        if data.is_meta:
            return Tensor._make_subclass(cls, data, requires_grad)
        storage, part = self.made[id(data)]
        part.inner = True
        seen = _Part(object.__new__(cls), part.offset, part.size, part.stride, requires_grad)
        return self._new(cls, storage, data.dtype, seen)

    def _parameter_with_state(self, data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Tensor:
        return _with_state(self._parameter(data, requires_grad, backward_hooks), state)

    def _sparse(self, layout: Any, parts: tuple) -> Tensor:
        """Of indices, values, size and, in newer files, whether each place has one entry."""
        if layout is not sparse_coo:
            raise NotImplementedError(f"rebuilding sparse tensor for layout {layout}")
        return import_module(f"{__package__.rpartition(chr(46))[0]}.sparse.coo").made(*parts)

    def _of_type(self, func: Callable, new_type: type, args: tuple, state: Any) -> Tensor:
        if func == self._parameter:
            return _with_state(self._parameter(*args, cls=new_type), state)     # type: ignore[misc]
        x = func(*args)
        if type(x) is not new_type and isinstance(new_type, type) and issubclass(new_type, Tensor):
            x.__class__ = new_type
        return _with_state(x, state)

    # values

    def fill(self, read: Callable[[str, Stored], np.ndarray]) -> None:
        """Gives every tensor its value; `read` gives the elements of a storage by its key."""
        for key, storage in self.storages.items():
            if str(self.map_location) == META:      # nothing is read
                storage.place = META
            else:
                storage.elements = read(key, storage)
                storage.place = placed(self.map_location, storage.location, lambda s=storage: UntypedStorage(_of=s._base))
            for part in storage.parts:
                _give(part, storage)
            if len(storage.seen()) > 1:
                _share(storage)


def _on_meta(dtype: dtypes.dtype, size: tuple, stride: tuple, requires_grad: bool) -> Tensor:
    """A tensor that was saved without data."""
    x = constant(tuple(size), 0, dtype=dtype, device=META, strides=tuple(stride))
    return x._require_grad() if requires_grad else x


def _with_state(x: Tensor, state: Any) -> Tensor:
    for attributes in state if isinstance(state, tuple) else (state,):
        for name, value in (attributes or {}).items():
            setattr(x, name, value)
    return x


def _give(part: _Part, storage: Stored) -> None:
    """A tensor's value: a piece of the storage, copied to its device."""
    dtype = part.x._node.aval.dtype
    if storage.place == META:
        aval = aval_of(part.size, dtype, META, part.stride)
        part.x._pending, part.x._node = (0,), aval.grad if part.requires_grad else aval.plain
        return
    elements = storage.elements if dtype is storage.kind else storage.elements.view(dtype.np)      # type: ignore[union-attr]
    last = part.offset + sum((n - 1) * s for n, s in zip(part.size, part.stride, strict=True)) if all(part.size) else -1
    if last >= elements.size:       # type: ignore[union-attr]
        raise RuntimeError(f"setStorage: sizes {list(part.size)}, strides {list(part.stride)}, storage offset {part.offset}, and "
                           f"itemsize {dtype.itemsize} requiring a storage size of {(last + 1) * dtype.itemsize} are out of "
                           f"bounds for storage of size {storage.elements.nbytes}")     # type: ignore[union-attr]
    raw = elements.view(np.uint8) if dtype in dtypes.FLOAT8 else elements       # type: ignore[union-attr]
    array = np.lib.stride_tricks.as_strided(raw[part.offset:], part.size,     # type: ignore[index]
                                            [s * dtype.itemsize for s in part.stride])
    array = array.view(dtype.np) if dtype in dtypes.FLOAT8 else array       # numpy knows those not by name
    array = array.conj() if "conj" in part.bits else array
    value = from_array(-array if "neg" in part.bits else array, storage.place)
    aval = aval_of(part.size, dtype, storage.place, part.stride)
    part.x._data, part.x._node = value._data, aval.grad if part.requires_grad else aval.plain


def _share(storage: Stored) -> bool:
    """Whether the tensors of a storage see each other's writes from now on: one that covers all of it is the base, or one made
    for them."""
    parts = storage.seen()
    dtype = parts[0].x.dtype
    if storage.place == META or any(p.x.dtype is not dtype for p in parts):
        return False
    elements = storage.elements.view(dtype.np)      # type: ignore[union-attr]

    def whole(p: _Part) -> bool:
        return p.offset == 0 and p.stride == contiguous_strides(p.size) and p.x.numel() == elements.size

    base = next((p.x for p in parts if whole(p)), None)
    if base is None:
        base = from_array(elements, storage.place)
    for p in parts:
        if p.x is not base:
            value = p.x.detach().clone() if p.x._version_count else None        # it was written before anyone asked
            make_view(base, p.x, AS_STRIDED, (p.size, p.stride, p.offset))
            if value is not None:
                with no_grad():
                    p.x.copy_(value)
    storage._flat = base
    return True


def _explained(message: str) -> str:
    """torch's words around what went wrong with weights_only."""
    if message.startswith("Unsupported global"):
        return FAILED.format(OPTIONS) + SECOND + message + MORE
    if "is blocked" in message:
        return FAILED.format("") + "\n\n" + message + MORE
    return FAILED.format("") + ("Please file an issue with the following so that we can make `weights_only=True` compatible with "
                                f"your use case: WeightsUnpickler error: \n\n{message}") + MORE


def unsafe_names(file: bytes) -> list[str]:
    """The names in a pickle that weights_only would refuse."""
    reading, found = Reading(None, True, {}), []

    class Names(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            try:
                reading.named(module, name)
            except pickle.UnpicklingError:
                found.append(f"{module}.{name}")
            return _Anything

        def persistent_load(self, pid: Any) -> Any:
            return None

    Names(io.BytesIO(file)).load()
    return list(dict.fromkeys(found))


class _Anything(dict):
    """Stands for whatever a file makes, while only its names are looked at."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        """Accepted."""

    def extend(self, items: Any) -> None:
        """Accepted."""
