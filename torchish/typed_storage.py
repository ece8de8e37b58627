"""Storages as numbers of one dtype: torch.TypedStorage, torch.FloatStorage and the like.  Deprecated in torch, which says so once.

In: a storage of bytes; a number of elements; their values.  Out: a window on the elements.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .convert import legacy_name
from .creation import constant, tensor
from .devices import META, cuda_is_available, place
from .devices import device as Device
from .tensor import Tensor
from .untyped_storage import CASTS, NOT_AVAILABLE, UntypedStorage, elements_of, from_buffer, from_file
from .warned import warn

__all__ = ["CUDA_STORAGES", "LEGACY_STORAGES", "TypedStorage", "legacystorage"]


class _Told:
    """Whether the warning has been given; always: it is given at every call."""
    once = False
    always = False


def _warn_typed_storage_removal(stacklevel: int = 2) -> None:
    if _Told.always or not _Told.once:
        _Told.once = True
        warn("TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage class. This "
             "should only matter to you if you are using storages directly.  To access UntypedStorage directly, use "
             "tensor.untyped_storage() instead of tensor.storage()")


def _reset_warn_typed_storage_removal() -> None:
    """The next call warns again."""
    _Told.once = False


def _get_always_warn_typed_storage_removal() -> bool:
    return _Told.always


def _set_always_warn_typed_storage_removal(always_warn: bool) -> None:
    _Told.always = always_warn


def _warns(fn: Callable) -> Callable:
    """A public method: says that the class is deprecated, then does what `fn`, which calls no public method, does."""
    @functools.wraps(fn)
    def told(*args: Any, **kwargs: Any) -> Any:
        _warn_typed_storage_removal()
        return fn(*args, **kwargs)
    return told


_FORMS = ("received an invalid combination of arguments. Expected one of:\n"
          "{none} * (int size{more})\n * (Sequence data{more})\n * (*, UntypedStorage wrap_storage{kind})\n")
_ERROR = "TypedStorage.__init__ " + _FORMS.format(none=" * (*, torch.device device, torch.dtype dtype)\n",
                                                 more=", *, torch.device device, torch.dtype dtype", kind=", torch.dtype dtype")


def _check(args: tuple, wrapped: Any, error: str) -> None:
    """The arguments that both constructors have."""
    if wrapped is not None:
        if args:
            raise RuntimeError(f"{error}No positional arguments should be given when using 'wrap_storage'")
        if not isinstance(wrapped, UntypedStorage):
            raise TypeError(f"{error}Argument 'wrap_storage' must be UntypedStorage, but got {type(wrapped)}")
    elif len(args) > 1:
        raise RuntimeError(f"{error}Too many positional arguments")
    elif args and not isinstance(args[0], (int, Sequence, np.integer)):
        raise TypeError(f"{error}Argument type not recognized: {type(args[0])}")


class TypedStorage:
    """The elements of memory, one after the other.

    args: nothing, how many elements (0), or their values.  wrap_storage: the bytes to see, instead.  dtype: the default one where
    not given.  RuntimeError, TypeError: other combinations.
    Source: https://docs.pytorch.org/docs/stable/storage.html
    """
    is_sparse = False
    is_hpu = False
    filename = None

    def __init__(self, *args: Any, wrap_storage: UntypedStorage | None = None, dtype: dtypes.dtype | None = None,
                 device: Any = None, _internal: bool = False) -> None:
        if not _internal:
            _warn_typed_storage_removal()
        if wrap_storage is not None:
            if args:
                _check(args, wrap_storage, _ERROR)
            if dtype is None:
                raise RuntimeError(f"{_ERROR}Argument 'dtype' must be specified")
            if not isinstance(dtype, dtypes.dtype):
                raise TypeError(f"{_ERROR}Argument 'dtype' must be torch.dtype, not {type(dtype)}")
            if device is not None:
                raise RuntimeError(f"{_ERROR}Argument 'device' should not be specified when 'wrap_storage' is given")
        _check(args, wrap_storage, _ERROR)
        self._dtype = dtypes.default.float if dtype is None else dtype
        self._untyped_storage = wrap_storage if wrap_storage is not None else _made(args, self._dtype, device)

    @classmethod
    def _read(cls, storage: UntypedStorage, dtype: dtypes.dtype) -> TypedStorage:
        """A storage of bytes seen as numbers, without a warning."""
        return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)

    @property
    def _base(self) -> Tensor:
        """The tensor that owns the memory."""
        return self._untyped_storage._base

    _cdata = property(lambda self: self._untyped_storage._cdata)
    device = property(_warns(lambda self: self._base.device))
    dtype = property(_warns(lambda self: self._dtype))
    is_cuda = property(_warns(lambda self: self._base.is_cuda))

    def _elements(self) -> Tensor:
        return elements_of(self._base, self._dtype)

    def _seen_as(self, dtype: dtypes.dtype | None) -> Tensor:
        """A tensor that sees this memory, for constructors."""
        if dtype is not None and dtype is not self._dtype:
            raise RuntimeError(f"Expected a Storage of type {dtypes.c_name(dtype)} or an UntypedStorage, but got type "
                               f"{dtypes.c_name(self._dtype)} for argument 1 'storage'")
        return self._elements().detach()

    def _new_wrapped_storage(self, untyped_storage: UntypedStorage) -> TypedStorage:
        return self._read(untyped_storage, self._dtype)

    def _nbytes(self) -> int:
        return self._base.nbytes

    def _element_size(self) -> int:
        return self._dtype.itemsize

    def _size(self) -> int:
        return self._base.nbytes // self._dtype.itemsize

    def _data_ptr(self) -> int:
        return self._base.data_ptr()

    def _is_shared(self) -> bool:
        return self._base.is_shared()

    def _pickle_storage_type(self) -> str:
        return legacy_name(self._dtype).removesuffix("Tensor") + "Storage"

    def _share_memory_(self) -> TypedStorage:
        self._untyped_storage.share_memory_()
        return self

    def _type(self) -> str:
        return f"torch.{'cuda.' if self._base.is_cuda else ''}{self._pickle_storage_type()}"

    def _typed(self, wanted: Any) -> TypedStorage:
        if isinstance(wanted, str):
            wanted = LEGACY_STORAGES.get(wanted.rpartition(".")[2], wanted)
        return self._to(wanted._dtype if isinstance(wanted, legacystorage) else wanted)

    def _resize_(self, size: int) -> None:
        self._untyped_storage.resize_(size * self._dtype.itemsize)

    def _clone(self) -> TypedStorage:
        return self._new_wrapped_storage(self._untyped_storage.clone())

    def _deepcopy(self, memo: dict) -> TypedStorage:
        return self._new_wrapped_storage(self._untyped_storage.__deepcopy__(memo))

    def _list(self) -> list:
        if self._base.is_meta:
            raise NotImplementedError(NOT_AVAILABLE)
        return self._elements()._numpy().tolist()

    def _to(self, dtype: Any) -> TypedStorage:
        if not isinstance(dtype, dtypes.dtype):
            raise TypeError(f"Argument 'dtype' must be torch.dtype, not {type(dtype)}")
        if dtype is self._dtype:
            return self._clone()
        return self._read(UntypedStorage(_of=self._elements().to(dtype).clone()), dtype)

    def _place(self, index: Any) -> int:
        count = self._size()
        if not isinstance(index, int):
            raise TypeError(f"can't index a {type(self)} with {type(index)}")
        if not -count <= index < count:
            raise IndexError(f"index {index} out of range for storage of size {count}")
        return index

    def _setitem(self, index: Any, value: Any) -> None:
        if not isinstance(index, (int, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        if isinstance(value, (TypedStorage, UntypedStorage)):
            raise RuntimeError(f"cannot set item with value type {type(value)}")
        self._elements()[index if isinstance(index, slice) else self._place(index)] = value

    def _getitem(self, index: Any) -> Any:
        if self._base.is_meta:
            raise NotImplementedError(NOT_AVAILABLE)
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        return self._elements()[self._place(index)].item()

    @_warns
    def fill_(self, value: Any) -> TypedStorage:
        """`value` in every place."""
        self._setitem(slice(None), value)
        return self

    @_warns
    def copy_(self, source: Any, non_blocking: bool | None = None) -> TypedStorage:
        """The bytes of another storage of as many bytes, whatever its dtype."""
        self._untyped_storage.copy_(source._untyped_storage if isinstance(source, TypedStorage) else source)
        return self

    @_warns
    def cuda(self, device: Any = None, non_blocking: bool = False) -> TypedStorage:
        """The same on the accelerator."""
        return self._new_wrapped_storage(self._untyped_storage.cuda(device))

    @_warns
    def cpu(self) -> TypedStorage:
        """The same on the CPU."""
        return self._new_wrapped_storage(self._untyped_storage.cpu())

    @_warns
    def to(self, *, device: Any, non_blocking: bool = False) -> TypedStorage:
        """The same on another device."""
        return self._new_wrapped_storage(self._untyped_storage.to(device=device))

    @_warns
    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of its class; with a class such as torch.IntStorage, its name or a dtype: the numbers in that dtype."""
        return self._type() if dtype is None else self._typed(dtype)

    @_warns
    def pin_memory(self, device: Any = "cuda") -> TypedStorage:
        """Itself: the host's memory is XLA's. TypeError where it is not on the CPU."""
        self._untyped_storage.pin_memory()
        return self

    @_warns
    def is_pinned(self, device: Any = "cuda") -> bool:
        """False: the host's memory is XLA's."""
        return False

    @_warns
    def __setitem__(self, index: Any, value: Any) -> None:
        self._setitem(index, value)

    @_warns
    def __iter__(self) -> Iterator:
        return iter(self._list())

    @_warns
    def __repr__(self) -> str:
        lines = "..." if self._base.is_meta else "\n".join(f" {v}" for v in self._list())
        return (f"{lines}\n[torch.storage.TypedStorage(dtype={self._dtype}, device={self._base.device}) of size {self._size()}]")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and other._base is self._base

    def __hash__(self) -> int:
        return hash(id(self._base))

    def __reduce__(self) -> tuple:
        return TypedStorage._read, (self._untyped_storage, self._dtype)

    @classmethod
    def from_buffer(cls, *args: Any, dtype: dtypes.dtype | None = None, **kwargs: Any) -> TypedStorage:
        """The numbers of a buffer, copied (buffer, byte_order, count=-1, offset=0)."""
        _warn_typed_storage_removal()
        return _buffered(dtypes.default.float if dtype is None else dtype, *args, **kwargs)

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, size: int = 0) -> TypedStorage:
        """Only for classes of one dtype, such as torch.FloatStorage."""
        raise RuntimeError("from_file can only be called on derived classes")


def _public(name: str, fn: Callable, doc: str) -> None:
    told = _warns(fn)
    told.__name__, told.__qualname__, told.__doc__ = name, f"TypedStorage.{name}", doc
    setattr(TypedStorage, name, told)


for _name, _fn, _doc in (
        ("size", TypedStorage._size, "How many elements there are."), ("__len__", TypedStorage._size, "How many elements."),
        ("nbytes", TypedStorage._nbytes, "How many bytes there are."),
        ("element_size", TypedStorage._element_size, "Bytes of one element."),
        ("data_ptr", TypedStorage._data_ptr, "The address of the first element."),
        ("is_shared", TypedStorage._is_shared, "Whether processes share the memory."),
        ("share_memory_", TypedStorage._share_memory_, "Itself: processes share nothing here."),
        ("get_device", lambda self: self._base.get_device(), "The index of the device, -1 on the CPU."),
        ("untyped", lambda self: self._untyped_storage, "The same as bytes."),
        ("resizable", lambda self: self._untyped_storage.resizable(), "Whether `resize_` can change its size."),
        ("resize_", TypedStorage._resize_, "Another number of elements; the first ones stay."),
        ("pickle_storage_type", TypedStorage._pickle_storage_type, "The name of the class of this dtype."),
        ("clone", TypedStorage._clone, "Memory of its own with the same elements."),
        ("__copy__", TypedStorage._clone, "Memory of its own with the same elements."),
        ("__deepcopy__", TypedStorage._deepcopy, "A copy; one for all tensors and storages of the same memory."),
        ("tolist", TypedStorage._list, "The elements as Python numbers."), ("__getitem__", TypedStorage._getitem, "One element."),
        ("__sizeof__", lambda self: object.__sizeof__(self) + self._nbytes(), "Bytes, those of the object included."),
        *((name, lambda self, d=d: self._to(d), f"The same numbers in {d}.") for name, d in CASTS.items())):
    _public(_name, _fn, _doc)


def _made(args: tuple, dtype: dtypes.dtype, device: Any) -> UntypedStorage:
    """Memory for what a constructor was given."""
    own = "cpu" if device is None else place(Device(device))
    if not args or not isinstance(args[0], Sequence):
        count = int(args[0]) if args else 0
        return UntypedStorage(count * dtype.itemsize, device=own)
    if isinstance(args[0], str):
        raise TypeError("new(): invalid data type 'str'")
    data = tensor(list(args[0]), dtype=dtype).reshape(-1)
    return UntypedStorage(_of=constant((data.numel(),), 0, dtype=dtype, device=META) if own == META else data.to(own), _own=True)


def _buffered(dtype: dtypes.dtype, buffer: Any, byte_order: str | None = None, count: int = -1, offset: int = 0) -> TypedStorage:
    return TypedStorage._read(UntypedStorage(_of=from_buffer(buffer, dtype, byte_order, count, offset)), dtype)


class legacystorage(type):
    """The class of torch.FloatStorage and its like: instances of them are the TypedStorages of their dtype and device."""
    _dtype: dtypes.dtype
    _cuda: bool

    @property
    def dtype(cls) -> dtypes.dtype:
        """The dtype of its elements."""
        _warn_typed_storage_removal()
        return cls._dtype

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, TypedStorage) and x._dtype is cls._dtype and x._base.is_cuda == cls._cuda

    def __call__(cls, *args: Any, wrap_storage: Any = None, dtype: Any = None, device: Any = None, _internal: bool = False) -> Any:
        if cls is _LegacyStorage:
            raise RuntimeError("Only child classes of _LegacyStorage can be instantiated")
        error = f"{cls}.__new__ {_FORMS.format(none=' * no arguments' + chr(10), more='', kind='')}"
        for name, given in (("device", device), ("dtype", dtype)):
            if given is not None:
                raise RuntimeError(f"{error}Keyword argument '{name}' cannot be specified")
        _check(args, wrap_storage, error)
        kind = "cuda" if cls._cuda else "cpu"
        if wrap_storage is not None and wrap_storage.device.type != kind:
            raise RuntimeError(f"{error}Device of 'wrap_storage' must be {kind}, but got {wrap_storage.device.type}")
        if cls._cuda and not cuda_is_available():
            raise AssertionError("Torch not compiled with CUDA enabled")
        made = _made(args, cls._dtype, kind) if wrap_storage is None else wrap_storage
        return TypedStorage(wrap_storage=made, dtype=cls._dtype, _internal=_internal)


class _LegacyStorage(TypedStorage, metaclass=legacystorage):
    """What torch.FloatStorage and its like have in common."""
    _cuda: bool

    @classmethod
    def from_buffer(cls, *args: Any, **kwargs: Any) -> TypedStorage:
        """The numbers of a buffer, copied (buffer, byte_order, count=-1, offset=0)."""
        _warn_typed_storage_removal()
        cls._only_cpu()
        for name in ("dtype", "device"):
            if name in kwargs:
                raise RuntimeError(f"from_buffer: '{name}' can only be specified in UntypedStorage.from_buffer and "
                                   "TypedStorage.from_buffer")
        return _buffered(cls._dtype, *args, **kwargs)

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, size: int = 0) -> TypedStorage:
        """The first `size` numbers of a file, copied."""
        _warn_typed_storage_removal()
        cls._only_cpu()
        return TypedStorage._read(UntypedStorage(_of=from_file(filename, shared, size, cls._dtype)), cls._dtype)

    @classmethod
    def _only_cpu(cls) -> None:
        if cls._cuda:
            raise RuntimeError("Not available for CUDA storage")


def _classes(cuda: bool = False) -> dict[str, legacystorage]:
    """The classes by name: of torch, or of torch.cuda."""
    module, found = "torch.cuda" if cuda else "torch", {}
    for d in dtypes.ALL:
        name = f"{legacy_name(d).removesuffix('Tensor')}Storage"
        if name in _NAMES:
            found[name] = legacystorage(name, (_LegacyStorage,), {
                "__module__": module, "__doc__": f"Storages of {d}.", "_dtype": d, "_cuda": cuda})
    return found


_NAMES = {f"{kind}Storage" for kind in ("Byte", "Char", "Short", "Int", "Long", "Bool", "Half", "BFloat16", "Float", "Double",
                                        "ComplexFloat", "ComplexDouble")}
LEGACY_STORAGES, CUDA_STORAGES = _classes(), _classes(cuda=True)


def _dtype_to_storage_type_map() -> dict[dtypes.dtype, str]:
    """The names of the classes by dtype."""
    return {cls._dtype: name for name, cls in LEGACY_STORAGES.items()}


def _of_bytes(self: UntypedStorage, dtype: Any) -> TypedStorage:
    return TypedStorage._read(self, dtypes.uint8)._to(dtype)


def _type_of_bytes(self: UntypedStorage, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Its name; with a class of storages or its name: a storage of these numbers."""
    if dtype is None:
        return "torch.storage.UntypedStorage"
    _warn_typed_storage_removal()
    return TypedStorage._read(self, dtypes.uint8)._typed(dtype)


def _cast(name: str, dtype: dtypes.dtype) -> None:
    def cast(self: UntypedStorage) -> TypedStorage:
        return _of_bytes(self, dtype)
    cast.__name__, cast.__qualname__, cast.__doc__ = name, f"UntypedStorage.{name}", f"A storage of {dtype} with these numbers."
    setattr(UntypedStorage, name, cast)


for _name, _dtype in CASTS.items():
    _cast(_name, _dtype)
UntypedStorage._to, UntypedStorage.type = _of_bytes, _type_of_bytes


def __getattr__(name: str) -> Any:
    """`torch.Storage`: the class of the default dtype."""
    if name == "Storage":
        return LEGACY_STORAGES[_dtype_to_storage_type_map()[dtypes.default.float]]
    raise AttributeError(f"module 'torch' has no attribute '{name}'", name=name)
