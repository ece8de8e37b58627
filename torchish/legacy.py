"""The old constructors: Tensor(3, 2), FloatTensor([1, 2]), x.new(...).

In: sizes, or data.  Out: tensors of one dtype, and classes such as torch.FloatTensor that tell tensors of it.
Source: https://docs.pytorch.org/docs/stable/tensors.html
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .convert import legacy_name
from .creation import constant, tensor
from .default_dtype import set_default_dtype
from .devices import cuda_is_available, is_meta, place, set_default_device
from .devices import device as Device
from .layouts import strided
from .tensor import Tensor
from .torch_function import DisableTorchFunction
from .warned import warn

__all__ = ["LEGACY", "set_default_tensor_type", "tensortype"]


def _sizes(args: tuple) -> tuple[int, ...]:
    found = []
    for k, n in enumerate(args):
        try:
            found.append(n.__index__())
        except (AttributeError, TypeError):
            raise TypeError(f"new(): argument 'size' failed to unpack the object at pos {k + 1} with error \"type must be "
                            f"tuple of "
                            f"ints,but got {type(n).__name__}\"") from None
    return tuple(found)


def _same(x: Tensor) -> Tensor:
    """A view of all of `x`."""
    with DisableTorchFunction():        # no call of the user's
        return x.detach() if x.is_sparse else x[...]


def construct(args: tuple, dtype: dtypes.dtype, device: str) -> Tensor:
    """What the old constructors make: of sizes (ints, one Size) a tensor of zeros, of data a copy, of a tensor the tensor."""
    if not args:
        return constant((0,), 0, dtype=dtype, device=device)
    first = args[0]
    if len(args) == 1 and isinstance(first, Tensor):
        return _same(first)
    if len(args) == 1 and hasattr(first, "_seen_as"):       # a storage
        return first._seen_as(dtype)
    if len(args) == 1 and (isinstance(first, (list, np.ndarray)) or type(first) is tuple):
        return tensor(first, dtype=dtype, device=device)
    if len(args) == 1 and isinstance(first, tuple):         # a Size
        return constant(tuple(first), 0, dtype=dtype, device=device)
    if len(args) == 1 and isinstance(first, str):
        raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
    if isinstance(first, (bool, float)) or not hasattr(first, "__index__"):
        if len(args) > 1:
            _sizes(args)
        if hasattr(first, "__len__"):
            return tensor(list(first), dtype=dtype, device=device)
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return constant(_sizes(args), 0, dtype=dtype, device=device)


def _own_place(device: Any, kind: str) -> str:
    """The device of an old constructor, which must be of the kind that its type has."""
    if device is None:
        return place(kind)
    given = Device(device)
    if given.type != kind:
        raise RuntimeError(f"legacy constructor expects device type: {kind} but device type: {given.type} was passed")
    return place(given)


def _options(dtype: dtypes.dtype, device: str) -> str:
    return (f"TensorOptions(dtype={dtypes.c_type(dtype)}, device={device}, layout=Strided, requires_grad=false (default), "
            "pinned_memory=false (default), memory_format=(nullopt))")


def _unlike(dtype: dtypes.dtype, device: str, x: Tensor) -> TypeError:
    """torch's error where an old constructor gets a tensor of another type."""
    return TypeError(f"expected {_options(dtype, device)} (got {_options(x.dtype, x.device.type)})")


class tensortype(type):
    """The class of torch.FloatTensor and its like: instances of them are the tensors of their dtype."""
    legacy_dtype: dtypes.dtype
    legacy_cuda: bool

    def __new__(mcs, dtype: dtypes.dtype, cuda: bool = False) -> tensortype:
        module = "torch.cuda" if cuda else "torch"
        cls = type.__new__(mcs, legacy_name(dtype), (), {"__module__": module, "__doc__": f"Tensors of torch.{dtype.name}."})
        cls.legacy_dtype, cls.legacy_cuda, cls.dtype = dtype, cuda, dtype
        return cls

    def __init__(cls, dtype: dtypes.dtype, cuda: bool = False) -> None:
        type.__init__(cls, cls.__name__, (), {})

    is_sparse, layout = False, strided
    is_cuda = property(lambda cls: cls.legacy_cuda)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.legacy_dtype and x.is_cuda == cls.legacy_cuda

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        if cls.legacy_cuda and not cuda_is_available():
            raise TypeError(f"type {cls.__module__}.{cls.__name__} not available. Torch not compiled with CUDA enabled.")
        if len(args) == 1 and isinstance(args[0], Tensor) and not isinstance(args[0], cls):
            raise _unlike(cls.legacy_dtype, "cuda" if cls.legacy_cuda else "cpu", args[0])
        return construct(args, cls.legacy_dtype, _own_place(device, "cuda" if cls.legacy_cuda else "cpu"))


LEGACY = {legacy_name(d): d for d in dtypes.ALL
          if d.name in ("float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")}


def set_default_tensor_type(t: Any, /) -> None:
    """Sets the default dtype (and device) to that of a class such as torch.DoubleTensor. Deprecated in torch."""
    warn("torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
         "torch.set_default_device() as alternatives.")
    cuda, dtype = False, None
    if isinstance(t, str):
        cuda, dtype = t.startswith("torch.cuda."), LEGACY.get(t.rpartition(".")[2])
    elif isinstance(t, tensortype):
        cuda, dtype = t.legacy_cuda, t.legacy_dtype
    if dtype is None or not dtype.is_floating_point:
        known = dtype is not None or isinstance(t, tensortype)
        raise TypeError(("" if known else "invalid type object: ") + "only floating-point types are supported as the default type")
    if cuda and not cuda_is_available():
        raise TypeError(f"type torch.cuda.{legacy_name(dtype)} not available. Torch not compiled with CUDA enabled.")
    set_default_dtype(dtype)
    set_default_device("cuda" if cuda else "cpu")


def new(self: Tensor, *args: Any, device: Any = None, data: Any = None, size: Any = None) -> Tensor:
    """A tensor of this one's dtype and device, made as the old constructors do: of sizes or of data."""
    if data is not None or size is not None:
        args = (data,) if data is not None else tuple(size)
    if len(args) == 1 and isinstance(args[0], Tensor):
        if device is not None:
            raise RuntimeError("Legacy tensor new of the form tensor.new(tensor, device=device) is not supported. Use "
                               "torch.tensor(...) instead.")
        if args[0].dtype is not self.dtype:
            raise _unlike(self.dtype, self.device.type, args[0])
        return _same(args[0])
    return construct(args, self.dtype, self._node.aval.device if device is None else _own_place(device, self.device.type))


def _new(cls: type, *args: Any, device: Any = None) -> Tensor:
    if device is not None and len(args) == 1 and isinstance(args[0], Tensor):
        raise RuntimeError("Legacy tensor constructor of the form torch.Tensor(tensor, device=device) is not supported. Use "
                           "torch.tensor(...) or torch.as_tensor(...) instead.")
    own = "cpu" if is_meta(None) else place(None)
    made = construct(args, dtypes.default.float, own if device is None else _own_place(device, Device(own).type))
    if len(args) == 1 and isinstance(args[0], Tensor):
        made.__class__ = cls
        return made
    return made if cls is Tensor else Tensor._make_subclass(cls, made)


Tensor.new, Tensor.__new__ = new, _new
globals().update({name: tensortype(d) for name, d in LEGACY.items()})
__all__ += list(LEGACY)
