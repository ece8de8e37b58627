"""Padding (torch.nn.functional.pad).

In: a jax array, and pairs of numbers of places for its last dimensions, the last one first.  Out: the padded array.
"""
from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .check import listing, require
from .precision import no_bool
from .table import Array, Dims, Number, cast, op

MODES = {"reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}


_SUPPORTED = """Supported combinations for non-constant padding:
  - 2D or 3D input: padding size = 2 (pads last dimension)
  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)
  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"""


def _rule(attributes: dict) -> str:
    mode = attributes.get("mode", "constant")
    if mode == "constant":
        return "ConstantPadNdBackward0"
    if mode == "circular":          # torch writes the parts into a new tensor
        return "CopySlices"
    return f"{MODES[mode]}Pad{len(attributes['pad']) // 2}DBackward0"


@op(strides="format", saves=False, forms="F", rule=_rule,
    samples=lambda t: [((t(2, 3), (1, 2)), {}), ((t(2, 3), (1, 0, -1, 2), "constant", 1.5), {})])
def pad(input: Array, pad: Dims, mode: str = "constant", value: Number | None = None) -> Array:
    """`input` with places put before and after its last dimensions; a negative number takes places away."""
    require(len(pad) % 2 == 0, "Padding length must be divisible by 2")
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    require(len(pairs) <= input.ndim, "Padding length should be less than or equal to two times the input dimension "
                                      f"but got padding length {len(pad)} and input of dimension {input.ndim}")
    if mode == "constant":
        return _constant(input, pairs, value)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    require(value is None or value == 0, f'Padding mode "{mode}" doesn\'t take in value argument')
    if not (len(pairs) <= 3 and input.ndim in (len(pairs) + 1, len(pairs) + 2)):
        raise NotImplementedError(f"Padding size {len(pad)} is not supported for {input.ndim}D input tensor.\n" + _SUPPORTED)
    first, n = input.ndim - len(pairs), len(pairs) + 1
    require(mode == "circular" or 0 not in input.shape[input.ndim - n:],
            f"Expected {n}D or {n + 1}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {listing(input.shape)}")
    for i, widest in enumerate(map(max, reversed(pairs))):
        dim = input.ndim - 1 - i
        require(mode != "reflect" or widest < input.shape[dim],
                f"Argument #{4 + 2 * i}: Padding size should be less than the corresponding input dimension, but got: padding "
                f"{pairs[-1 - i]} at dimension {dim} of input {listing(input.shape)}")
    if mode != "circular":
        _refuse_small(input.shape[first:], pairs)
    for i, (before, after) in enumerate(pairs):
        input = _along(input, first + i, before, after, mode)
    return input


def _refuse_small(shape: tuple[int, ...], pairs: list) -> None:
    """Refuses to take all places away, or more."""
    left = [n + before + after for n, (before, after) in zip(shape, pairs, strict=True)]
    if min(left) < 0 or max(left) < 1:
        names = "DHW"[-len(left):]
        raise RuntimeError(f"input ({', '.join(f'{k}: {n}' for k, n in zip(names, shape, strict=True))}) is too small. Calculated "
                           f"output {' '.join(f'{k}: {n}' for k, n in zip(names, left, strict=True))}")


def _constant(input: Array, pairs: list, value: Number | None) -> Array:
    full = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    for n, (before, after) in zip(input.shape, full, strict=True):
        require(n + min(before, 0) + min(after, 0) >= 0, "narrow(): length must be non-negative.")
    return lax.pad(input, cast(0 if value is None else value, input.dtype), [(a, b, 0) for a, b in full])


def _along(input: Array, dim: int, before: int, after: int, mode: str) -> Array:
    """One dimension padded with its own elements."""
    n = input.shape[dim]
    if mode != "circular":
        no_bool(f"{'reflection' if mode == 'reflect' else 'replication'}_pad{min(max(input.ndim - 2, 1), 3)}d", input)

    def part(start: int, stop: int) -> Array:
        return lax.slice_in_dim(input, start, stop, axis=dim)
    if mode == "circular":
        require(before <= n and after <= n, "Padding value causes wrapping around more than once.")
        require(n + before + after >= 0, "Negative padding value is resulting in an empty dimension")
        first, last = max(-before, 0), n - max(-after, 0)       # what is cut off at one end does not come in at the other
        require(max(before, after, 0) <= last - first, "Padding value causes wrapping around more than once.")
        head, tail = part(last - before, last) if before > 0 else None, part(first, first + after) if after > 0 else None
        middle = part(first, last)
    else:
        middle = input
        if mode == "reflect":
            head = lax.rev(part(1, before + 1), (dim,)) if before > 0 else None
            tail = lax.rev(part(n - 1 - after, n - 1), (dim,)) if after > 0 else None
        else:
            head = jnp.repeat(part(0, 1), before, dim, total_repeat_length=before) if before > 0 else None
            tail = jnp.repeat(part(n - 1, n), after, dim, total_repeat_length=after) if after > 0 else None
    parts = [p for p in (head, middle, tail) if p is not None]
    made = lax.concatenate(parts, dim) if len(parts) > 1 else middle
    if mode == "circular" or min(before, after) >= 0:
        return made
    return lax.slice_in_dim(made, max(-before, 0), made.shape[dim] - max(-after, 0), axis=dim)      # also of what was put on


@op(strides="format", saves=False, forms="function", rule="ConstantPadNdBackward0",
    samples=lambda t: [((t(2, 3), (1, 2), 1.5), {})])
def constant_pad_nd(input: Array, pad: Dims, value: Number = 0) -> Array:
    """`input` padded with a number."""
    require(len(pad) % 2 == 0, f"Length of pad must be even but instead it equals {len(pad)}")
    require(len(pad) <= 2 * input.ndim, "Length of pad should be no more than twice the number of dimensions of the input. Pad "
                                        f"length is {len(pad)}while the input has {input.ndim}dimensions.")
    return _constant(input, [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1], value)
