"""Names that PyTorch publishes without documentation: methods as functions, functions as methods, what older versions told.

In: tensors.  Out: tensors, or Python values, by way of the documented functions.
"""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .memory import become
from .missing import TENSOR_NAMES, Absent
from .namespace import namespace as t
from .ops.check import require
from .storage import assign
from .tensor import Tensor

__all__ = ["as_strided_", "as_strided_scatter", "detach_", "empty_permuted", "fill", "fill_", "get_device", "has_lapack",
           "has_mkl", "has_openmp", "has_spectral", "index_put_", "init_num_threads", "is_distributed", "is_inference",
           "is_same_size", "is_signed", "is_vulkan_available", "resize_as_", "thread_safe_generator", "unsafe_chunk",
           "unsafe_split", "unsafe_split_with_sizes", "zero_"]

has_lapack = has_spectral = True
has_mkl = has_openmp = False


def is_vulkan_available() -> bool:
    """False."""
    return False


def init_num_threads() -> None:
    """Nothing: XLA makes its threads itself."""


def thread_safe_generator() -> None:
    """The generator of a worker thread of a DataLoader: there are no such threads."""


def detach_(input: Tensor) -> Tensor:
    """Tensor.detach_."""
    return input.detach_()


def zero_(input: Tensor) -> Tensor:
    """Tensor.zero_."""
    return input.zero_()


def fill_(input: Tensor, value: Any) -> Tensor:
    """Tensor.fill_."""
    return input.fill_(value)


def index_put_(input: Tensor, indices: Sequence, values: Tensor, accumulate: bool = False) -> Tensor:
    """Tensor.index_put_."""
    return input.index_put_(indices, values, accumulate)


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Tensor.resize_as_."""
    return input.resize_as_(the_template, memory_format=memory_format)


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` with `value` in every place."""
    return input.clone().fill_(value)


def get_device(input: Tensor) -> int:
    """The index of the accelerator, -1 on the CPU."""
    return input.get_device()


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input.is_signed()


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_distributed(input: Tensor) -> bool:
    """False."""
    return False


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return input.shape == other.shape


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of what split shows."""
    return tuple(x.clone() for x in input.split(split_size, dim))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of what chunk shows."""
    return tuple(x.clone() for x in input.chunk(chunks, dim))


def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of what split_with_sizes shows."""
    return tuple(x.clone() for x in input.split_with_sizes(split_sizes, dim))


def as_strided_(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """as_strided in place."""
    if input._view is None and input.is_contiguous():
        return become(input, input.as_strided(size, stride, storage_offset))
    with t.no_grad():
        return input.set_(input.as_strided(size, stride, storage_offset))


def as_strided_scatter(input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int],
                       storage_offset: int | None = None) -> Tensor:
    """`input` with what as_strided shows of it replaced by `src`."""
    places = t.arange(input.numel()).view(input.shape).as_strided(size, stride, storage_offset)
    require(tuple(src.shape) == tuple(size), f"expected src to have a size equal to the slice of self. src size = "
                                             f"{list(src.shape)}, slice size = {list(size)}")
    flat = input.reshape(-1).index_copy(0, places.reshape(-1), src.reshape(-1).to(input.dtype))
    return flat.view(input.shape)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], *, dtype: Any = None, layout: Any = None,
                   device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """zeros (torch: whatever is there) whose dimensions lie in memory in the order `physical_layout`."""
    order = [d % len(size) if size else d for d in physical_layout]
    require(sorted(order) == list(range(len(size))), "Number of dimensions in size does not match the length of the "
                                                     f"physical_layout; i.e. len(size) = {len(size)} is not equal to "
                                                     f"len(physical_layout) = {len(order)}"
            if len(order) != len(size) else "Duplicate dim not allowed")
    made = t.empty([size[d] for d in order], dtype=dtype, device=device).permute([order.index(d) for d in range(len(size))])
    return made.requires_grad_() if requires_grad else made


def new_empty_strided(self: Tensor, size: Sequence[int], stride: Sequence[int], dtype: Any = None, device: Any = None,
                      requires_grad: bool = False, layout: Any = None, pin_memory: bool = False) -> Tensor:
    """empty_strided with the dtype and device of this tensor."""
    return t.empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What load_state_dict puts in this parameter's place: `other` copied into it, or `other` itself."""
    return other.detach() if assign else assign_detached(self, other)


def assign_detached(x: Tensor, value: Tensor) -> Tensor:
    """`x` without its graph, with the value of another written into it."""
    return assign(x.detach(), value.detach().to(x.dtype))


def is_nonzero(self: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(self)


def resize(self: Tensor, *sizes: Any) -> Tensor:
    """A tensor of another shape with the same elements. Deprecated in torch."""
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    return self.reshape(*sizes)


def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """A tensor of the shape of another with this one's elements. Deprecated in torch."""
    warnings.warn("non-inplace resize_as is deprecated", UserWarning, stacklevel=2)
    return self.reshape(tensor.shape)


for _fn in (is_nonzero, resize, resize_as, new_empty_strided, module_load, as_strided_, as_strided_scatter, is_distributed,
            is_same_size, unsafe_chunk, unsafe_split, unsafe_split_with_sizes):
    setattr(Tensor, _fn.__name__, _fn)
Tensor.const_data_ptr = Tensor.data_ptr     # type: ignore[attr-defined]
Tensor.is_xla = Tensor.is_ipu = Tensor.is_maia = Tensor.is_mtia = Tensor.is_vulkan = False      # type: ignore[attr-defined]
Tensor.name = None     # type: ignore[attr-defined]
Tensor.grad_dtype = property(lambda self: self.dtype, doc="The dtype of the gradient: that of the tensor.")  # type: ignore[attr-defined]
for _name in TENSOR_NAMES:
    setattr(Tensor, _name, Absent(_name))
