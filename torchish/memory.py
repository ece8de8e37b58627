"""What torch says of a tensor's memory, as far as there is something to say: sizes that change, Python loops.

In: tensors.  Out: tensors that take over another value, size or place.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import layouts
from .avals import contiguous_strides, require_countable
from .creation import constant, from_array
from .draws import sizes_given
from .dtypes import c_name, c_type
from .inference import is_inference
from .layouts import contiguous_format, preserve_format
from .modes import no_grad
from .ops.strided import memory_of
from .recorder import hooks
from .settings import unfilled
from .storage import assign, counted, is_seen, leave, move_out, rebind, storage_of, storage_owner, take_along, version_of
from .strides import asked, suggested
from .tape import state
from .tensor import Tensor
from .typed_storage import CUDA_STORAGES, LEGACY_STORAGES, TypedStorage, _warn_typed_storage_removal
from .untyped_storage import UntypedStorage, elements_of

__all__ = ["become"]


def storage(self: Tensor) -> TypedStorage:
    """The elements of the tensor that owns the memory."""
    _warn_typed_storage_removal()
    return _typed_storage(self)


def _typed_storage(self: Tensor) -> TypedStorage:
    return TypedStorage._read(untyped_storage(self), self.dtype)


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The bytes of the tensor that owns the memory."""
    return UntypedStorage(_of=storage_of(self))


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both see the same elements in the same order."""
    return storage_of(self) is storage_of(tensor) and self.shape == tensor.shape and self.stride() == tensor.stride()


def resize_(self: Tensor, *args: Any, size: Any = None, memory_format: Any = None) -> Tensor:
    """Another shape in place, over the same memory, which grows (filled with 0) where it is too small.

    Differs from torch: where the memory is that of a tensor which requires grad, that one keeps what it has.
    """
    shape = sizes_given("resize_", args, {} if size is None else {"size": size})
    if memory_format is preserve_format:
        raise RuntimeError("Unsupported memory formatPreserve")
    if (self._leaf or self.requires_grad) and not is_inference(self):
        raise RuntimeError("cannot resize variables that require grad")
    if shape == tuple(self.shape) and memory_format is None:
        return self
    count = math.prod(shape)
    if count >= 2 ** 63 or min(shape, default=0) < 0:
        raise RuntimeError("numel: integer multiplication overflow")
    require_countable(shape, self.itemsize)
    rows = contiguous_strides(shape)
    strides = asked(shape, rows, memory_format or contiguous_format) or rows
    memory = memory_of(self, True)
    missing = self.storage_offset() + count - memory.numel() * memory.itemsize // self.itemsize
    owner, is_part = storage_of(self), self._is_view()
    if missing > 0 and (owner is self and not is_seen(self) or owner.requires_grad):
        return _grow_alone(self, memory, missing, shape, strides)
    if missing > 0:
        _grow(owner, memory, -(-missing * self.itemsize // owner.itemsize))
    seen = self.as_strided(shape, strides)
    return counted(become(self, seen if is_part else seen.detach()))


def _grow_alone(x: Tensor, memory: Tensor, missing: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    """`x` sees new memory, which begins with what `memory` holds and is longer by `missing` elements of `x`."""
    flat = memory if memory.dtype is x.dtype else memory.view(x.dtype)
    more = constant((missing,), unfilled(x.dtype), dtype=x.dtype, device=x._node.aval.device)
    grown = hooks.public["cat"]([flat.detach(), more])
    if x._view is None and shape and strides == contiguous_strides(shape):
        return _take(x, grown.reshape(shape).clone())
    seen = grown.as_strided(shape, strides, x.storage_offset()).detach()
    storage_owner(seen)._version_count = version_of(x)
    return counted(become(x, seen))


def _grow(owner: Tensor, memory: Tensor, missing: int) -> None:
    """The memory of `owner` becomes longer by `missing` elements, for all that see it."""
    more = constant((missing,), unfilled(owner.dtype), dtype=owner.dtype, device=owner._node.aval.device)
    with no_grad():
        grown = hooks.public["cat"]([memory, more])
        grown._version_count = version_of(owner)
        take_along(owner, grown.as_strided(owner.shape, owner.stride()))


def become(x: Tensor, seen: Tensor) -> Tensor:
    """`x` sees from now on what `seen` sees; a tensor that owns its storage becomes a view of another."""
    if seen._view is not None and storage_owner(seen) is x:
        move_out(x)
        storage_owner(seen)
    else:
        leave(x)
    rebind(x, seen)
    x._view = seen._view
    return x


def _take(x: Tensor, value: Tensor) -> Tensor:
    leave(x)
    rebind(x, value)
    return x


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """resize_ to the shape of another tensor."""
    if memory_format is preserve_format:
        memory_format = getattr(layouts, suggested(the_template.shape, the_template.stride()))
    return resize_(self, *the_template.shape, memory_format=memory_format)


def set_(self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Tensor:
    """Makes this tensor see the memory of `source` (a tensor or storage), or nothing.

    Differs from torch: only whole tensors and contiguous pieces of storages.
    """
    if self._leaf and state.tape.grad:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if source is None:
        return _take(self, constant((0,), 0, dtype=self.dtype, device=self._node.aval.device))
    if isinstance(source, TypedStorage) and source._dtype is not self.dtype:
        raise RuntimeError(f"Expected a Storage of type {c_type(self.dtype)} or an UntypedStorage, but got type "
                           f"{c_name(source._dtype)} for argument 1 'storage'")
    base = elements_of(source._base, self.dtype) if isinstance(source, (TypedStorage, UntypedStorage)) else source
    if base.dtype is not self.dtype:
        raise RuntimeError(f"Could not set tensor of type {c_type(base.dtype)} to a tensor of type {c_type(self.dtype)}")
    if size is not None:
        shape = tuple(size) if not isinstance(size, int) else (size,)
        base = base.as_strided(shape, tuple(stride) if stride else contiguous_strides(shape), storage_offset)
    return become(self, base.detach())


def _put_found(x: Tensor, before: np.ndarray, found: list) -> Tensor:
    """Writes what a function of each element gave."""
    complex_ = before.dtype.kind == "c"
    for v in found:
        if not isinstance(v, (bool, int, float, Tensor, np.generic)) and not (complex_ and isinstance(v, complex)):
            raise TypeError(f"must be real number, not {type(v).__name__}")
    values = [v.item() if isinstance(v, Tensor) else v for v in found]
    return assign(x, from_array(np.asarray(values).astype(before.dtype).reshape(before.shape)))


def apply_(self: Tensor, callable: Callable[[Any], Any], /) -> Tensor:
    """Each element replaced by `callable(element)`, in Python; CPU tensors only."""
    if self.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    if self.is_cuda:
        raise TypeError("apply_ is only implemented on CPU tensors")
    if self.is_meta:
        return self
    array = self._numpy()
    return _put_found(self, array, [callable(v) for v in array.reshape(-1).tolist()])


def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Each element replaced by `callable(element, element of other)`, in Python; CPU tensors only."""
    if self.requires_grad or other.requires_grad:
        raise RuntimeError("Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.")
    if self.is_meta:
        return self
    a, b = self._numpy(), other.expand(self.shape)._numpy()
    return _put_found(self, a, [callable(u, v) for u, v in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True)])


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any], /) -> Tensor:
    """Each element replaced by `callable(element, element of x, element of y)`, in Python; CPU tensors only."""
    if self.requires_grad or x.requires_grad or y.requires_grad:
        raise RuntimeError("Can't call map2_() on Variable that requires grad. Use var.detach().map2_() instead.")
    own = self._numpy()
    rows = [t.reshape(-1).tolist() for t in (own, x.expand(self.shape)._numpy(), y.expand(self.shape)._numpy())]
    return _put_found(self, own, [callable(*elements) for elements in zip(*rows, strict=True)])


def get_device(self: Tensor) -> int:
    """The index of the accelerator, -1 on the CPU."""
    return -1 if not self.is_cuda else self.device.index or 0


def is_shared(self: Tensor) -> bool:
    """Whether processes share the memory: never on the CPU; always, as torch says, on the accelerator."""
    return self.is_cuda


def record_stream(self: Tensor, s: Any) -> None:
    """Nothing: XLA orders the work of the accelerator itself."""


def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost to the innermost in memory.

    ambiguity_check: True refuses tensors of which more than one order could be told; a list of memory formats decides where the
    tensor lies in exactly one of them.
    """
    strides, formats = self.stride(), [] if isinstance(ambiguity_check, bool) else ambiguity_check
    if not isinstance(formats, list) or not all(isinstance(f, layouts.memory_format) for f in formats):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    if ambiguity_check and any(n > 1 and s == 0 for n, s in zip(self.shape, strides, strict=True)):
        raise RuntimeError("The tensor does not have unique dim order.")
    several = self.numel() > 0 and (1 in self.shape or len(set(strides)) < self.dim())
    if ambiguity_check is not False and several and sum(self.is_contiguous(memory_format=f) for f in formats) != 1:
        raise RuntimeError("The tensor does not have unique dim order, or cannot map to exact one of the given memory formats.")
    return tuple(sorted(range(self.dim()), key=lambda d: (-strides[d], d)))


def storage_type(self: Tensor) -> type:
    """The old class of its storage, such as torch.FloatStorage."""
    _warn_typed_storage_removal()
    return (CUDA_STORAGES if self.is_cuda else LEGACY_STORAGES)[_typed_storage(self)._pickle_storage_type()]


for _fn in (storage, _typed_storage, untyped_storage, is_set_to, resize_, resize_as_, set_, apply_, map_, map2_, get_device,
            is_shared, record_stream, dim_order, storage_type):
    _fn.__qualname__ = f"Tensor.{_fn.__name__}"
    setattr(Tensor, _fn.__name__, _fn)
