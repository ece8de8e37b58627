"""Joining, repeating, reordering and copying: the elements of the operands in another arrangement.

In: jax arrays.  Out: new arrays.
"""
from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import c_name
from ..dtypes import dtype as DType
from ..strides import asked, laid, preserved
from ..warned import warn_once
from .check import broadcast_shapes, common, listing, need_list, nonnegative, require, wrap_dim, wrap_dims
from .into import Into
from .precision import recast
from .table import Array, Arrays, Dims, Shape, alias, composite, op

INTO = Into("torch.cat(): input types can't be cast to the desired output type {got}", "safe", error=TypeError)


def _cat_groups(groups: list, dim: int) -> Array:
    """cat, where stacked tensors are laid one after the other along `dim` at once."""
    parts: list = []
    for group in groups:
        if isinstance(group, list):
            parts += group
        else:
            d = wrap_dim(dim, group.ndim - 1)
            shape = group.shape[1:]
            parts.append(jnp.moveaxis(group, 0, d).reshape(*shape[:d], group.shape[0] * shape[d], *shape[d + 1:]))
    return cat(parts, dim)


def _stack_groups(groups: list, dim: int) -> Array:
    """stack, where stacked tensors have but to get their new dimension to its place."""
    parts = [stack(g, dim) if isinstance(g, list) else jnp.moveaxis(g, 0, wrap_dim(dim, g.ndim)) for g in groups]
    return cat(parts, wrap_dim(dim, parts[0].ndim))


@op(apart=0, autocast="promote", strides="joined", saves=False, forms="function out", joins=_cat_groups, host=np.concatenate,
    samples=lambda t: [(([t(2, 3), t(4, 3)],), {}), (([t(2, 3), t(2, 1)], 1), {})], into=INTO)
def cat(tensors: Arrays, dim: int = 0) -> Array:
    """Tensors joined along `dim`; empty 1-dim tensors are left out."""
    require(len(tensors) > 0, "torch.cat(): expected a non-empty list of Tensors", ValueError)
    for i, x in enumerate(tensors):
        require(x.ndim > 0, f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    tensors = common(tensors)
    parts = [x for x in tensors if x.shape != (0,)]
    if not parts:
        return tensors[0]
    first = parts[0].shape
    dim = wrap_dim(dim, len(first))
    for i, x in enumerate(tensors):
        if x.shape == (0,):
            continue
        require(x.ndim == len(first), f"Tensors must have same number of dimensions: got {len(first)} and {x.ndim}")
        for d, n in enumerate(x.shape):
            require(d == dim or n == first[d],
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {first[d]} but got size {n} "
                    f"for tensor number {i} in the list.")
    return lax.concatenate(parts, dim) if len(parts) > 1 else parts[0]


alias("cat", "concat", "concatenate")


@op(apart=0, autocast="promote", saves=False, forms="function out", samples=lambda t: [(([t(2, 3), t(2, 3)], 1), {})],
    into=INTO, joins=_stack_groups, host=np.stack)
def stack(tensors: Arrays, dim: int = 0) -> Array:
    """Tensors of one shape joined along a new dimension `dim`."""
    require(len(tensors) > 0, "stack expects a non-empty TensorList")
    shape = tensors[0].shape
    dim = wrap_dim(dim, len(shape) + 1)
    for i, x in enumerate(tensors):
        require(x.shape == shape, f"stack expects each tensor to be equal size, but got {listing(shape)} at entry 0 "
                                  f"and {listing(x.shape)} at entry {i}")
    return lax.concatenate([lax.expand_dims(x, (dim,)) for x in common(tensors)], dim)


@composite(forms="function out", into=INTO)
def hstack(t, tensors):
    """Tensors joined along dimension 1 (vectors along dimension 0)."""
    need_list("hstack", tensors)
    require(len(tensors) > 0, "hstack expects a non-empty TensorList")
    tensors = [x if x.ndim else x.reshape(1) for x in tensors]
    return t.cat(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


@composite(forms="function out", into=INTO)
def vstack(t, tensors):
    """Tensors joined along dimension 0, vectors as rows."""
    need_list("vstack", tensors)
    require(len(tensors) > 0, "vstack expects a non-empty TensorList")
    return t.cat([t.atleast_2d(x) for x in tensors], 0)


alias("vstack", "row_stack")


@composite(forms="function out", into=INTO)
def dstack(t, tensors):
    """Tensors joined along dimension 2."""
    need_list("dstack", tensors)
    require(len(tensors) > 0, "dstack expects a non-empty TensorList")
    return t.cat([t.atleast_3d(x) for x in tensors], 2)


@composite(forms="function out", into=INTO)
def column_stack(t, tensors):
    """Tensors joined along dimension 1, vectors as columns."""
    need_list("column_stack", tensors)
    require(len(tensors) > 0, "column_stack expects a non-empty TensorList")
    return t.hstack([x.reshape(x.numel(), 1) if x.ndim < 2 else x for x in tensors])


def _at_least(t, tensors, raised):
    """`raised` of the only tensor, or of each of several."""
    if len(tensors) == 1 and not isinstance(tensors[0], t.Tensor):
        need_list("atleast_1d", tensors[0])
        return tuple(raised(x) for x in tensors[0])
    return raised(tensors[0]) if len(tensors) == 1 else tuple(raised(x) for x in tensors)


@composite(forms="function")
def atleast_1d(t, *tensors):
    """Each tensor with at least one dimension."""
    return _at_least(t, tensors, lambda x: x if x.ndim else x.reshape(1))


@composite(forms="function")
def atleast_2d(t, *tensors):
    """Each tensor with at least two dimensions; a vector becomes a row."""
    return _at_least(t, tensors, lambda x: x if x.ndim > 1 else x.unsqueeze(0) if x.ndim else x.reshape(1, 1))


@composite(forms="function")
def atleast_3d(t, *tensors):
    """Each tensor with at least three dimensions; a matrix gets a last one, a vector one before and one after."""
    def raised(x):
        if x.ndim == 0:
            return x.reshape(1, 1, 1)
        return x if x.ndim > 2 else x.unsqueeze(-1) if x.ndim == 2 else x.unsqueeze(0).unsqueeze(-1)
    return _at_least(t, tensors, raised)


@composite(forms="function")
def broadcast_tensors(t, *tensors):
    """Tensors expanded to their common shape."""
    if len(tensors) == 1 and not isinstance(tensors[0], t.Tensor):
        tensors = tensors[0]
    shape = broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x if x.shape == shape else x.expand(shape) for x in tensors)


@composite(forms="function")
def meshgrid(t, *tensors, indexing=None):
    """Grids of coordinates; result i varies along dimension i ("ij"), or the first two exchanged ("xy")."""
    if len(tensors) == 1 and not isinstance(tensors[0], t.Tensor):
        tensors = tensors[0]
    if indexing is None:
        warn_once("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
    require(len(tensors) > 0, "meshgrid expects a non-empty TensorList")
    require(indexing in (None, "ij", "xy"),
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in tensors:
        if x.ndim > 1:      # the text shows the values: nothing that is to be made up before
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}")
        require(x.dtype is tensors[0].dtype, "meshgrid expects all tensors to have the same dtype")
        require(x.device == tensors[0].device, "meshgrid expects all tensors to have the same device")
    swapped = indexing == "xy" and len(tensors) >= 2
    order = [1, 0, *range(2, len(tensors))] if swapped else list(range(len(tensors)))
    sizes = [tensors[i].numel() for i in order]
    grids = tuple(x.view([-1 if order[k] == i else 1 for k in range(len(tensors))]).expand(sizes)
                  for i, x in enumerate(tensors))
    return grids


@composite(forms="function")
def cartesian_prod(t, *tensors):
    """All combinations of one element from each vector, a row for each."""
    for x in tensors:
        require(x.ndim == 1, f"Expect a 1D vector, but got shape {listing(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return t.stack([g.reshape(-1) for g in t.meshgrid(*tensors, indexing="ij")], 1)


@op(strides="first", saves=False, forms="function method", samples=lambda t: [((t(2, 3), (0, 1)), {})])
def flip(input: Array, dims: Shape) -> Array:
    """The order of elements reversed along `dims`."""
    return lax.rev(input, wrap_dims(dims, input.ndim, every=False))


@composite()
def fliplr(t, input):
    """The order reversed along dimension 1."""
    require(input.ndim >= 2, "Input must be >= 2-d.")
    return t.flip(input, (1,))


@composite()
def flipud(t, input):
    """The order reversed along dimension 0."""
    require(input.ndim >= 1, "Input must be >= 1-d.")
    return t.flip(input, (0,))


@op(strides="format", saves=False, forms="function method",
    samples=lambda t: [((t(4, 3), 1), {}), ((t(4, 3), (1, -2), (0, 1)), {})])
def roll(input: Array, shifts: Dims, dims: Dims | None = ()) -> Array:
    """Elements shifted along `dims`, those that leave at one end coming in at the other; without dims, as one row."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    require(len(shifts) > 0, "`shifts` required")
    dims = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if len(shifts) != len(dims) and not (len(shifts) == 1 and not dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    if not dims:
        return jnp.roll(input.reshape(-1), shifts[0]).reshape(input.shape)
    return jnp.roll(input, shifts, tuple(wrap_dim(d, input.ndim, scalar=False) for d in dims))


def _turned(avals: list, attributes: dict) -> tuple[int, ...] | None:
    """A quarter of a turn is a flip whose dims are exchanged; no turn is a copy row by row."""
    shape, strides = laid(avals[0])
    if attributes["k"] % 4 == 0:
        return None
    found = list(preserved(shape, strides))
    if attributes["k"] % 2:
        a, b = attributes["dims"]
        found[a], found[b] = found[b], found[a]
    return tuple(found)


@op(saves=False, forms="function method", rule="Rot90Backward0", strides=_turned,
    samples=lambda t: [((t(2, 3),), {}), ((t(2, 3), 2), {})])
def rot90(input: Array, k: int = 1, dims: Dims = (0, 1)) -> Array:
    """The plane of two dims turned k times by 90 degrees, from the first towards the second."""
    require(len(dims) == 2, f"expected total rotation dims == 2, but got dims = {len(dims)}")
    require(input.ndim >= 2, f"expected total dims >= 2, but got total dims = {input.ndim}")
    plane = tuple(wrap_dim(d, input.ndim) for d in dims)
    require(plane[0] != plane[1], f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return jnp.rot90(input, k, plane)


def _tiled(input: Array, repeats: tuple[int, ...]) -> Array:
    """Repeats each dimension by broadcasting: (n) -> (r, n) -> (r * n)."""
    shape = (1,) * (len(repeats) - input.ndim) + input.shape
    nonnegative([n * r for n, r in zip(shape, repeats, strict=True)])
    split = [m for n in shape for m in (1, n)]
    full = [m for n, r in zip(shape, repeats, strict=True) for m in (r, n)]
    return jnp.broadcast_to(input.reshape(split), full).reshape([n * r for n, r in zip(shape, repeats, strict=True)])


@op(saves=False, forms="method", samples=lambda t: [((t(2, 3), (2, 1, 2)), {})])
def repeat(input: Array, repeats: Shape) -> Array:
    """The tensor repeated along each dimension; more numbers than dimensions put new ones before."""
    require(len(repeats) >= input.ndim,
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return _tiled(input, tuple(repeats))


@op(saves=False, forms="function method", rule="RepeatBackward0", samples=lambda t: [((t(2, 3), (2,)), {})])
def tile(input: Array, dims: Shape) -> Array:
    """The tensor repeated along its last dimensions."""
    return _tiled(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


@op(name="_repeat_interleave", saves=False, forms="function", rule="ViewBackward0",
    samples=lambda t: [((t(2, 3), 2, 1), {}), ((t(2, 3), 2), {})])
def repeat_each(input: Array, repeats: int, dim: int | None = None) -> Array:
    """Every element (slice along `dim`) repeated in place so many times; without `dim`, of the flattened tensor."""
    require(repeats >= 0, "Repeats must be non-negative")
    if dim is None or input.ndim == 0:
        wrap_dim(dim or 0, 1)
        input, dim = input.reshape(-1), 0
    dim = wrap_dim(dim, input.ndim)
    before, n, after = input.shape[:dim], input.shape[dim], input.shape[dim + 1:]
    return jnp.broadcast_to(input.reshape(*before, n, 1, *after), (*before, n, repeats, *after)).reshape(
        *before, n * repeats, *after)


@composite()
def repeat_interleave(t, input, repeats=None, dim=None, *, output_size=None):
    """Elements (slices along `dim`) repeated in place, all by one number or each by its own."""
    if isinstance(repeats, int):
        result = t._repeat_interleave(input, repeats, dim)
        n = result.shape[0 if dim is None else dim]
        require(output_size in (None, n), f"repeat_interleave: Invalid output_size, expected {n} but got {output_size}")
        return result
    if repeats is None:     # the places themselves
        dtype = input.dtype if input.dtype is t.int32 else t.int64
        return t.repeat_interleave(t.arange(input.numel(), dtype=dtype, device=input.device), input, 0, output_size=output_size)
    require(isinstance(repeats, t.Tensor), "repeat_interleave() received an invalid combination of arguments - got (Tensor, "
            f"{type(repeats).__name__}), but expected one of:\n * (Tensor input, Tensor repeats, int dim = None)\n * "
            "(Tensor input, int repeats, int dim = None)", TypeError)
    if repeats.dtype not in (t.int64, t.int32):
        raise NotImplementedError(f'"repeat_interleave_cpu" not implemented for {c_name(repeats.dtype)!r}')
    require(repeats.dim() <= 1, "repeats must be 0-dim or 1-dim tensor")
    if dim is None:
        input, dim = input.reshape(-1), 0
    if repeats.is_meta:
        require(output_size is not None, "cannot repeat_interleave a meta tensor without output_size")
        return t.index_select(input, dim, t.empty(output_size, dtype=t.int64, device=repeats.device))
    counts = np.asarray(repeats.tolist(), np.int64).reshape(-1)
    require(bool((counts >= 0).all()), "repeats can not be negative")
    n = input.shape[wrap_dim(dim, input.ndim)]
    require(counts.size in (1, n), f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                                   f"{counts.size} and input.size({dim}) = {n}")
    places = np.repeat(np.arange(n), counts if counts.size == n else counts[0])
    require(output_size in (None, places.size), "allocated size does not match required size")
    return t.index_select(input, dim, t.tensor(places, device=input.device))


def _cloned(avals: list, attributes: dict) -> tuple[int, ...] | None:
    return asked(*laid(avals[0]), attributes["memory_format"])


@op(strides=_cloned, saves=False, forms="function method", samples=lambda t: [((t(2, 3),), {})])
def clone(input: Array, *, memory_format: object = None) -> Array:
    """A copy."""
    return input


@op(strides="first", saves=False, forms="function", rule="ToCopyBackward0", samples=None)
def to_dtype(input: Array, *, dtype: DType) -> Array:
    """The elements as another dtype: floats are cut off towards zero, complex numbers lose their imaginary part."""
    return recast(input, dtype)


@composite(forms="function")
def combinations(t, input, r=2, with_replacement=False):
    """All combinations of r elements of a vector, a row for each."""
    require(input.ndim == 1, f"Expect a 1D vector, but got shape {listing(input.shape)}")
    require(r >= 0, f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    grid = np.indices((input.shape[0],) * r).reshape(r, -1)
    steps = np.diff(grid, axis=0)
    keep = (steps >= 0 if with_replacement else steps > 0).all(axis=0) if r > 1 else np.ones(grid.shape[1], bool)
    return t.stack([input[t.tensor(row, device=input.device)] for row in grid[:, keep]], 1)
