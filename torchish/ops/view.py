"""Views: the same elements under another shape or order.

In: a jax array, or a strided numpy dummy (that is how strides are found).  Out: the same seen differently; on a numpy
array a numpy view wherever torch's result is a view.  `write` functions give the base with the viewed part replaced.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import jax.numpy as jnp
import numpy as np

from ..warned import warn
from .check import infer_shape, listing, need_int, nonnegative, require, type_name, wrap_dim, wrap_dims
from .table import Array, Dims, Shape, alias, composite, op

COLON = slice(None)


def view_strides(shape: Sequence[int], strides: Sequence[int], size: Sequence[int]) -> tuple[int, ...] | None:
    """Strides under which a tensor of these strides is seen as `size`, row-major order kept; None where it cannot be."""
    if not prod(shape):
        return tuple(strides) if tuple(size) == tuple(shape) else row_major(size)
    found, k, left, step = [0] * len(size), len(size) - 1, 1, strides[-1] if shape else 1
    for d in reversed(range(len(shape))):
        left *= shape[d]
        if d and (shape[d - 1] == 1 or strides[d - 1] == left * step):
            continue                    # the dimension before lies right before this run
        inner = 1
        while k >= 0 and (inner < left or size[k] == 1):
            found[k] = inner * step
            inner *= size[k]
            k -= 1
        if inner != left:
            return None
        if d:
            left, step = 1, strides[d - 1]
    if not shape:
        return (1,) * len(size)
    return tuple(found) if k < 0 else None


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    return tuple(prod(max(n, 1) for n in shape[k + 1:]) for k in range(len(shape)))


def _as(input: Array, shape: tuple[int, ...]) -> Array:
    """`input` under another shape; as a numpy dummy, a view, or an error where torch's `view` gives it."""
    if not isinstance(input, np.ndarray):
        return input.reshape(shape)
    strides = view_strides(input.shape, _steps(input), shape)
    if strides is None:
        raise RuntimeError("view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                           "two contiguous subspaces). Use .reshape(...) instead.")
    return seen(input, shape, strides)


def _steps(x: np.ndarray) -> tuple[int, ...]:
    """The strides of a numpy array, counted in elements."""
    return tuple(s // x.itemsize for s in x.strides)


def seen(x: np.ndarray, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> np.ndarray:
    """The memory of a numpy dummy under other sizes and strides (counted in elements), from its first element + offset on."""
    found = np.lib.stride_tricks.as_strided(x, shape, [s * x.itemsize for s in strides])
    if not offset:
        return found
    reached = np.lib.stride_tricks.as_strided(x, (abs(offset) + 1,), (x.itemsize if offset > 0 else -x.itemsize,))[abs(offset):]
    return np.lib.stride_tricks.as_strided(reached, shape, [s * x.itemsize for s in strides])


def _as_or_copy(input: Array, shape: tuple[int, ...]) -> Array:
    """`input` under another shape; a numpy dummy that cannot be viewed so has no strides to tell: the result is a copy."""
    if isinstance(input, np.ndarray) and view_strides(input.shape, _steps(input), shape) is None:
        raise ValueError("a copy")
    return _as(input, shape)


def _copy_rule(shape_of: Callable) -> Callable:
    """The node of an op that views where it can."""
    def rule(avals: list, attributes: dict) -> str | tuple:
        x = avals[0]
        copied = x.strides is not None and view_strides(x.shape, x.strides, shape_of(x.shape, **attributes)) is None
        return ("UnsafeViewBackward0", ("CloneBackward0", 0)) if copied else "ViewBackward0"
    return rule


def _reshaped(base: Array, value: Array, **_: object) -> Array:
    """The `write` of every view that only reshapes."""
    return value.reshape(base.shape)


@op(view=True, write=_reshaped, saves=False, forms="method",
    samples=lambda t: [((t(2, 6), (3, 4)), {}), ((t(2, 6), (-1,)), {})])
def view(input: Array, size: Shape) -> Array:
    """The elements in row-major order under another shape; one size may be -1."""
    return _as(input, infer_shape(size, prod(input.shape)))


@op(view=True, copies=True, write=_reshaped, saves=False, forms="function method",
    rule=_copy_rule(lambda old, shape: infer_shape(shape, prod(old))), samples=lambda t: [((t(2, 6), (3, 4)), {})])
def reshape(input: Array, shape: Shape) -> Array:
    """The elements in row-major order under another shape; one size may be -1. A view where strides allow it."""
    return _as_or_copy(input, infer_shape(shape, prod(input.shape)))


def _flat_shape(shape: tuple[int, ...], start_dim: int, end_dim: int) -> tuple[int, ...]:
    start, end = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    require(start <= end, "flatten() has invalid args: start_dim cannot come after end_dim")
    return (*shape[:start], prod(shape[start:end + 1]), *shape[end + 1:])


@composite()
def flatten(t, input, start_dim=0, end_dim=-1):
    """Dimensions start_dim to end_dim joined into one; a 0-dim tensor becomes 1-dim. One dimension alone: the input itself."""
    n = input.ndim
    if -n <= start_dim < n and -n <= end_dim < n and (start_dim - end_dim) % n == 0:
        return input
    return t._flatten(input, start_dim, end_dim)


@op(name="_flatten", view=True, copies=True, write=_reshaped, saves=False, rule=_copy_rule(_flat_shape), forms="",
    samples=lambda t: [((t(2, 3, 4), 1), {})])
def flattened(input: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Dimensions start_dim to end_dim joined into one; a 0-dim tensor becomes 1-dim."""
    return _as_or_copy(input, _flat_shape(input.shape, start_dim, end_dim))


@op(view=True, copies="always", write=_reshaped, saves=False, rule="ViewBackward0", forms="function method",
    samples=lambda t: [((t(2, 3),), {})])
def ravel(input: Array) -> Array:
    """All dimensions joined into one; a view of what lies row by row without gaps, and of nothing else."""
    if isinstance(input, np.ndarray) and input.size and not input.flags.c_contiguous:
        raise ValueError("a copy")
    return _as_or_copy(input, (prod(input.shape),))


@op(view=True, write=_reshaped, saves=False, rule="ViewBackward0", forms="function method",
    samples=lambda t: [((t(2, 6), 1, (3, -1)), {})])
def unflatten(input: Array, dim: int, sizes: Dims) -> Array:
    """Dimension `dim` divided into `sizes`; one of them may be -1."""
    require(not isinstance(sizes, int), "unflatten(): argument 'sizes' (position 3) must be tuple of ints, not int", TypeError)
    require(len(sizes) > 0, "unflatten: sizes must be non-empty")
    dim = wrap_dim(dim, input.ndim)
    n, known = input.shape[dim], prod(s for s in sizes if s != -1)
    if (n % known if known else n) if -1 in sizes else known != n:
        raise RuntimeError(f"unflatten: Provided sizes {listing(sizes)} don't multiply up to the size of dim {dim} "
                           f"({n}) in the input tensor")
    return _as(input, (*input.shape[:dim], *infer_shape(sizes, n), *input.shape[dim + 1:]))


@op(view=True, write=_reshaped, saves=False, forms="function method", inplace=True,
    samples=lambda t: [((t(2, 3), 1), {})])
def unsqueeze(input: Array, dim: int) -> Array:
    """A dimension of size 1 put in at `dim`."""
    dim = wrap_dim(dim, input.ndim + 1)
    if isinstance(input, np.ndarray):       # asked for its strides: torch gives the new dimension one
        return newaxis(input, dim)
    return input[(COLON,) * dim + (None,)]


def newaxis(x: np.ndarray, dim: int) -> np.ndarray:
    """A numpy view with a dimension of size 1 at `dim`, whose stride is that which torch gives it."""
    step = x.shape[dim] * x.strides[dim] if dim < x.ndim else x.itemsize
    shape, strides = (*x.shape[:dim], 1, *x.shape[dim:]), (*x.strides[:dim], step, *x.strides[dim:])
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def _squeeze_rule(attributes: dict) -> str:
    dim = attributes.get("dim")
    return f"SqueezeBackward{0 if dim is None else 1 if isinstance(dim, int) else 2}"


@op(view=True, write=_reshaped, saves=False, rule=_squeeze_rule, forms="function method", inplace=True,
    names={"method.dim": "*dim"}, samples=lambda t: [((t(2, 1, 3, 1),), {}), ((t(2, 1, 3, 1), 1), {})])
def squeeze(input: Array, dim: Dims | None = None) -> Array:
    """Dimensions of size 1 left out: all, or those named in `dim`."""
    dims = wrap_dims(dim, input.ndim, every=False)
    return input.reshape(tuple(n for d, n in enumerate(input.shape) if n != 1 or d not in dims))


def _permutation(input: Array, dims: Dims) -> tuple[int, ...]:
    if len(dims) != input.ndim:
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
                           f"the desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
                           f"len(dims) = {len(dims)}")
    order = tuple(wrap_dim(d, input.ndim) for d in dims)
    require(len(set(order)) == len(order), "permute(): duplicate dims are not allowed.")
    return order


def _unpermuted(base: Array, value: Array, *, dims: Dims) -> Array:
    return value.transpose(tuple(int(i) for i in np.argsort(_permutation(base, dims))))


@op(view=True, write=_unpermuted, saves=False, forms="function method",
    samples=lambda t: [((t(2, 3, 4), (2, 0, 1)), {})])
def permute(input: Array, dims: Shape) -> Array:
    """The dimensions in the order `dims`."""
    return input.transpose(_permutation(input, dims))


def _swap(ndim: int, dim0: int, dim1: int) -> tuple[int, ...]:
    order = list(range(ndim))
    a, b = wrap_dim(dim0, ndim), wrap_dim(dim1, ndim)
    if ndim:
        order[a], order[b] = b, a
    return tuple(order)


def _transposed_back(base: Array, value: Array, *, dim0: int, dim1: int) -> Array:
    return value.transpose(_swap(base.ndim, dim0, dim1))


@op(view=True, write=_transposed_back, saves=False, forms="function method", inplace=True,
    samples=lambda t: [((t(2, 3, 4), 0, -1), {})])
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Two dimensions exchanged."""
    return input.transpose(_swap(input.ndim, dim0, dim1))


def _t_order(input: Array) -> tuple[int, ...]:
    require(input.ndim <= 2, f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return tuple(range(input.ndim - 1, -1, -1))


@op(name="t", view=True, write=lambda base, value: value.transpose(_t_order(base)), saves=False, rule="TBackward0",
    forms="function method", inplace=True, samples=lambda t: [((t(2, 3),), {})])
def t_(input: Array) -> Array:
    """The transpose of a matrix; vectors and 0-dim tensors are left as they are."""
    return input.transpose(_t_order(input))


@composite()
def swapaxes(t, input, axis0, axis1):
    """transpose under numpy's name."""
    return t.transpose(input, axis0, axis1)


@composite(name="swapaxes_", forms="method")
def swapaxes_in_place(t, input, axis0, axis1):
    """transpose_ under numpy's name."""
    return input.transpose_(axis0, axis1)


alias("transpose", "swapdims")


@composite()
def adjoint(t, input):
    """The conjugate transpose of the last two dimensions."""
    if input.ndim == 0:
        warn("adjoint() is deprecated on 0-D tensors. Consider using torch.conj(x) instead.")
        return t.conj(input)
    require(input.ndim > 1, f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    result = t.transpose(input, -2, -1)
    return t.conj(result) if input.is_complex() else result


def _moved(ndim: int, source: Dims, destination: Dims) -> tuple[int, ...]:
    source = (source,) if isinstance(source, int) else tuple(source)
    destination = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({listing(source)} dims) should "
                           f"contain the same number of dims as destination ({listing(destination)} dims)")
    src, dst = [wrap_dim(d, ndim) for d in source], [wrap_dim(d, ndim) for d in destination]
    require(len(set(src)) == len(src), f"movedim: repeated dim in `source` ({listing(source)})")
    require(len(set(dst)) == len(dst), f"movedim: repeated dim in `destination` ({listing(destination)})")
    if ndim == 0:
        return ()
    order = dict(zip(dst, src, strict=True))
    rest = iter(d for d in range(ndim) if d not in src)
    return tuple(order[d] if d in order else next(rest) for d in range(ndim))


def _moved_back(base: Array, value: Array, *, source: Dims, destination: Dims) -> Array:
    return value.transpose(_moved(base.ndim, destination, source))


@op(view=True, write=_moved_back, saves=False, rule="PermuteBackward0", forms="function method",
    samples=lambda t: [((t(2, 3, 4), 0, 2), {}), ((t(2, 3, 4), (0, 1), (1, 2)), {})])
def movedim(input: Array, source: Dims, destination: Dims) -> Array:
    """Dimensions `source` moved to the places `destination`; the others keep their order."""
    return input.transpose(_moved(input.ndim, source, destination))


alias("movedim", "moveaxis")


def _expanded_shape(input: Array, size: Shape) -> tuple[int, ...]:
    shape, lead = input.shape, len(size) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{type_name(input)}Tensor{{{listing(shape)}}}, size={listing(size)}): the number of sizes "
            f"provided ({len(size)}) must be greater or equal to the number of dimensions in the tensor ({input.ndim})")
    result: list[int] = []
    for i, n in reversed(list(enumerate(size))):
        if i < lead:
            require(n >= 0, f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension "
                            f"{i}")
        elif n == -1:
            n = shape[i - lead]
        elif n != shape[i - lead] and (shape[i - lead] != 1 or n < 0):
            raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size "
                               f"({shape[i - lead]}) at non-singleton dimension {i}.  Target sizes: {listing(size)}.  "
                               f"Tensor sizes: {listing(shape)}")
        result.insert(0, n)
    return nonnegative(result)


@op(view=True, saves=False, forms="method", samples=lambda t: [((t(2, 1), (4, 2, 3)), {})])
def expand(input: Array, size: Shape, *, implicit: bool = False) -> Array:
    """Dimensions of size 1 repeated, and new ones put before, without copying; -1 leaves a size as it is."""
    shape = _expanded_shape(input, size)
    if not isinstance(input, np.ndarray):
        return jnp.broadcast_to(input, shape)
    lead, strides = len(shape) - input.ndim, list(_steps(input))
    strides = [0 if n != m else s for n, m, s in zip(input.shape, shape[lead:], strides, strict=True)]
    if not input.ndim:
        return seen(input, shape, (0,) * lead)
    for n, after in zip(reversed(shape[:lead]), reversed(shape[1:lead + 1]), strict=True):
        strides.insert(0, 0 if n != 1 else after * strides[0])
    return seen(input, shape, strides)


@composite()
def broadcast_to(t, input, size, *sizes):
    """`input` expanded to the shape `size`."""
    return input.expand(size, *sizes)


@composite(forms="method")
def expand_as(t, input, other):
    """`input` expanded to the shape of `other`."""
    return input.expand(other.shape)


@composite(forms="method")
def view_as(t, input, other):
    """`input` viewed under the shape of `other`."""
    return input.view(other.shape)


@composite(forms="method")
def reshape_as(t, input, other):
    """`input` reshaped to the shape of `other`."""
    return input.reshape(other.shape)


@composite()
def select(t, input, dim, index):
    """The slice number `index` of dimension `dim`, which is left out of the result."""
    shape = input.shape
    require(len(shape) > 0, "select() cannot be applied to a 0-dim tensor.", IndexError)
    dim = wrap_dim(dim, len(shape))
    if not isinstance(index, (int, t.Tensor)):
        need_int("select", "index", 3, index)
    if isinstance(index, int) and not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {listing(shape)} at dimension {dim}")
    return input[(COLON,) * dim + (index,)]


@composite()
def narrow(t, input, dim, start, length):
    """Places `start` to `start + length - 1` of dimension `dim`."""
    shape = input.shape
    require(len(shape) > 0, "narrow() cannot be applied to a 0-dim tensor.")
    need_int("narrow", "length", 4, length)
    require(length >= 0, "narrow(): length must be non-negative.")
    if not isinstance(start, t.Tensor):
        need_int("narrow", "start", 3, start)
    else:
        require(start.ndim == 0 and not start.is_floating_point() and not start.is_complex() and start.dtype is not t.bool,
                "start must be an 0-dim integral Tensor.")
    dim, start = wrap_dim(dim, len(shape)), int(start)
    n = shape[dim]
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    if start < 0:
        start += n
    require(start + length <= n, f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return input[(COLON,) * dim + (slice(start, start + length),)]
