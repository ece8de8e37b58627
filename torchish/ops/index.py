"""Indexing: what `x[...]` and `x[...] = v` are recorded as.

In: a jax array (for `slice` also a numpy dummy) and an index in the canonical form of `torchish.indexing.parse`.
Out: the part of it, or the array with that part replaced.
"""
from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..dtypes import c_name, from_numpy
from ..dtypes import dtype as DType
from ..scalar import overflow
from ..warned import warn
from .check import listing, out_of_bounds, refuse_outside, require, wrap_dim
from .into import InPlace
from .precision import recast
from .table import Array, Arrays, Numbers, composite, op
from .view import newaxis, seen

BYTES = "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead."
IN_BOUNDS = "promise_in_bounds"     # indices are not masked: XLA clamps what it reads and drops what it cannot write
READ = "fill"       # what a user's index reads outside is nan (the least integer), never another place's value
COLON = slice(None)


class Plan:
    """A basic index worked out for one shape: start, length, step for each dimension, and the result's shape."""
    __slots__ = ("dynamic", "lengths", "shape", "starts", "steps")

    def __init__(self, shape: tuple[int, ...], starts: Numbers, spec: tuple) -> None:
        values: Iterator = iter(starts)
        axes, result, dim = [], [], 0
        for item in spec:
            if item[0] == "n":
                result.append(1)
                continue
            n, dim = shape[dim], dim + 1
            if item[0] == ":":
                axes.append((0, n, 1))
                result.append(n)
            elif item[0] == "i":
                axes.append((_checked(next(values), dim - 1, n), 1, 1))
            else:
                axes.append((next(values), item[1], item[2]))
                result.append(item[1])
        axes += [(0, n, 1) for n in shape[dim:]]
        self.starts, self.lengths, self.steps = zip(*axes, strict=True) if axes else ((), (), ())
        self.shape = (*result, *shape[dim:])
        self.dynamic = not all(isinstance(s, int) for s in starts)

    @property
    def spans(self) -> list[int]:
        """How many places each dimension reaches over, from the first to the last that is taken."""
        return [(n - 1) * step + 1 if n else 0 for n, step in zip(self.lengths, self.steps, strict=True)]


def _checked(start: int | Array, dim: int, n: int) -> int | Array:
    if not isinstance(start, int):
        return start                # dynamic_slice wraps negative starts itself
    if not -n <= start < n:
        raise IndexError(f"index {start} is out of bounds for dimension {dim} with size {n}")
    return start if start >= 0 else start + n


def _numpy_view(input: np.ndarray, starts: Numbers, spec: tuple) -> np.ndarray:
    values = iter(starts)
    dim = 0
    for item in spec:       # one after another, as torch does, which shows in the stride of a new dimension
        before = (COLON,) * dim
        if item[0] == "i":
            input = input[(*before, int(next(values)), ...)]    # with an ellipsis numpy gives a view even of one element
            continue
        if item[0] == "n":
            input = newaxis(input, dim)
        elif item[0] == "s":
            start = int(next(values))
            if not item[1]:             # numpy would forget where the empty part begins
                strides = [s // input.itemsize for s in input.strides]
                offset, strides[dim] = start * strides[dim], strides[dim] * item[2]
                input = seen(input, (*input.shape[:dim], 0, *input.shape[dim + 1:]), strides, offset)
                dim += 1
                continue
            input = input[(*before, slice(start, start + item[1] * item[2], item[2]))]
        dim += 1
    return input


def _rule(attributes: dict) -> str:
    """torch's name: it applies the items one after another, and the last one names the node."""
    spec = attributes["spec"]
    for item in reversed(spec):
        if item[0] != ":":
            return {"i": "SelectBackward0", "s": "SliceBackward0", "n": "UnsqueezeBackward0"}[item[0]]
    return "SliceBackward0" if len(spec) == 1 else "AliasBackward0"


def _write_slice(base: Array, value: Array, starts: Numbers = (), *, spec: tuple) -> Array:
    plan = Plan(base.shape, starts, spec)
    value = recast(value, from_numpy(base.dtype)).reshape(plan.lengths)
    if value.size == 0:
        return base
    if value.shape == base.shape:
        return value
    places = [jnp.asarray(s, jnp.int64) for s in plan.starts]
    if any(step > 1 for step in plan.steps):
        # the strided part is laid over the span that it reaches, where its places are
        span = lax.dynamic_slice(base, places, plan.spans)
        spread = [(0, 0, step - 1) for step in plan.steps]
        taken = lax.pad(jnp.ones(value.shape, bool), False, spread)
        value = jnp.where(taken, lax.pad(value, jnp.zeros((), value.dtype), spread), span)
    return lax.dynamic_update_slice(base, value, places)


@op(name="slice", view=True, write=_write_slice, saves=False, rule=_rule, forms="",
    samples=lambda t: [((t(5, 4), (1, 3)), {"spec": (("s", 2, 2), ("i",))})])
def slice_(input: Array, starts: Numbers, *, spec: tuple) -> Array:
    """input[...] with ints, slices, None: `spec` has ("i",), ("s", length, step), (":",) or ("n",) for each."""
    if isinstance(input, np.ndarray):
        return _numpy_view(input, starts, spec)
    plan = Plan(input.shape, starts, spec)
    if plan.dynamic:
        result = lax.dynamic_slice(input, [jnp.asarray(s, jnp.int64) for s in plan.starts], plan.spans)
        if any(step > 1 for step in plan.steps):
            result = lax.slice(result, [0] * input.ndim, plan.spans, plan.steps)
    else:
        stops = [start + span for start, span in zip(plan.starts, plan.spans, strict=True)]
        result = lax.slice(input, plan.starts, stops, None if set(plan.steps) <= {1} else plan.steps)
    return result if result.shape == plan.shape else result.reshape(plan.shape)


def add_at(base: Array, key: tuple, values: Array) -> Array:
    """`values` added at `key`; truth values are combined by or."""
    at = base.at[key]
    return at.max(values, mode=IN_BOUNDS) if base.dtype == jnp.bool_ else at.add(values, mode=IN_BOUNDS)


def _key(spec: tuple, arrays: Arrays) -> tuple:
    rest = iter(arrays)
    return tuple(COLON if item == ":" else next(rest) for item in spec)


def refuse_no_rows(n: int, index: jax.Array) -> None:
    """torch's error where rows are chosen of a dimension of size 0."""
    require(n or not index.size, "index_select(): self indexing axis dim should be positive")


def advanced_key(shape: tuple[int, ...], indices: Arrays, spec: tuple) -> tuple:
    """The indices as a key for jnp: a colon or an index array for each dimension. torch's errors if they do not fit."""
    if len(spec) > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)} (got {len(spec)})")
    for index in indices:
        if index.dtype not in (jnp.int64, jnp.int32):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    named = [n for n, item in zip(shape, spec, strict=False) if item == "t"]
    if 0 in named and all(indices[k].size for k, n in enumerate(named) if not n):
        raise IndexError("index is out of bounds for dimension with size 0")
    try:
        np.broadcast_shapes(*(index.shape for index in indices))
    except ValueError:
        shapes = ", ".join(listing(index.shape) for index in indices)
        raise IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                         f"{shapes}") from None
    return _key(spec, indices)


def _look(input: Any, indices: Any, *others: Any) -> None:
    """The places of a known index; torch counts index tensors where it says in which dimension one is outside."""
    spec = next(o for o in others if isinstance(o, tuple))
    dims = [d for d, item in enumerate(spec) if item == "t"]
    for k, (d, places) in enumerate(zip(dims, indices, strict=True)):
        if d < len(input.shape):
            n = input.shape[d]
            if not n and 0 not in places.shape:
                raise IndexError("index is out of bounds for dimension with size 0")
            refuse_outside(places, n, out_of_bounds(k, n, IndexError), wrap=True)


@op(forms="", rule="IndexBackward0", look=_look,
    samples=lambda t: [((t(5, 4), [t(3, dtype="int64", low=0, high=5)]), {"spec": ("t",)}),
                       ((t(3, 4, 5), [t(2, dtype="int64", low=0, high=3), t(2, dtype="int64", low=0, high=5)]),
                        {"spec": ("t", ":", "t")})])
def index(input: Array, indices: Arrays, *, spec: tuple) -> Array:
    """input[...] with integer tensors: `spec` has "t" where the next of them stands and ":" for a full dimension."""
    return input.at[advanced_key(input.shape, indices, spec)].get(mode=READ)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def put(spec: tuple, base: Array, values: Array, *indices: Array) -> Array:
    """`base` with a part replaced. Every one of `values` gets its place's gradient, even if another overwrote it."""
    return base.at[_key(spec, indices)].set(values, mode=IN_BOUNDS)


@put.defjvp
def _put_jvp(spec: tuple, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    base, values, *indices = primals
    d_base, d_values, *_ = tangents
    key = _key(spec, indices)
    kept = jnp.ones(base.shape, base.dtype).at[key].set(0, mode=IN_BOUNDS)
    return put(spec, base, values, *indices), (d_base * kept).at[key].add(d_values, mode=IN_BOUNDS)


def _fit(values: Array, target: tuple[int, ...]) -> Array:
    """`values` broadcast to the indexed part."""
    if values.ndim > len(target) or any(n not in (1, m) for n, m in zip(values.shape[::-1], target[::-1], strict=False)):
        raise RuntimeError(f"shape mismatch: value tensor of shape {listing(values.shape)} cannot be broadcast to "
                           f"indexing result of shape {listing(target)}")
    return jnp.broadcast_to(values, target)


def expect_dtype(own: DType, given: DType) -> None:
    """torch's error for values of another dtype than that of the tensor they are put into."""
    if given is not own:
        raise RuntimeError(f"Index put requires the source and destination dtypes match, got {c_name(own)} for the destination and "
                           f"{c_name(given)} for the source.")


@op(name="_index_put", strides="first", forms="method", inplace=InPlace(indexed="index_put_"), rule="IndexPutBackward0", look=_look,
    samples=lambda t: [((t(5, 4), [t(1, dtype="int64", low=0, high=5)], t(1, 4)), {"spec": ("t",)}),
                       ((t(5, 4), [t(6, dtype="int64", low=0, high=5)], t(6, 4)),
                        {"spec": ("t",), "accumulate": True})])
def index_put_at(input: Array, indices: Arrays, values: Array, *, spec: tuple, accumulate: bool = False) -> Array:
    """`input` with input[indices] replaced by `values`, or `values` added there (all, also where places repeat)."""
    key = advanced_key(input.shape, indices, spec)
    target = jax.eval_shape(lambda a, *k: a.at[_key(spec, k)].get(mode=IN_BOUNDS), input, *indices).shape
    fitted = _fit(values, target)
    if values.ndim:
        expect_dtype(from_numpy(input.dtype), from_numpy(values.dtype))
    values = recast(fitted, from_numpy(input.dtype))
    return add_at(input, key, values) if accumulate else put(spec, input, values, *indices)


def refuse_complex(input: Array, value: Any) -> None:
    """torch's error for a complex number that fills places of a real tensor."""
    if jnp.iscomplexobj(value) and not jnp.iscomplexobj(input) and input.dtype != jnp.bool_:
        raise overflow(input.dtype)


@op(name="_mask_put", strides="first", forms="method", inplace=True, rule="IndexPutBackward0",
    samples=lambda t: [((t(3, 4), t(3, 4, dtype="bool"), t()), {})])
def mask_put(input: Array, mask: Array, values: Array, *, dim: int = 0) -> Array:
    """input[mask] = values, where the mask begins at dimension `dim` and `values` is one value."""
    refuse_complex(input, values)
    rest = input.ndim - dim - mask.ndim
    return jnp.where(mask.reshape(mask.shape + (1,) * rest), recast(values, from_numpy(input.dtype)), input)


def _index_arguments(t, indices, name):
    """Tensors and spec of `index_put`'s tuple of indices; masks become the places where they are true."""
    if isinstance(indices, t.Tensor):
        raise TypeError(f"{name}(): argument 'indices' (position 1) must be tuple of Tensors, not Tensor")
    tensors, spec = [], []
    for k, i in enumerate(indices):
        if not isinstance(i, t.Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(i).__name__}")
        if i.dtype is t.uint8:
            warn(BYTES)
        found = t.nonzero(i, as_tuple=True) if i.dtype in (t.bool, t.uint8) else (i,)
        tensors.extend(found)
        spec.extend("t" for _ in found)
    return tensors, tuple(spec)


def _index_put(t, name, input, indices, values, accumulate):
    """The call of `name`, "index_put" or "index_put_": one value goes where a single mask holds in any dtype."""
    if not accumulate and not isinstance(indices, t.Tensor) and len(indices) == 1 and values.numel() == 1 \
            and getattr(indices[0], "dtype", None) is t.bool and tuple(indices[0].shape) == tuple(input.shape[:indices[0].ndim]):
        return getattr(input, name.replace("index", "_mask"))(indices[0], values.reshape(()))
    tensors, spec = _index_arguments(t, indices, name)
    if not values.ndim:
        expect_dtype(input.dtype, values.dtype)
    return getattr(input, f"_{name}")(tensors, values, spec=spec, accumulate=accumulate)


@composite()
def index_put(t, input, indices, values, accumulate=False):
    """`input` with input[indices] replaced by `values`, or `values` added there."""
    return _index_put(t, "index_put", input, indices, values, accumulate)


@composite(name="index_put_", forms="method")
def index_put_(t, input, indices, values, accumulate=False):
    """index_put in place."""
    return _index_put(t, "index_put_", input, indices, values, accumulate)


@op(name="_masked_select", forms="", rule="MaskedSelectBackward0",
    samples=lambda t: [((t(3, 4), t(5, dtype="int64", low=0, high=12)), {})])
def selected(input: Array, places: Array) -> Array:
    """The elements at places of the flattened input: what masked_select takes once it knows where the mask holds."""
    return input.reshape(-1)[places]


@op(strides="first", saves=False, forms="function method", samples=lambda t: [((t(3, 4), t(3), 1, 2), {})])
def select_scatter(input: Array, src: Array, dim: int, index: int) -> Array:
    """`input` with slice number `index` of dimension `dim` replaced by `src`."""
    require(input.ndim > 0, "select() cannot be applied to a 0-dim tensor.", IndexError)
    dim = wrap_dim(dim, input.ndim)
    require(-input.shape[dim] <= index < input.shape[dim], f"select(): index {index} out of range for tensor of size "
            f"{listing(input.shape)} at dimension {dim}", IndexError)
    expected = input.shape[:dim] + input.shape[dim + 1:]
    require(src.shape == expected, "expected src to have a size equal to the slice of self. src size = "
                                   f"{listing(src.shape)}, slice size = {listing(expected)}")
    return _write_slice(input, src, (index,), spec=((":",),) * dim + (("i",),))


@op(strides="first", saves=False, samples=lambda t: [((t(4, 3), t(2, 3)), {"start": 0, "end": 2})])
def slice_scatter(input: Array, src: Array, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1) -> Array:
    """`input` with the slice start:end:step of dimension `dim` replaced by `src`."""
    require(input.ndim > 0, "slice() cannot be applied to a 0-dim tensor.", IndexError)
    require(step > 0, "slice step must be positive")
    dim = wrap_dim(dim, input.ndim)
    first, last, _ = slice(start, end).indices(input.shape[dim])
    length = max(0, -((first - last) // step))
    expected = (*input.shape[:dim], length, *input.shape[dim + 1:])
    require(src.shape == expected, "expected src to have a size equal to the slice of self. src size = "
                                   f"{listing(src.shape)}, slice size = {listing(expected)}")
    return _write_slice(input, src, (first,), spec=((":",),) * dim + (("s", length, step),))
