"""Tensors made from nothing but a shape and numbers.

In: sizes, numbers, a dtype.  Out: constant arrays and progressions.  The public functions resolve dtype, device and
requires_grad and record one op whose only inputs are attributes.
"""
from __future__ import annotations

from math import ceil, isfinite
from operator import index
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes
from ..devices import chosen
from ..dtypes import dtype as DType
from ..layouts import layout as Layout
from ..layouts import sparse_coo, strided
from ..settings import unfilled
from ..warned import warn
from .check import is_int, need_int, need_number, nonnegative, require
from .table import Array, Number, Shape, cast, composite, op


@op(name="_full", forms="function", saves=False, differentiable=False)
def filled(size: Shape, value: Number, *, dtype: DType) -> Array:
    """`value` in every place."""
    return jnp.full(nonnegative(size), cast(value, dtype.np))


@op(name="_full_like", forms="function", saves=False, differentiable=False)
def filled_like(input: Array, value: Number, *, dtype: DType | None = None) -> Array:
    """`value` in every place of the shape of `input`."""
    return jnp.full(input.shape, cast(value, input.dtype if dtype is None else dtype.np))


@op(name="_full_new", forms="function", saves=False, differentiable=False)
def filled_new(input: Array, size: Shape, value: Number, *, dtype: DType) -> Array:
    """`value` in every place of `size`: under vmap for each member of a batch that `input` is one of."""
    return jnp.full(nonnegative(size), cast(value, dtype.np))


def _sizes(shape: tuple, size: object, name: str) -> tuple:
    """Sizes given one by one, as one sequence, or by keyword; torch's errors in the name of the function."""
    if size is not None:
        if shape:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        shape = (size,)
    if not shape:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    first = shape[0]
    if len(shape) == 1 and first.__class__ is not int:
        if getattr(first, "ndim", 0):       # an array or tensor of sizes
            return tuple(first.tolist())
        if not is_int(first):
            if not isinstance(first, (tuple, list)):
                raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(first).__name__}")
            shape = tuple(first)
    for k, n in enumerate(shape):
        if n.__class__ is not int and not hasattr(n, "__index__"):
            raise TypeError(f"{name}(): argument 'size' failed to unpack the object at pos {k + 1} with error \"type must be tuple "
                            f"of ints,but got {type(n).__name__}\"")
    return shape if all(n.__class__ is int for n in shape) else tuple(map(index, shape))      # of numpy, or 0-dim tensors


def _likeness(name: str, input: object) -> None:
    if not hasattr(input, "_node"):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")


def warn_count(out, length):
    """A warning where `out` holds elements, but not `length` of them."""
    if out is not None and out.numel() not in (0, length):
        warn(f"The number of elements in the out tensor of shape {list(out.shape)} is {out.numel()} which does not match "
             f"the computed number of elements {length}. Note that this may occur as a result of rounding error. The out "
             f"tensor will be resized to a tensor of shape ({length},).")


def finish(result, out, device, requires_grad):
    """What every factory does with its result: moves it, writes it into `out`, makes it a leaf that requires grad.

    It is moved to the default device where none is asked for, unless it goes into `out`.
    """
    return _finish(result, out, device if out is not None else chosen(device), requires_grad)


def finish_line(result, out, device, requires_grad):
    """The same for what counts: an `out` of as many elements keeps its shape."""
    as_it_is = out is not None and out.numel() == result.numel()
    return finish(result.view(out.shape) if as_it_is else result, out, device, requires_grad)


def _finish(result, out, device, requires_grad):
    if device is not None:
        result = result.to(device)
    made = result if out is None else out._store(result, warn=False)
    return made._begun(requires_grad)


def known(name: str, dtype, default: DType, out=None) -> DType:
    """The dtype that was asked for, that of `out`, or the default. TypeError unless it is one."""
    if dtype is None:
        return default if out is None else out.dtype
    if out is not None and dtype is not out.dtype:
        raise RuntimeError(f"dtype {dtypes.c_name(dtype)} does not match dtype of out parameter ({dtypes.c_name(out.dtype)})")
    if not isinstance(dtype, DType):
        named = dtypes.OF_PYTHON.get(dtype)
        require(named is not None, f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}",
                TypeError)
        return named
    return dtype


def _is_sparse(name: str, layout: object, possible: bool = False) -> bool:
    """Whether a new tensor is to be sparse; torch's errors where it cannot be, in the name of the function."""
    if layout is None or layout is strided:
        return False
    require(isinstance(layout, Layout), f"{name}(): argument 'layout' must be torch.layout, not {type(layout).__name__}", TypeError)
    require(layout is sparse_coo, f"{name}(): {layout} is a compressed sparse layout; torchish has torch.sparse_coo",
            NotImplementedError)
    require(possible, "full(...) is not implemented for sparse layout")
    return True


def dense_only(name: str, layout: object, told: str = "") -> None:
    """torch's error for a layout that a new tensor of the function cannot have; the RuntimeError `told` where torch has its own."""
    if layout is not None and layout is not strided and _is_sparse(name, layout, True):
        require(not told, told)
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the 'SparseCPU' backend. It makes dense "
                                  "tensors; to_sparse() of one is sparse")


def _declare_constant(name: str, value: int | None, doc: str) -> None:
    """torch.zeros, zeros_like and Tensor.new_zeros, or the same of ones and empty."""
    def number(dtype):
        return unfilled(dtype) if value is None else value

    def make(t, *shape, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False,
             requires_grad=False, memory_format=None):
        sizes = _sizes(shape, size, name)
        require(name != "zeros" or all(n >= 0 for n in sizes), "zeros: Dimension size must be non-negative.")
        dtype = known(name, dtype, dtypes.default.float, out)
        if layout is not None and _is_sparse(name, layout, value != 1):
            return t.sparse_coo_tensor(sizes, dtype=dtype, device=device, requires_grad=requires_grad)
        result = t._full(sizes, number(dtype), dtype=dtype, memory_format=memory_format)
        return finish(result, out, device, requires_grad)

    def like(t, input, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False,
             memory_format=None):
        _likeness(f"{name}_like", input)
        dtype = None if dtype is None else known(f"{name}_like", dtype, dtype)
        if layout is not None and _is_sparse(f"{name}_like", layout, value == 0):
            return t.sparse_coo_tensor(tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)
        made = t._full_like(input, number(dtype or input.dtype), dtype=dtype, device=device, memory_format=memory_format)
        return _finish(made, None, device, requires_grad)

    def new(t, input, *shape, size=None, dtype=None, device=None, requires_grad=False, layout=None,
            pin_memory=False):
        dtype = known(f"new_{name}", dtype, input.dtype)
        if layout is not None and _is_sparse(f"new_{name}", layout, value != 1):
            return t.sparse_coo_tensor(_sizes(shape, size, f"new_{name}"), dtype=dtype, device=device, requires_grad=requires_grad)
        result = t._full_new(input, _sizes(shape, size, f"new_{name}"), number(dtype), dtype=dtype)
        return _finish(result, None, device if device is not None else elsewhere(input), requires_grad)

    make.__doc__ = f"A tensor of {doc}."
    like.__doc__ = f"A tensor of {doc} with the shape and dtype of `input`."
    new.__doc__ = f"A tensor of {doc} with the dtype of this one."
    for fn in (make, like, new):
        fn.__module__ = __name__
    composite(name=name, forms="function")(make)
    composite(name=f"{name}_like", forms="function")(like)
    composite(name=f"new_{name}", forms="method")(new)


def elsewhere(input):
    """The device of a tensor if it is not the CPU, where new tensors are made."""
    device = input.device
    return None if device.type == "cpu" else device


_declare_constant("zeros", 0, "zeros")
_declare_constant("ones", 1, "ones")
_declare_constant("empty", None, "zeros (torch: of whatever is there)")


def _ends(name, start, end, steps):
    """The ends of a line as numbers; `steps` must be a whole number."""
    for v in (start, end):
        require(not getattr(v, "ndim", 0), f"{name} only supports 0-dimensional start and end tensors, but got "
                f"start with {getattr(start, 'ndim', 0)} dimension(s) and end with {getattr(end, 'ndim', 0)} dimension(s).")
    require(hasattr(steps, "__index__"), f"{name}() received an invalid combination of arguments - got "
            f"({', '.join(type(v).__name__ for v in (start, end, steps))}), but expected one of:\n * (Number start, Number end, "
            "int steps)", TypeError)
    return _number(start), _number(end)


def _number(value):
    """A Python number; a 0-dim tensor gives its value."""
    return value.item() if hasattr(value, "item") else value


def _fill_value(name, value):
    """The number that is to be everywhere."""
    return need_number(name, "fill_value", 2, value)


def _size_list(name, size):
    """TypeError for one number where a list of sizes is wanted."""
    if isinstance(size, int):
        raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")


@composite(forms="function")
def full(t, size, fill_value, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """A tensor with `fill_value` in every place; its dtype follows that of the value."""
    _is_sparse("full", layout)
    value = _fill_value("full", fill_value)
    _size_list("full", size)
    dtype = known("full", dtype, dtypes.scalar_dtype(value), out)
    return finish(t._full(_sizes((size,), None, "full"), value, dtype=dtype), out, device, requires_grad)


@composite(forms="function")
def full_like(t, input, fill_value, *, dtype=None, layout=None, device=None, pin_memory=False,
              requires_grad=False, memory_format=None):
    """A tensor with `fill_value` in every place and the shape and dtype of `input`."""
    dense_only("full_like", layout)
    _likeness("full_like", input)
    dtype = None if dtype is None else known("full_like", dtype, dtype)
    made = t._full_like(input, _fill_value("full_like", fill_value), dtype=dtype, device=device, memory_format=memory_format)
    return _finish(made, None, device, requires_grad)


@composite(forms="method")
def new_full(t, input, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False):
    """A tensor with `fill_value` in every place and the dtype of this one."""
    dense_only("new_full", layout)
    _size_list("new_full", size)
    result = t._full_new(input, _sizes((size,), None, "new_full"), _fill_value("new_full", fill_value),
                         dtype=known("new_full", dtype, input.dtype))
    return _finish(result, None, device if device is not None else elsewhere(input), requires_grad)


@composite(forms="function")
def scalar_tensor(t, s, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """A 0-dim tensor of one number, in the default floating dtype."""
    return finish(t._full((), _number(s), dtype=known("scalar_tensor", dtype, dtypes.default.float)), None, device,
                  requires_grad)


@op(name="_arange", forms="function", saves=False, differentiable=False)
def progression(start: Number, step: Number, length: int, *, dtype: DType) -> Array:
    """start, start + step, ...; floats are computed in double precision and then rounded."""
    wide = jnp.float64 if dtype.is_floating_point else jnp.int64
    return (cast(start, wide) + cast(step, wide) * lax.iota(wide, length)).astype(dtype.np)


def _progression(start, end, step):
    """The numbers that arange was given. TypeError for what is none."""
    if end is None:
        require(start is not None, "arange() received an invalid combination of arguments - got (), but expected one of:\n"
                " * (Number end)\n * (Number start, Number end)\n * (Number start, Number end, Number step)", TypeError)
        start, end = None, start
    places = {"end": end, "start": 0 if start is None else start, "step": step}
    end, start, step = [need_number("arange", name, place, value) for place, (name, value) in enumerate(places.items(), 1)]
    numbers = [start, end, step]
    require(not any(isinstance(v, complex) for v in numbers), "value cannot be converted to type double without overflow")
    return numbers


@composite(forms="function")
def arange(t, start=None, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, pin_memory=False,
           requires_grad=False):
    """start, start + step, ... below `end`; int64 if all three are integers."""
    dense_only("arange", layout)
    start, end, step = _progression(start, end, step)
    integers = isinstance(start, int) and isinstance(end, int) and isinstance(step, int)
    require(step != 0, "step must be nonzero")
    require(integers or (isfinite(start) and isfinite(end)), f"unsupported range: {start} -> {end}")
    require((step > 0 and end >= start) or (step < 0 and end <= start),
            "upper bound and lower bound inconsistent with step sign")
    dtype = known("arange", dtype, dtypes.int64 if integers else dtypes.default.float, out)
    if dtype is dtypes.bool_ or dtype.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{dtypes.c_name(dtype)}'")
    if dtype is dtypes.int64 and not integers:      # torch counts in int64 where that is asked for
        start, end, step = int(start), int(end), int(step)
        require(step != 0, "step must be nonzero", ValueError)
    length = -((start - end) // step) if dtype is dtypes.int64 or integers else ceil((end - start) / step)
    require(length < 2 ** 63, "invalid size, possible overflow?")
    if dtype.category < dtypes.FLOAT:
        start, step = int(start), int(step)
    made = t._made_on(device, t._arange, start, step, int(length), dtype=dtype)
    warn_count(out, length)
    return finish_line(made, out, device, requires_grad)


def spaced(start: Number, end: Number, steps: int, dtype: DType, xp: Any = jnp) -> Array:
    """Evenly spaced values, from both ends towards the middle as torch counts them; `xp`: numpy, or what traces."""
    wide = jnp.float64 if dtype.category < dtypes.FLOAT else dtype.np
    start, end = (cast(v, wide) if xp is jnp else np.asarray(v, wide) for v in (start, end))
    if steps == 1:
        return start.reshape(1)
    step = (end - start) / (steps - 1)
    i = xp.arange(steps)
    if wide == jnp.float32:     # one rounding of each product and sum, as torch's multiply-add has
        start, end, step = (v.astype(np.float64) for v in (start, end, step))
    up, down = start + step * i.astype(step.dtype), end - step * (steps - 1 - i).astype(step.dtype)
    return xp.where(i < steps // 2, up, down).astype(wide)


@op(name="_linspace", forms="function", saves=False, differentiable=False)
def line(start: Number, end: Number, steps: int, *, dtype: DType) -> Array:
    """`steps` evenly spaced values from start to end."""
    require(steps >= 0, "number of steps must be non-negative")
    return spaced(start, end, steps, dtype).astype(dtype.np) if steps else jnp.zeros(0, dtype.np)


@op(name="_logspace", forms="function", saves=False, differentiable=False)
def powers(start: Number, end: Number, steps: int, base: Number, *, dtype: DType) -> Array:
    """base to the power of `steps` evenly spaced exponents."""
    require(steps >= 0, "number of steps must be non-negative")
    wide = dtypes.complex128 if dtype.is_complex else dtypes.float64
    if dtype.category < dtypes.FLOAT:       # torch counts in the type that is asked for
        start, end = (cast(v, dtype.np) for v in (start, end))
    exponents = spaced(start, end, steps, wide) if steps else jnp.zeros(0, wide.np)
    return jnp.power(cast(base, wide.np), exponents).astype(dtype.np)


def _line_dtype(name, start, end, steps, dtype, out) -> DType:
    """The dtype of a line between two numbers. RuntimeError where it cannot be the one asked for."""
    whole = dtypes.default.complex if isinstance(start, complex) or isinstance(end, complex) else dtypes.default.float
    found = known(name, dtype, whole, out)
    require(found.is_complex or not whole.is_complex, f"torch.{name}(): inferred dtype {dtypes.c_type(whole)} can't be safely "
            f"cast to passed dtype {dtypes.c_name(found)}")
    if found is dtypes.bool_ and steps > 0:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")
    return found


@composite(forms="function")
def linspace(t, start, end, steps, *, out=None, dtype=None, layout=None, device=None, pin_memory=False,
             requires_grad=False):
    """`steps` evenly spaced values from start to end, both included."""
    dense_only("linspace", layout)
    start, end = _ends("linspace", start, end, steps)
    dtype = _line_dtype("linspace", start, end, steps, dtype, out)
    result = t._made_on(device, t._linspace, start, end, int(steps), dtype=dtype)
    return finish_line(result, out, device, requires_grad)


@composite(forms="function")
def logspace(t, start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, pin_memory=False,
             requires_grad=False):
    """base**start to base**end in `steps` values with evenly spaced exponents."""
    dense_only("logspace", layout)
    start, end = _ends("logspace", start, end, steps)
    dtype = _line_dtype("logspace", start, end, steps, dtype, out)
    result = t._made_on(device, t._logspace, start, end, int(steps), _number(base), dtype=dtype)
    return finish_line(result, out, device, requires_grad)


@op(name="_eye", forms="function", saves=False, differentiable=False)
def identity(n: int, m: int, *, dtype: DType) -> Array:
    """Ones on the diagonal, zeros elsewhere."""
    return jnp.eye(n, m, dtype=dtype.np)


@composite(forms="function")
def eye(t, n, m=None, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """A matrix with ones on its diagonal and zeros elsewhere."""
    dense_only("eye", layout)
    need_int("eye", "n", 1, n)
    m = n if m is None else m
    need_int("eye", "m", 2, m)
    require(n >= 0, f"n must be greater or equal to 0, got {n}")
    require(m >= 0, f"m must be greater or equal to 0, got {m}")
    made = t._made_on(device, t._eye, n, m, dtype=known("eye", dtype, dtypes.default.float, out))
    return finish(made, out, device, requires_grad)


@op(name="_triangle_indices", forms="function", saves=False, differentiable=False)
def triangle_places(row: int, col: int, offset: int, lower: bool, *, dtype: DType) -> Array:
    """Rows and columns of the elements of a triangle, in row-major order; shape (2, n)."""
    mask = np.tri(row, col, offset if lower else offset - 1, dtype=bool)
    return jnp.asarray(np.stack(np.nonzero(mask if lower else ~mask)), dtype.np)


def _triangle(t, name, row, col, offset, lower, dtype, device):
    require(row >= 0, f"row must be non-negative, got{row}")
    require(col >= 0, f"col must be non-negative, got{col}")
    dtype = known(name, dtype, dtypes.int64)
    if dtype not in (dtypes.int64, dtypes.int32, dtypes.int16):
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.c_name(dtype)}'")
    return finish(t._made_on(device, t._triangle_indices, row, col, offset, lower, dtype=dtype), None, device, False)


@composite(forms="function")
def tril_indices(t, row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False,
                 requires_grad=False):
    """Rows and columns of a matrix's lower triangle. (2, n), int64."""
    dense_only("tril_indices", layout)
    return _triangle(t, "tril_indices", row, col, offset, True, dtype, device)


@composite(forms="function")
def triu_indices(t, row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False,
                 requires_grad=False):
    """Rows and columns of a matrix's upper triangle. (2, n), int64."""
    dense_only("triu_indices", layout)
    return _triangle(t, "triu_indices", row, col, offset, False, dtype, device)
