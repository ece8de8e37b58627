"""Names that PyTorch publishes without documentation: methods as functions, functions as methods, what older versions told.

In: tensors.  Out: tensors, or Python values, by way of the documented functions.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .devices import device as Device
from .dtypes import c_name, c_type
from .info import is_nonzero
from .memory import become
from .missing import TENSOR_NAMES, Absent
from .namespace import namespace as t
from .ops.check import require
from .ops.create import dense_only
from .storage import counted, overlaps, refuse_write
from .strides import dense
from .tensor import Tensor
from .warned import warn

__all__ = ["as_strided_", "as_strided_scatter", "detach_", "empty_permuted", "fill", "fill_", "get_device", "has_lapack",
           "has_mkl", "has_openmp", "has_spectral", "index_put_", "init_num_threads", "is_distributed", "is_inference",
           "is_same_size", "is_signed", "is_vulkan_available", "resize_as_", "thread_safe_generator", "zero_"]

has_lapack = has_spectral = True
has_mkl = has_openmp = False


def is_vulkan_available() -> bool:
    """False."""
    return False


def _nnpack_available() -> bool:
    """False: the CPU's code is XLA's."""
    return False


def _assert_async(input: Tensor, assert_msg: str = "Expected Tensor with single nonzero value, but got zero") -> None:
    """RuntimeError unless `input`, a tensor of one element, is nonzero. Looks at it at once, as PyTorch does on the CPU."""
    if not isinstance(input, Tensor):
        raise TypeError(f"_assert_async(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not is_nonzero(input):
        raise RuntimeError(assert_msg)


def _assert_tensor_metadata(a: Tensor, size: Sequence[int] | None = None, stride: Sequence[int] | None = None,
                            dtype: Any = None, *, device: Any = None, layout: Any = None) -> None:
    """RuntimeError unless `a` is as it is said to be, in what is said."""
    if not isinstance(a, Tensor):
        raise TypeError(f"_assert_tensor_metadata(): argument 'a' (position 1) must be Tensor, not {type(a).__name__}")
    for what, wanted, found in (("sizes", size, list(a.shape)), ("strides", stride, list(a.stride()))):
        require(wanted is None or list(wanted) == found, f"Tensor {what} mismatch! Expected: {list(wanted or ())}, Got: {found}")
    require(dtype is None or dtype is a.dtype,
            f"Tensor dtype mismatch! Expected: {dtype and c_name(dtype)}, Got: {c_type(a.dtype)}")
    require(device is None or Device(device) == a.device, f"Tensor device mismatch! Expected: {device}, Got: {a.device}")
    require(layout is None or layout is a.layout, f"Tensor layout mismatch! Expected: {layout}, Got: {a.layout}")


def _debug_has_internal_overlap(input: Tensor) -> int:
    """1 where several elements are one in memory, 0 where none are for sure, 2 where strides do not tell at a glance."""
    strides = input.stride()
    if dense(tuple(input.shape), strides):
        return 0
    if overlaps(input):
        return 1
    return 2


def _grouped_mm(self: Tensor, mat2: Tensor, offs: Tensor | None = None, bias: Tensor | None = None,
                out_dtype: Any = None) -> Tensor:
    """nn.functional.grouped_mm."""
    return t.grouped_mm(self, mat2, offs=offs, bias=bias, out_dtype=out_dtype)


def _int_mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices of int8 or uint8, int32."""
    require(input.dim() == 2, f"int_mm_out_cpu: Expected self to be of dimension 2 but got {input.dim()}")
    require(mat2.dim() == 2, f"int_mm_out_cpu: Expected mat2 to be of dimension 2 but got {mat2.dim()}")
    require(input.shape[1] == mat2.shape[0],
            f"int_mm_out_cpu: self.size(1) needs to match mat2.size(0) but got {input.shape[1]} and {mat2.shape[0]}")
    for name, x in (("self", input), ("mat2", mat2)):
        require(x.dtype in (t.int8, t.uint8),
                f"int_mm_out_cpu: Expected {name} dtype to be int8 or uint8 but got {str(x.dtype).removeprefix('torch.')}")
    return t.mm(input.to(t.int32), mat2.to(t.int32), out=out)


def _scaled_mm(input: Tensor, mat2: Tensor, scale_a: Tensor, scale_b: Tensor, bias: Tensor | None = None,
               scale_result: Tensor | None = None, out_dtype: Any = None, use_fast_accum: bool = False, *,
               out: Tensor | None = None) -> Tensor:
    """The product of two float8 matrices (m, k), (k, n), times their scales: one for all, or (m, 1) and (1, n).

    Of the dtype `out_dtype`, or that of `input`; as float8_e4m3fn what is too large becomes the largest number. `scale_result` is
    not used, as PyTorch's CPU does not. ValueError: other scales or dtypes.
    """
    require(input.dim() == 2, "mat1 must be a matrix")
    require(mat2.dim() == 2, "mat2 must be a matrix")
    (m, k), (rows, n) = input.shape, mat2.shape
    require(k == rows, f"mat_a and mat_b shapes cannot be multiplied ({m}x{k} and {rows}x{n})")
    single = scale_a.numel() == 1 and scale_b.numel() == 1
    by_row = tuple(scale_a.shape) == (m, 1) and tuple(scale_b.shape) == (1, n)
    kinds = scale_a.dtype is t.float32 and scale_b.dtype is t.float32 and all("float8" in str(x.dtype) for x in (input, mat2))
    require(kinds and (single or by_row), "Invalid scaling configuration.\n- For TensorWise scaling, a and b should be float8, "
            "scales should be float and singletons.\n- For RowWise scaling, a and b should be float8, scales should be float, "
            f"scale_a should be ({m}, 1) and scale_b should be (1, {n}), and both should be contiguous.", ValueError)
    require(bias is None or bias.numel() == n, f"Bias must be size {n} but got {0 if bias is None else bias.numel()}")
    if single:
        scale_a, scale_b = scale_a.reshape(()), scale_b.reshape(())
    made = t.mm(input.float(), mat2.float()) * scale_a * scale_b
    made = made if bias is None else made + bias
    dtype = out_dtype or input.dtype
    if dtype is t.float8_e4m3fn:        # it has no infinity
        made = made.clamp(-448, 448)
    return made.to(dtype) if out is None else out._store(made.to(dtype))


def _shape_as_tensor(input: Tensor) -> Tensor:
    """The sizes of `input`, int64."""
    return t.tensor(list(input.shape), dtype=t.int64)


def _softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: Any) -> Tensor:
    """The gradient through a softmax along `dim` whose result is `output`, of the dtype of its operand."""
    weighted = grad_output * output
    return (weighted - output * weighted.sum(dim, keepdim=True)).to(input_dtype)


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


def as_strided_(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """as_strided in place."""
    refuse_write(input)
    seen = input.as_strided(size, stride, storage_offset)
    return counted(become(input, seen if input._is_view() or not input._leaf else seen.detach()))


def as_strided_scatter(input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int],
                       storage_offset: int | None = None) -> Tensor:
    """`input` with what as_strided shows of it replaced by `src`."""
    shown = input.detach().contiguous().as_strided(size, stride, storage_offset)
    places = t.arange(input.numel(), device=input.device).as_strided(size, stride, storage_offset)
    require(src.shape == shown.shape, f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, "
                                      f"slice size = {list(size)}")
    flat = input.reshape(-1).index_copy(0, places.reshape(-1), src.reshape(-1).to(input.dtype))
    return flat.view(input.shape)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], *, dtype: Any = None, layout: Any = None,
                   device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """zeros (torch: whatever is there) whose dimensions lie in memory in the order `physical_layout`."""
    dense_only("empty_permuted", layout)
    n = len(size)
    order = list(physical_layout)
    require(len(order) == n, "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
                             f"{n} is not equal to len(physical_layout) = {len(order)}")
    for k, d in enumerate(order):
        require(0 <= d < max(n, 1), f"Dimension out of range (expected to be between 0 and {n - 1}, but got {d} at index {k}).  "
                                    "NB: negative dims not currently supported; file an issue if you want it.")
    require(len(set(order)) == n, "Duplicate dim not allowed")
    made = t.empty([size[d] for d in order], dtype=dtype, device=device).permute([order.index(d) for d in range(n)])
    return made._require_grad() if requires_grad else made


def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What load_state_dict puts in this parameter's place: `other` copied into it, or `other` itself."""
    return other.detach() if assign else self.copy_(other).detach()


def resize(self: Tensor, *sizes: Any) -> Tensor:
    """A tensor of another shape with the same elements. Deprecated in torch."""
    warn("non-inplace resize is deprecated")
    return self.reshape(*sizes)


def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """A tensor of the shape of another with this one's elements. Deprecated in torch."""
    warn("non-inplace resize_as is deprecated")
    return self.reshape(tensor.shape)


for _fn in (is_nonzero, resize, resize_as, module_load, as_strided_, as_strided_scatter, is_distributed,
            is_same_size):
    setattr(Tensor, _fn.__name__, _fn)
Tensor.const_data_ptr = Tensor.data_ptr     # type: ignore[attr-defined]
Tensor.is_xla = Tensor.is_ipu = Tensor.is_maia = Tensor.is_mtia = Tensor.is_vulkan = False      # type: ignore[attr-defined]
Tensor.name = None     # type: ignore[attr-defined]
for _name in TENSOR_NAMES:
    setattr(Tensor, _name, Absent(_name))
Tensor.__dir__ = lambda self: sorted(set(object.__dir__(self)) - set(TENSOR_NAMES))      # type: ignore[method-assign]
