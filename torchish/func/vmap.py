"""torch.vmap: a function of one member of a batch becomes a function of the batch.

In: a function, and which dimension of which argument is the batch's.  Out: a function whose call records one entry: JAX's vmap of
what the function does to one member.  The function runs once, on tensors that do not show the batch.
Source: https://docs.pytorch.org/docs/stable/generated/torch.vmap.html
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..avals import aval_of
from ..members import NO_DRAWS
from ..namespace import namespace
from ..nested import Nested, NoValueError, entry
from ..ops.transforms import batched
from ..random import get_rng_state, set_rng_state
from ..recorder import hooks
from ..storage import like, storage_of
from ..strides import dense, laid, strides_of
from ..tensor import Tensor
from ..utils._pytree import broadcast_prefix, tree_flatten, tree_leaves, tree_structure
from .arguments import check_randomness, dense_only, write_back, written
from .outside import on_the_step

__all__ = ["Call", "vmap"]


def vmap(func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable:
    """`func` mapped over the dimension `in_dims` of its arguments (an int or None for each, in a tree like theirs).

    out_dims: where the batch's dimension stands in the results. randomness: what random draws inside do: "error", "same" for all
    members, "different". chunk_size: so many members at a time. Errors: torch's, for sizes that differ, for trees that do not fit,
    for results that are no tensors, and where `func` asks for a value.
    """
    check_randomness(randomness)
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = Call(func, in_dims, out_dims)
        call.take(args)
        try:
            return call.run(kwargs, randomness, chunk_size)
        except NoValueError:
            if not on_the_step():
                raise
        return call.by_member(kwargs, randomness)
    return wrapped


def _without(values: tuple, d: int) -> tuple:
    return values[:d] + values[d + 1:]


def _name(func: Callable) -> str:
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


class Call:
    """One call of a mapped function."""

    def __init__(self, func: Callable, in_dims: Any, out_dims: Any) -> None:
        self.func, self.in_dims, self.out_dims, self.name = func, in_dims, out_dims, _name(func)
        self.leaves: list = []
        self.dims: list[int | None] = []
        self.size = 0

    def take(self, args: tuple) -> None:
        """Looks at the arguments: `leaves`, the dimension each is mapped over, the size of the batch."""
        at = f"vmap({self.name}, in_dims={self.in_dims}, ...)(<inputs>)"
        if not isinstance(self.in_dims, (int, tuple)):
            raise ValueError(f"{at}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
                             f"inputs, got: {type(self.in_dims)}.")
        if not args:
            raise ValueError(f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
                             "vmap over a function with no inputs. The latter is unsupported.")
        self.leaves, self.spec = tree_flatten(args)
        dims = broadcast_prefix(self.in_dims, self.spec)
        if dims is None:
            raise ValueError(f"{at}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
                             f"{tree_structure(self.in_dims)} but inputs has structure {self.spec}.")
        sizes = []
        for x, d in zip(self.leaves, dims, strict=True):
            if d is None:
                self.dims.append(None)
                continue
            if not isinstance(d, int):
                raise ValueError(f"{at}: Got in_dim={d} for an input but in_dim must be either an integer dimension or None.")
            if not isinstance(x, Tensor):
                raise ValueError(f"{at}: Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap over "
                                 "non-Tensor arguments, please use None as the respective in_dim")
            dense_only([x])
            n = x.dim()
            if not -n <= d < n:
                raise ValueError(f"{at}: Got in_dim={d} for some input, but that input is a Tensor of dimensionality {n} so "
                                 f"expected in_dim to satisfy -{n} <= in_dim < {n}.")
            self.dims.append(d % n)
            sizes.append(x.shape[d])
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if len(set(sizes)) > 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the "
                             "mapped dimension")
        self.size = sizes[0]

    def run(self, kwargs: dict, randomness: str, chunk: int | None) -> Any:
        """Runs the function on inner tensors, records the entry, and puts the results together."""
        with Nested("vmap", batch=self.size, randomness=randomness) as inside:
            inner = list(self.leaves)
            for k, (x, d) in enumerate(zip(self.leaves, self.dims, strict=True)):
                if d is not None:
                    a = x._node.aval
                    strides = None if a.strides is None and d == 0 else _without(strides_of(a), d)
                    inner[k] = inside.input(x, aval_of(a.shape[:d] + a.shape[d + 1:], a.dtype, a.device, strides), axis=d)
            self.inner = inner
            out = self.func(*self.spec.unflatten(inner), **kwargs)
            outs, spec = tree_flatten(out)
            dims = self._out_dims(out, outs, spec, inside.is_marked)
            places = [k for k, x in enumerate(outs) if isinstance(x, Tensor)]
            seen = [(k, source, x) for k in places for x in (outs[k],) for source in (self._source(x),) if source is not None]
            changed = [k for k in written(inner) if self.dims[k] is not None]
            closed = inside.close([*[outs[k] for k in places], *[inner[k] for k in changed]])
        axes = [*[dims[k] for k in places], *[self.dims[k] for k in changed]]
        out_axes = (*axes, *[None] * (len(closed.outs) - len(axes)))
        in_axes, size = inside.in_axes(), self.size
        results = closed.apply_effects(entry("vmap", [closed], (in_axes, out_axes, size, chunk),
                                             lambda f: batched(f, in_axes, out_axes, size, chunk)))
        write_back(self.leaves, changed, results[len(places):])
        for k, r in zip(places, results, strict=False):
            outs[k] = r
        for k, source, x in seen:
            if dims[k] is not None:
                outs[k] = self._view(source, x, dims[k], outs[k])
        return spec.unflatten(outs)

    def by_member(self, kwargs: dict, randomness: str) -> Any:
        """Runs the function once for each member, on the tape of the step, and stacks the results.

        So it is where a custom function looks at values inside a transform in the function.  Errors: torch's, where it draws random
        numbers and has not been told what that means.
        """
        before = get_rng_state()
        found: list[list] = []
        for k in range(self.size):
            if randomness == "same":
                set_rng_state(before)
            args = [x if d is None else x.select(d, k) for x, d in zip(self.leaves, self.dims, strict=True)]
            out = self.func(*self.spec.unflatten(args), **kwargs)
            if randomness == "error" and not namespace.equal(before, get_rng_state()):
                set_rng_state(before)
                raise RuntimeError(NO_DRAWS)
            outs, spec = tree_flatten(out)
            dims = self._out_dims(out, outs, spec, lambda x: False)
            found.append(outs)
        each = zip(*found, strict=True)
        return spec.unflatten([row[0] if d is None else hooks.stack(list(row)).movedim(0, d)
                               for row, d in zip(each, dims, strict=True)])

    def _source(self, x: Tensor) -> int | None:
        """Which of the mapped arguments shares its storage with `x`, and is read as the same dtype."""
        owner = storage_of(x)
        return next((k for k, i in enumerate(self.inner) if i is owner and self.dims[k] is not None and i.dtype is x.dtype), None)

    def _view(self, source: int, x: Tensor, dim: int, result: Tensor) -> Any:
        """A result that shares the storage of an argument, as a view of it: the argument itself where it comes back as it was."""
        outer, d = self.leaves[source], self.dims[source]
        if x is self.inner[source] and x._view is None:
            if tuple(x.shape) != outer.shape[:d] + outer.shape[d + 1:]:
                return result       # it has got another shape in place
            return outer if d == dim else outer.movedim(d, dim)
        if not dense(*laid(storage_of(outer)._node.aval)):
            return result       # a member of a batch around, which has gaps: the storage is not to be seen from here
        size, strides = list(x.shape), list(x.stride())
        size.insert(dim, self.size)
        strides.insert(dim, outer.stride(d))
        view = outer.as_strided(size, strides, outer.storage_offset() + x.storage_offset())
        result = like(result, view._node.aval)
        result._view = view._view
        return result

    def _out_dims(self, out: Any, outs: list, spec: Any, differs: Callable[[Tensor], bool]) -> list:
        """Where the batch's dimension stands in each result."""
        if any(d is not None and not isinstance(d, int) for d in tree_leaves(self.out_dims)):
            raise ValueError(f"vmap({self.name}, ..., out_dims={self.out_dims}): `out_dims` must be an int, None or a python "
                             "collection of ints representing where in the outputs the vmapped dimension should appear.")
        given = self.out_dims
        if isinstance(out, Tensor) and isinstance(given, tuple) and len(given) == 1:
            given = given[0]
        dims = broadcast_prefix(given, spec)
        if dims is None:
            raise ValueError(f"vmap({self.name}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not compatible with the "
                             f"structure of `outputs`. out_dims has structure {tree_structure(self.out_dims)} but outputs has "
                             f"structure {spec}.")
        found: list = []
        for x, d in zip(outs, dims, strict=True):
            if not isinstance(x, Tensor):
                if d is not None:
                    raise ValueError(f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type {type(x)}. Did you "
                                     "mean to set out_dims= to None for output?")
                found.append(None)
                continue
            n = x.dim() + 1
            if d is None and differs(x):
                raise ValueError(f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when out_dim is None")
            if d is not None and not -n <= d < n:
                raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
            found.append(None if d is None else d % n)
        return found
