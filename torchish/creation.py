"""Tensors from Python data, numpy arrays and JAX arrays.

In: numbers, nested lists, arrays.  Out: concrete tensors with torch's dtype for them.
Source: https://docs.pytorch.org/docs/stable/generated/torch.tensor.html
"""
from __future__ import annotations

from typing import Any

import jax
import numpy as np

from . import dtypes
from .avals import Aval, aval_of, contiguous_strides, require_countable
from .capsule import imported
from .devices import META, chosen, from_jax, place
from .errors import NO_DATA
from .from_python import SLOW, array_of, known_dtype
from .hooks import NoData
from .ops.create import filled as FULL
from .ops.create import filled_like as FULL_LIKE
from .ops.create import filled_new as FULL_NEW
from .recorder import record
from .scalar import converted
from .storage import bind, like
from .strides import asked, laid
from .tape import INFERENCE, state
from .tensor import Tensor, wrap
from .warned import warn, warn_once
from .xla import put

__all__ = ["array_aval", "as_tensor", "asarray", "concrete_pending", "constant", "constant_like", "constant_new", "from_array",
           "from_numpy", "settle", "tensor"]


READ_ONLY = ("The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can write "
             "to the underlying (supposedly non-writable) buffer using the tensor. You may want to copy the buffer to protect "
             "its data or make it writable before converting it to a tensor. This type of warning will be suppressed for the "
             "rest of this program.")


def array_aval(array: Any) -> Aval:
    """The abstract value of a jax array or tracer; of what stands for an array on the device meta, itself."""
    if array.__class__ is Aval:
        return array
    device = "cpu"
    if not isinstance(array, jax.core.Tracer) and isinstance(array, jax.Array):
        found = next(iter(array.devices()))
        device = "cpu" if found.platform == "cpu" else str(from_jax(found))
    return aval_of(tuple(array.shape), dtypes.from_numpy(array.dtype), device)


def from_array(array: Any, device: str = "cpu", strides: tuple[int, ...] | None = None) -> Tensor:
    """A concrete tensor with the values of a numpy array (copied) or jax array (kept), and its strides unless others are given."""
    if isinstance(array, jax.Array):
        return wrap(array)
    array = np.asarray(array)
    dtype = dtypes.from_numpy(array.dtype)
    if device == META:
        return constant(array.shape, 0, dtype=dtype, device=META, strides=strides or strides_of_array(array))
    data = put(np.array(array, order="C"), device)
    x = object.__new__(Tensor)
    x._data, x._node = data, aval_of(array.shape, dtype, device, strides or strides_of_array(array)).plain
    if state.tape.extra & INFERENCE:
        x._inference = True
    return x


def strides_of_array(array: np.ndarray) -> tuple[int, ...] | None:
    """The strides of a numpy array, in elements; None where a tensor cannot have them, or they are row-major."""
    if array.flags.c_contiguous or any(s < 0 or s % array.itemsize for s in array.strides):
        return None
    return tuple(s // array.itemsize for s in array.strides)


def _array(data: Any, dtype: dtypes.dtype | None) -> np.ndarray:
    """Python data as a numpy array of torch's inferred (or the given) dtype."""
    if type(data).__module__.startswith("jax"):
        data = np.asarray(data)
    elif hasattr(type(data), "__dlpack__") and not isinstance(data, (Tensor, np.ndarray)):
        data = np.asarray(imported(data))
    return array_of(data, dtype, Tensor, lambda x: x.item() if x.is_meta else x._numpy())


def tensor(data: Any, *, dtype: dtypes.dtype | None = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """A leaf tensor that copies `data`: a number, nested lists, a numpy or JAX array.

    Errors: ValueError for ragged lists, RuntimeError or TypeError for what is no number.
    """
    dtype = known_dtype("tensor", dtype)
    if not isinstance(requires_grad, (bool, np.bool_)):
        raise TypeError(f"tensor(): argument 'requires_grad' must be bool, not {type(requires_grad).__name__}")
    if isinstance(data, Tensor):
        warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
             "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).")
        out = data.detach().clone().to(device=chosen(device), dtype=dtype)
    elif hasattr(data, "_seen_as"):         # a storage, whose memory is seen
        return data._seen_as(dtype).to(device=chosen(device))._begun(requires_grad)
    else:
        if data.__class__ is list and data and isinstance(data[0], np.ndarray):
            warn_once(SLOW)
        out = from_array(_array(data, dtype), place(device))
    return out._begun(requires_grad)


def as_tensor(data: Any, dtype: dtypes.dtype | None = None, device: Any = None) -> Tensor:
    """`data` itself where it is a tensor of this dtype and device; else a tensor of its values."""
    dtype = known_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return data.to(device=chosen(device), dtype=dtype)
    if isinstance(data, jax.Array):
        return wrap(data).to(device=chosen(device), dtype=dtype)
    return from_array(_array(data, dtype), place(device))


def asarray(obj: Any, *, dtype: dtypes.dtype | None = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool | None = None) -> Tensor:
    """`obj` as a tensor."""
    if isinstance(obj, (memoryview, bytes, bytearray)):
        kind = dtype or dtypes.default.float
        if memoryview(obj).readonly:
            warn_once(READ_ONLY)
        obj = np.frombuffer(obj, kind.np)
    alias = isinstance(obj, (Tensor, np.ndarray, jax.Array)) or hasattr(obj, "__dlpack__")
    if copy is False and not alias:
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    out = as_tensor(obj, dtype, device)
    if copy is False:
        was = obj.dtype if isinstance(obj, Tensor) else dtypes.from_numpy(np.dtype(obj.dtype))
        if out.dtype is not was:
            raise ValueError(f"can't alias tensor with dtype '{dtypes.c_name(was)}' into dtype '{dtypes.c_name(out.dtype)}'.")
    out = out.clone() if copy and out is obj else out
    if requires_grad is None:
        if out.requires_grad:
            warn("torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of False.")
        return out
    if not requires_grad:
        return out.detach() if out.requires_grad else out
    return out if out.requires_grad else out._require_grad()


def _named(kind: type) -> str:
    """The name of a class as C code tells it: with its module where it is written in C (as torch.dtype is) and not built in."""
    written_in_python = kind.__flags__ & 1 << 9 and (kind.__module__ != "torch" or issubclass(kind, Tensor))
    return kind.__name__ if written_in_python or kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor with the values of a numpy array. Differs from torch: the memory is not shared."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {_named(type(ndarray))})")
    if any(s < 0 for s in ndarray.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with negative strides are not "
                         "currently supported. (You can probably work around this by making a copy of your array with "
                         "array.copy().)")
    if any(s % ndarray.itemsize for s in ndarray.strides if ndarray.itemsize):
        raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate "
                         "the memory.")
    if not ndarray.flags.writeable:
        warn_once("The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
                  "writing to this tensor will result in undefined behavior. You may want to copy the array to protect its "
                  "data or make it writable before converting it to a tensor. This type of warning will be suppressed for "
                  "the rest of this program.")
    return from_array(ndarray)


def constant(size: tuple[int, ...], value: Any, *, dtype: dtypes.dtype, device: str = "cpu",
             strides: tuple[int, ...] | None = None, memory_format: Any = None) -> Tensor:
    """A tensor full of `value` that costs nothing until it is read: by an entry (then it is one), or by the user."""
    if any(n < 0 for n in size):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(size)}: {list(size)}")
    require_countable(size, dtype.itemsize)
    kind = dtype.np         # refused here where it is only a name
    if value.__class__ is not bool and value != 0 and value != 1:
        converted(value, kind)      # refused here, not where the tensor is read
    if memory_format is not None:
        strides = asked(size, contiguous_strides(tuple(size)), memory_format)
    x = object.__new__(Tensor)
    x._node, x._pending = aval_of(tuple(size), dtype, device, strides).plain, (value,)
    if state.tape.extra & INFERENCE:
        x._inference = True
    if state.tape.nested is not None and device == "cpu":   # it is that function's own, which may write into it
        own = record(FULL, (tuple(size), value, dtype))
        return own if strides is None else like(own, x._node.aval)
    return x


def constant_like(x: Tensor, value: Any, *, dtype: dtypes.dtype | None = None, device: Any = None,
                  memory_format: Any = None) -> Tensor:
    """A constant with the shape, memory format and, unless another is given, device of `x`."""
    aval = x._node.aval
    if _mapped(x):
        return record(FULL_LIKE, (x, value, dtype))
    strides = None if aval.strides is None and memory_format is None else asked(*laid(aval), memory_format)
    where = aval.device if device is None else place(device)
    return constant(aval.shape, value, dtype=dtype or aval.dtype, device=where, strides=strides)


def constant_new(x: Tensor, size: tuple[int, ...], value: Any, *, dtype: dtypes.dtype) -> Tensor:
    """A constant that `x` is asked for (`new_zeros` and the like): under vmap one for each member where `x` is."""
    return record(FULL_NEW, (x, tuple(size), value, dtype)) if _mapped(x) else constant(size, value, dtype=dtype)


def _mapped(x: Tensor) -> bool:
    """Whether `x` differs between the members of the batch of vmap: so does what is made like it, and may be written with such."""
    nested = state.tape.nested
    return nested is not None and nested.batch is not None and nested.is_marked(x)


def concrete_pending(x: Tensor) -> Any:
    """The array of a constant that the user looks at."""
    aval, (value,) = x._node.aval, x._pending
    if aval.device == META:
        raise NotImplementedError(NO_DATA)
    x._data = put(np.full(aval.shape, converted(value, aval.dtype.np)), aval.device)
    x._pending = None
    return x._data


def settle(x: Tensor) -> None:
    """A constant is read by an entry: it becomes an entry itself, or a value where it is a leaf or a custom function's result."""
    if x._node.aval.device == META:
        raise NoData
    if x._leaf or x._node.rg or x._node.aval.device != "cpu":
        concrete_pending(x)
        return
    aval, (value,) = x._node.aval, x._pending
    x._pending = None
    full = record(FULL, (tuple(aval.shape), value, aval.dtype))
    bind(x, full if aval.strides is None else like(full, aval))


def finish_new(x: Tensor, out: Any, device: Any, requires_grad: bool) -> Tensor:
    """What every factory does with a new tensor: moves it, writes it into `out`, makes it a leaf. None: it stays where it is."""
    if device is not None:
        x = x.to(device=device)
    if out is not None:
        x = out._store(x, warn=False)
    return x._require_grad() if requires_grad else x
