"""Values handed out and taken in: numbers, lists, numpy, JAX, dlpack, printing, copying, pickling, iteration.

In: a tensor.  Out: its value in another form.  Observing a value ends the tape it lives on.
"""
from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import jax
import numpy as np

from . import dtypes
from .capsule import DLDeviceType, exported
from .errors import NO_ITEM
from .grad_fn import grad_fn_of
from .ops.parts import view_bits
from .printing import format_meta, format_tensor
from .recorder import hooks
from .sharing import storage_of, storage_owner
from .storage import byte_offset, refresh
from .tape import state
from .warned import warn_once

__all__ = ["Exchange"]


class Exchange:
    """The part of Tensor that gives values out."""

    def _array(self) -> jax.Array:
        """The jax.Array of this tensor, computed now if it is lazy."""
        if self._view is not None:
            refresh(self)
        data = self._data
        if data is None:
            if self._pending is not None:
                return hooks.concrete_pending(self)
            data = hooks.concrete(self)
        return data

    def _numpy(self) -> np.ndarray:
        return np.asarray(self._array())

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._node.aval.numel != 1:
            raise RuntimeError(f"a Tensor with {self._node.aval.numel} elements cannot be converted to Scalar")
        if self.is_meta:
            raise RuntimeError(NO_ITEM)
        value = self._array()
        return np.asarray(value).reshape(()).item() if not isinstance(value, jax.core.Tracer) else value.reshape(()).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        self._with_storage()
        array = self._numpy()
        return (array.astype(np.float32) if array.dtype.kind not in "biufc" else array).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The elements as a numpy array (a copy: later writes to either are not seen by the other)."""
        if self.is_meta and not force:
            raise TypeError("can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                            "first.")
        level = state.tape.nested
        if self.requires_grad and not force and state.tape.grad and not (level is not None and level.plain):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.dtype is dtypes.bfloat16 or self.dtype in dtypes.FLOAT8:
            raise TypeError(f"Got unsupported ScalarType {dtypes.c_name(self.dtype)}")
        if self._view is not None and not force:
            for bit, name in zip(view_bits(self), ("conj", "neg"), strict=True):
                if bit:
                    raise RuntimeError(f"Can't call numpy() on Tensor that has {'conjugate' if name == 'conj' else 'negative'} bit "
                                       f"set. Use tensor.resolve_{name}().numpy() instead.")
        self._with_storage()
        return self._laid_out(self._array())

    def _laid_out(self, array: Any) -> np.ndarray:
        """A copy that lies in memory as this tensor is said to."""
        strides = self._node.aval.strides
        if strides is None:
            return np.array(array)
        order = sorted(range(array.ndim), key=lambda d: (-strides[d], d))
        return np.array(np.asarray(array).transpose(order), order="C").transpose(np.argsort(order))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __jax_array__(self) -> jax.Array:
        return self._array()

    def _refuse_export(self) -> None:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if view_bits(self)[0]:
            raise BufferError("Can't export tensors with the conjugate bit set")
        if self.is_meta:
            raise BufferError("Cannot pack tensors on meta")

    def __dlpack__(self, *, stream: Any = -1, max_version: tuple[int, int] | None = None, dl_device: Any = None,
                   copy: bool | None = None) -> Any:
        """A capsule of the values: a copy on the CPU."""
        self._refuse_export()
        return exported(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple:
        if self.is_meta:
            raise ValueError("Unknown device type meta for Dlpack")
        kind, index = self._array().__dlpack_device__()
        return DLDeviceType(kind), index

    @property
    def _cdata(self) -> int:
        """What tells this tensor object from others, as libraries compare it."""
        return id(self)

    def data_ptr(self) -> int:
        """The address of the first element: that of the storage, and for a view how far it lies behind. 0 on meta."""
        if self.is_meta:
            return 0
        self._with_storage()
        return storage_of(self)._array().unsafe_buffer_pointer() + byte_offset(self) if self._node.aval.numel else 0

    def _with_storage(self) -> None:
        """torch's error for a tensor of vmap, which has no memory of its own."""
        nested = self._inside()
        if nested is not None and nested.batch is not None and not nested.closed and nested.is_marked(self):
            raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def _inside(self) -> Any:
        """The run of a function that is to compute this tensor (nested.py); None for an ordinary one."""
        tape = self._tape if self._tape is not None else self._home
        return tape.nested if tape is not None and self._data is None else None

    def __bool__(self) -> bool:
        nested = self._inside()
        if nested is not None:
            nested.choose(self)
        if self._node.aval.numel != 1:
            if self._node.aval.numel == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def _number(self) -> Any:
        if self._node.aval.numel != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __int__(self) -> int:
        return int(self._real("int64_t"))

    def __float__(self) -> float:
        self._warn_of_grad()
        return float(self._real("double"))

    def _warn_of_grad(self) -> None:
        """torch's warning, once, where a number is made of what has a gradient."""
        if self.requires_grad and state.tape.grad:
            warn_once("Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
                      "Consider using tensor.detach() first.")

    def _real(self, wanted: str) -> Any:
        number = self._number()
        if isinstance(number, complex):
            if number.imag:
                raise RuntimeError(f"value cannot be converted to type {wanted} without overflow")
            return number.real
        return number

    def __complex__(self) -> complex:
        self._warn_of_grad()
        return complex(self._number())

    def __index__(self) -> int:
        if self._node.aval.dtype.category > dtypes.INTEGER or self._node.aval.numel != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        shape = self._node.aval.shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    def __iter__(self) -> Iterator:
        if not self._node.aval.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        if isinstance(element, (hooks.tensor, bool, int, float, complex)):
            return bool((self == element).any())
        raise RuntimeError("Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
                           f"{type(element)}.")

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        nested = self._inside()
        if nested is not None:
            return nested.show(self)
        return self._shown(self)

    def _shown(self, of: Any) -> str:
        """How `of` is printed, whose value this is."""
        meta = self.is_meta
        array = None if meta else self._array()     # first: a grad_fn would keep the step's inputs alive while it runs
        requires_grad, name = of.requires_grad, None
        if requires_grad and not of._leaf:
            try:
                fn = grad_fn_of(of)
                name = type(fn).__name__ if fn is not None else None
            except RuntimeError:        # what it is a view of has been overwritten
                name = "Invalid"
        device, cls = self._node.aval.device, type(of)
        own = cls is hooks.tensor or cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        write = partial(format_meta, tuple(self.shape)) if meta else partial(format_tensor, array)
        text = write(self.dtype, requires_grad=requires_grad, grad_fn_name=name,
                     device=None if device == "cpu" else device, kind="tensor" if own else cls.__name__)
        return f"Parameter({text})" if of.__dict__.get("_is_param") else text

    def __format__(self, spec: str) -> str:
        number = not self._node.aval.shape and type(self) is hooks.tensor and not self.is_meta
        return self.item().__format__(spec) if number else object.__format__(self, spec)

    def __copy__(self) -> Any:
        """A leaf of the same class, memory and attributes."""
        seen, cls = self.detach(), type(self)
        plain = cls is hooks.tensor or self.is_sparse
        found = seen._require_grad(self.requires_grad) if plain else cls._make_subclass(cls, seen, self.requires_grad)
        for name, value in self.__dict__.items():
            setattr(found, name, value)
        return found

    def __deepcopy__(self, memo: dict) -> Any:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                               "moment.  If you were attempting to deepcopy a module, this may be because of a "
                               "torch.nn.utils.weight_norm "
                               "usage, see https://github.com/pytorch/pytorch/pull/103001")
        found = memo.get(id(self))
        if found is None:
            base = self if self._view is None else storage_owner(self)
            shared = (base is not self or self._shared is not None or ("storage", id(base)) in memo) and not base._leaf
            if shared and ("storage", id(base)) not in memo:
                memo["storage", id(base)] = base._anew(hooks.tensor, False)
            if shared:
                found = self._seen_in(memo["storage", id(base)]) if base is not self else memo["storage", id(base)]
                found = found if type(self) is hooks.tensor else type(self)._make_subclass(type(self), found, self._leaf)
            else:
                found = self._anew(type(self), self._leaf)
                if base is self:        # for its storage
                    memo.setdefault(("storage", id(self)), found)
            memo[id(self)] = found
            for name, value in self.__dict__.items():
                setattr(found, name, deepcopy(value, memo))
            if self._grad is not None:
                found._grad = self._grad.__deepcopy__(memo)
        return found

    def _anew(self, cls: type, leaf: bool) -> Any:
        """A tensor of class `cls` with its value and strides, and nothing shared."""
        if self.is_meta:
            return hooks.rebuild_meta(cls, tuple(self.shape), self.dtype, leaf, self.stride())
        return hooks.rebuild(cls, self._array(), leaf, self.stride())

    def _seen_in(self, storage: Any) -> Any:
        """What this view of its base is of another tensor like the base."""
        found = hooks.seen_in(storage, self.dtype, tuple(self.shape), self.stride(), self.storage_offset())
        return found._require_grad() if self._leaf else found

    def __reduce_ex__(self, protocol: Any) -> tuple:
        made, state = self._reduced(), dict(self.__dict__)
        return (*made, state) if state else made

    def _reduced(self) -> tuple:
        plain = type(self) is hooks.tensor and not self.requires_grad
        if plain and self._view is not None and not (base := storage_owner(self)).requires_grad:
            return hooks.seen_in, (base, self.dtype, tuple(self.shape), self.stride(), self.storage_offset())
        if self.is_meta:
            return hooks.rebuild_meta, (type(self), tuple(self.shape), self.dtype, self.requires_grad, self.stride())
        return hooks.rebuild, (type(self), self._numpy(), self.requires_grad, self.stride())
