"""Storages as bytes: torch.UntypedStorage.

In: the tensor that owns the memory; a number of bytes; their values; a buffer or a file.  Out: a window on the bytes, through which
they are read and written.
Differs from torch: XLA owns the memory; addresses are those of the moment, and nothing is shared with other processes or files.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .creation import constant, from_array
from .devices import META, place
from .devices import device as Device
from .dtypes import uint8
from .modes import no_grad
from .ops.strided import memory_of
from .recorder import hooks
from .storage import storage_of, take_along
from .tensor import Tensor

__all__ = ["CASTS", "NOT_AVAILABLE", "StorageBase", "UntypedStorage", "elements_of", "from_buffer", "from_file", "resized"]

NOT_AVAILABLE = "Not available for 'meta' device type"
CASTS = {"double": dtypes.float64, "float": dtypes.float32, "half": dtypes.float16, "long": dtypes.int64, "int": dtypes.int32,
         "short": dtypes.int16, "char": dtypes.int8, "byte": uint8, "bool": dtypes.bool_, "bfloat16": dtypes.bfloat16,
         "complex_double": dtypes.complex128, "complex_float": dtypes.complex64,
         **{d.name: d for d in dtypes.FLOAT8 if d.name != "float8_e8m0fnu"}}


def elements_of(base: Tensor, dtype: dtypes.dtype) -> Tensor:
    """The memory of `base` as elements of `dtype`, 1-D; what is written into it is written into the memory."""
    flat = memory_of(base, True)
    if flat.dtype is not dtype and dtype.itemsize and flat.nbytes % dtype.itemsize:
        flat = flat.view(uint8)[:flat.nbytes // dtype.itemsize * dtype.itemsize]
    return flat if flat.dtype is dtype else flat.view(dtype)


def resized(base: Tensor, count: int, own: bool) -> Tensor:
    """The owner of `count` bytes that begin with those of `base`; `base` sees as many of them as it did, or all where `own`."""
    flat = elements_of(base, uint8)
    kept = flat[:count].clone()
    more = constant((max(count - flat.numel(), 0),), 0, dtype=uint8, device=base._node.aval.device)
    grown = hooks.public["cat"]([kept, more])
    if base.nbytes <= count and not base.requires_grad:
        with no_grad():
            take_along(base, grown[:count // base.itemsize * base.itemsize].view(base.dtype).as_strided(base.shape, base.stride()))
    elif own:
        base.set_(grown[:count // base.itemsize * base.itemsize].view(base.dtype))
    else:
        raise RuntimeError(f"Trying to resize storage that is not resizable: a tensor sees {base.nbytes} bytes of it")
    return storage_of(base)


def from_buffer(buffer: Any, dtype: dtypes.dtype, byte_order: str | None, count: int, offset: int) -> Tensor:
    """A tensor of its own with the numbers of a buffer: all from byte `offset` on, or `count` of them."""
    width, data = dtype.itemsize, np.frombuffer(buffer, np.uint8) if len(memoryview(buffer)) else np.zeros(0, np.uint8)
    if byte_order is None:
        if width > 1:
            raise RuntimeError("function missing required argument 'byte_order' (pos 2)")
        byte_order = "native"
    if byte_order not in ("big", "little", "native"):
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    if not 0 <= offset <= len(data):
        raise ValueError(f"offset must be non-negative and no greater than buffer length ({len(data)}) , but got {offset}")
    left = len(data) - offset
    if count < 0:
        if left % width:
            raise ValueError(f"buffer size ({left}) must be a multiple of element size ({width})")
        count = left // width
    elif count * width > left:
        raise ValueError(f"buffer has only {left // width} elements after offset {offset}, but specified a size of {count}")
    data = data[offset:offset + count * width]
    if dtype is dtypes.bool_:
        return from_array(data != 0)
    if byte_order not in ("native", sys.byteorder):
        width //= 2 if dtype.is_complex else 1
        data = data.reshape(-1, width)[:, ::-1].reshape(-1)
    return from_array(np.ascontiguousarray(data).view(dtype.np))


def from_file(filename: Any, shared: bool, count: int, dtype: dtypes.dtype) -> Tensor:
    """A tensor with `count` numbers of a file."""
    if shared:
        raise RuntimeError("from_file: shared=True is not possible, arrays of XLA do not lie in files")
    return from_array(np.fromfile(filename, dtype.np, count))


class StorageBase:
    """What storages have in common: classes of users' own may be derived from it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is StorageBase:
            raise RuntimeError("Cannot directly construct StorageBase; subclass it and then construct that")
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Whatever a class of a user's own is given is its business."""


class UntypedStorage(StorageBase):
    """Bytes: those of the tensor that owns the memory, or memory of its own, made of a number of bytes or of their values.

    RuntimeError for sequences of other things than ints, and for what is no sequence.
    Source: https://docs.pytorch.org/docs/stable/storage.html
    """

    def __init__(self, base: Tensor | int | Sequence[int] = 0, /, *, device: Any = None, _of: Tensor | None = None,
                 _own: bool = False) -> None:
        self._own = _own or _of is None         # nobody knows the shape of the tensor behind it
        self._owner = _made(base, "cpu" if device is None else place(Device(device))) if _of is None else _of

    # the tensor may have become a view of other memory since
    _base = property(lambda self: storage_of(self._owner))
    device = property(lambda self: self._base.device)
    is_cuda = property(lambda self: self._base.is_cuda)
    is_sparse = is_sparse_csr = is_hpu = False
    filename = None

    @property
    def _cdata(self) -> int:
        """A number that tells storages apart."""
        return id(self._base)

    def _bytes(self) -> Tensor:
        return elements_of(self._base, uint8)

    def _seen_as(self, dtype: dtypes.dtype | None) -> Tensor:
        """A tensor that sees this memory, for constructors."""
        return elements_of(self._base, dtypes.int64 if dtype is None else dtype).detach()

    def fill_(self, value: int) -> UntypedStorage:
        """`value` in every byte."""
        self._bytes().fill_(value)
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool = False) -> UntypedStorage:
        """The bytes of another storage of this size written into this one."""
        if source._base.is_meta and not self._base.is_meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        if source.nbytes() != self.nbytes():
            raise RuntimeError(f"size does not match, self was {self.nbytes()} bytes but src was {source.nbytes()} bytes")
        self._bytes().copy_(source._bytes())
        return self

    def clone(self) -> UntypedStorage:
        """Memory of its own with the same bytes."""
        return UntypedStorage(_of=memory_of(self._base, True).clone())

    __copy__ = clone

    def __deepcopy__(self, memo: dict) -> UntypedStorage:
        """A copy; one for all tensors and storages of the same memory in what is copied."""
        base = self._base
        if ("storage", id(base)) not in memo:
            memo["storage", id(base)] = base._anew(Tensor, False)
        return UntypedStorage(_of=memo["storage", id(base)])

    def __reduce__(self) -> tuple:
        return _of_tensor, (self._base,)

    def _index(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} out of range for storage of size {len(self)}")
        return index

    def __setitem__(self, index: Any, value: Any) -> None:
        self._bytes()[index if isinstance(index, slice) else self._index(index)] = value

    def __getitem__(self, index: Any) -> Any:
        if self._base.is_meta:
            raise NotImplementedError(NOT_AVAILABLE)
        if isinstance(index, slice):
            return UntypedStorage(_of=self._bytes()[index].clone())
        if not hasattr(index, "__index__"):
            raise TypeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
        return self.tolist()[self._index(index)]

    def __repr__(self) -> str:
        lines = "..." if self._base.is_meta else "\n".join(f" {v}" for v in self.tolist())
        return f"{lines}\n[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"

    def nbytes(self) -> int:
        """How many bytes there are."""
        return self._base.nbytes

    size = __len__ = nbytes

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def new(self) -> UntypedStorage:
        """An empty one on the same device."""
        return UntypedStorage(device=self.device)

    def data_ptr(self) -> int:
        """The address of the first byte: equal for tensors that share storage."""
        return self._base.data_ptr()

    def element_size(self) -> int:
        """1."""
        return 1

    def get_device(self) -> int:
        """The index of the device, -1 on the CPU."""
        return self._base.get_device()

    def resizable(self) -> bool:
        """True: `resize_` can change its size."""
        return True

    def resize_(self, size: int) -> UntypedStorage:
        """Another number of bytes; the first ones stay.

        Differs from torch: memory that tensors see cannot become smaller than the tensor that it was made for.
        """
        if size != self.nbytes():
            self._owner = resized(self._base, size, self._own)
        return self

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def byteswap(self, dtype: dtypes.dtype) -> None:
        """The bytes of each number of `dtype` in the other order (of both parts of complex ones)."""
        width = dtype.itemsize // (2 if dtype.is_complex else 1)
        if self.nbytes() % width:
            raise RuntimeError(f"the length of data is not a multiple of {width}")
        data = self._bytes()
        data.copy_(data.clone().reshape(-1, width).flip(1).reshape(-1))

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str | None = None, count: int = -1, offset: int = 0,
                    dtype: dtypes.dtype = uint8) -> UntypedStorage:
        """The bytes of a buffer, copied; `byte_order` ("big", "little", "native") is that of its numbers of `dtype`."""
        return cls(_of=from_buffer(buffer, dtype, byte_order, count, offset))

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first `nbytes` bytes of a file, copied."""
        return cls(_of=from_file(filename, shared, nbytes, uint8))

    def to(self, *, device: Any, non_blocking: bool = False) -> UntypedStorage:
        """The same on another device."""
        return self if Device(device) == self.device else UntypedStorage(_of=memory_of(self._base, True).to(device))

    def cpu(self) -> UntypedStorage:
        """The same on the CPU."""
        if self._base.is_meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        return self.to(device="cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> UntypedStorage:
        """The same on the accelerator."""
        return UntypedStorage(_of=memory_of(self._base, True).cuda(device))

    def is_pinned(self, device: Any = "cuda") -> bool:
        """False: the host's memory is XLA's."""
        return False

    def pin_memory(self, device: Any = "cuda") -> UntypedStorage:
        """Itself: the host's memory is XLA's. TypeError where it is not on the CPU."""
        if self.device.type != "cpu":
            raise TypeError("cannot pin 'torch.storage.UntypedStorage' only CPU memory can be pinned")
        return self

    def share_memory_(self) -> UntypedStorage:
        """Itself: processes share nothing here. RuntimeError for memory without data."""
        if self._base.is_meta:
            raise RuntimeError("_share_fd_: only available on CPU")
        return self

    def is_shared(self) -> bool:
        """Whether processes share the memory: never on the CPU; always, as torch says, on the accelerator."""
        return self._base.is_shared()

    def tolist(self) -> list[int]:
        """The bytes."""
        if self._base.is_meta:
            raise NotImplementedError(NOT_AVAILABLE)
        return np.frombuffer(memory_of(self._base, True)._numpy().tobytes(), np.uint8).tolist()

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._base is self._base

    def __hash__(self) -> int:
        return hash(id(self._base))


def _made(given: Any, device: str) -> Tensor:
    """Memory for what the constructor was given."""
    if isinstance(given, int) and not isinstance(given, bool):
        if given < 0:
            raise RuntimeError(f"UntypedStorage: size must not be negative, got {given}")
        return constant((given,), 0, dtype=uint8, device=device)
    kind = type(given).__name__
    if isinstance(given, (Tensor, bool)) or not hasattr(given, "__len__") or not hasattr(given, "__getitem__"):
        raise RuntimeError(f"torch.UntypedStorage(): Expected a sequence type, but got {kind}")
    for item in given:
        if not isinstance(item, (int, np.integer)):
            raise RuntimeError(f"torch.UntypedStorage(): tried to construct a storage from a sequence ({kind}), but one of the "
                               f"items was of type {type(item).__name__} instead of int")
    data = np.asarray(list(given), np.int64).astype(np.uint8)
    return constant(data.shape, 0, dtype=uint8, device=META) if device == META else from_array(data, device)


def _of_tensor(base: Tensor) -> UntypedStorage:
    """The storage of a tensor, as pickle asks for it."""
    return UntypedStorage(_of=storage_of(base))
