"""Ops that the facade itself needs: detach, copies, straight-through values.

In: arrays.  Out: arrays.  They carry no arithmetic; what matters is which gradients they pass.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..dtypes import from_numpy
from .check import broadcast_shapes
from .precision import recast
from .table import Array, Number, cast, op

__all__ = ["FOUND", "copy", "detach", "fill", "laid", "straight", "zero"]


@op(forms="function method", view=True, saves=False, differentiable=False, write=lambda base, value: value,
    samples=lambda t: [((t(2, 3),), {})])
def detach(input: Array) -> Array:
    """The same values, cut from the graph; shares storage with `input`."""
    return lax.stop_gradient(input) if not hasattr(input, "strides") else input


@op(name="_copy", strides="same", forms="", saves=False, rule="CopyBackwards")
def copy(input: Array, src: Array) -> Array:
    """`src` broadcast to the shape and cast to the dtype of `input`, to which no gradient goes."""
    src = recast(src, from_numpy(input.dtype))
    if src.shape == input.shape:
        return src
    shape = broadcast_shapes(input.shape, src.shape)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    return jnp.broadcast_to(src, shape)


@op(name="_fill", strides="first", forms="", saves=False, rule="FillBackward2", samples=lambda t: [((t(2, 3), 1.5), {})])
def fill(input: Array, value: Number) -> Array:
    """`value` in every place: what fill_ does to a tensor with history, whose gradient becomes 0."""
    return jnp.full(input.shape, cast(value, input.dtype))


@op(name="_zero", strides="first", forms="", saves=False, rule="ZeroBackward0", samples=lambda t: [((t(2, 3),), {})])
def zero(input: Array) -> Array:
    """Zeros: what zero_ does to a tensor with history."""
    return jnp.zeros(input.shape, input.dtype)


@op(name="_straight", strides="first", forms="", saves=False, rule="")
def straight(input: Array, value: Array) -> Array:
    """`value`, with the gradient going to `input` unchanged: what a write through `.data` does to a tensor with history."""
    return _through(input, value)


@jax.custom_jvp
def _through(input: Array, value: Array) -> Array:
    return value


@_through.defjvp
def _through_jvp(primals: tuple, tangents: tuple) -> tuple:
    return primals[1], tangents[0].astype(primals[1].dtype)


def _underived(name: str, rule: str) -> Any:
    """The op by which what torch's `name` found in a tensor depends on it: no derivative is implemented."""
    def found(input: Array, values: Array) -> Array:
        """`values`, which were found in `input`."""
        return values
    return op(name=f"_found_by_{name.lstrip('_')}", forms="", rule=rule, underived={"input": name})(found)


FOUND = {name: _underived(name, rule) for name, rule in (
    ("_unique2", "Unique2Backward0"), ("unique_dim", "UniqueDimBackward0"), ("unique_consecutive", "UniqueConsecutiveBackward0"))}


def put_changed(flat: Any, places: Any, values: Any) -> Any:
    """`flat` with `values` at `places`, where a place may come several times: the value that differs from the old one counts."""
    changed = values != flat[places]
    return flat.at[jnp.where(changed, places, flat.size)].set(values, mode="drop")


def write_by_index(view: Callable, which: int | None, repeats: bool) -> Callable:
    """How to write through any view: seen through it, a range tells where each element goes (maybe several, with `repeats`)."""
    def write(base: Any, value: Any, **attributes: Any) -> Any:
        where = view(jnp.arange(base.size).reshape(base.shape), **attributes)
        where = (where if which is None else where[which]).reshape(-1)
        flat, new = base.reshape(-1), value.reshape(-1)
        return (put_changed(flat, where, new) if repeats else flat.at[where].set(new)).reshape(base.shape)
    return write


@op(name="_laid", forms="", saves=False, rule="", strides=lambda avals, attributes: attributes["strides"])
def laid(input: Array, *, strides: tuple) -> Array:
    """`input` itself under other strides: what is written in place lies where the old value lay."""
    return input


@op(name="_alias", strides="first", forms="", saves=False, rule="AliasBackward0")
def alias(input: Array) -> Array:
    """`input` itself, as an entry of its own."""
    return input
