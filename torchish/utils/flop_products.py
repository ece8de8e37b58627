"""Which products of matrices, and convolutions, an op of the table is, and which its backward is.

In: an op's name, its arguments by name with shapes in place of tensors.  Out: calls of ATen's operators.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Call", "backward_calls", "forward_calls"]

Shape = tuple[int, ...]
CONVOLUTIONS = {f"conv{'_transpose' * transposed}{n}d": (n, transposed) for n in (1, 2, 3) for transposed in (False, True)}


class Call(NamedTuple):
    """A call of torch.ops.aten.<name>; shapes stand for tensors."""
    name: str
    args: tuple
    out: Any


class Product(NamedTuple):
    """a @ b, in two dims or in three; the operands of the op that either was made from; what it is added to."""
    a: Shape
    b: Shape
    left: frozenset[str]
    right: frozenset[str]
    added: Shape | None = None

    @property
    def out(self) -> Shape:
        """The shape of the result."""
        return (*self.a[:-1], self.b[-1])

    @property
    def name(self) -> str:
        """ATen's."""
        return "mm" if len(self.a) == 2 else "bmm"


def _turned(shape: Shape) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2])


def _product(a: Shape, b: Shape, left: str, right: str, added: Shape | None = None) -> Iterator[Product]:
    """What matmul makes of its operands; nothing of a vector on the right, which is no product of matrices."""
    if len(b) < 2:
        return
    if len(a) == 1:
        a = (1, *a)
    if len(b) == 2:
        yield Product((prod(a[:-1]), a[-1]), b, frozenset({left}), frozenset({right}), added)
        return
    batch = prod(np.broadcast_shapes(a[:-2], b[:-2]))
    yield Product((batch, *a[-2:]), (batch, *b[-2:]), frozenset({left}), frozenset({right}), added)


def _of_two(left: str, right: str, added: str | None, args: Mapping) -> Iterator[Product]:
    return _product(args[left], args[right], left, right, None if added is None else args[added])


def _linear(args: Mapping) -> Iterator[Product]:
    return _product(args["input"], _turned(args["weight"]), "input", "weight", args["bias"])


def _attention(args: Mapping) -> Iterator[Product]:
    *lead, rows, d = args["query"]
    columns, width = args["key"][-2], args["value"][-1]
    batch = prod(lead)
    yield Product((batch, rows, d), (batch, d, columns), frozenset({"query"}), frozenset({"key"}))
    yield Product((batch, rows, columns), (batch, columns, width), frozenset({"query", "key"}), frozenset({"value"}))


def _recurrent(args: Mapping) -> Iterator[Product]:
    """A layer over (T, N, in), one product for all times and one for each state; or a cell, (N, in) or (in,)."""
    *times, n, wide = (1, *args["input"]) if len(args["input"]) == 1 else args["input"]
    hx = args["hx"]
    hx, state = (hx[0], "hx.0") if hx and not isinstance(hx[0], int) else (hx, "hx")
    every = frozenset({"input", "hx", "hx.0", "hx.1", "w_ih", "w_hh", "b_ih", "b_hh"})
    w_ih, w_hh = _turned(args["w_ih"]), _turned(args["w_hh"])
    yield Product((prod(times) * n, wide), w_ih, frozenset({"input"}), frozenset({"w_ih"}), args["b_ih"])
    for k in range(prod(times)):
        yield Product((n, hx[-1]), w_hh, every if k else frozenset({state}), frozenset({"w_hh"}), args["b_hh"])


def _einsum(args: Mapping) -> Iterator[Product]:
    """The operands one after the other, each with what those before it gave."""
    left, arrow, result = args["equation"].replace(" ", "").replace("...", ".").partition("->")
    terms = left.split(",")
    if not arrow:
        result = "." * ("." in left) + "".join(c for c in left if c not in ",." and left.count(c) == 1)
    size: dict[str, int] = {}
    for term, shape in zip(terms, args["operands"], strict=True):
        before = term.find(".") if "." in term else len(term)
        after = len(term) - before - 1 if "." in term else 0
        end = len(shape) - after
        sizes = [*shape[:before], *([prod(shape[before:end])] if "." in term else ()), *shape[end:]]
        for label, n in zip(term, sizes, strict=True):
            size[label] = max(n, size.get(label, 1))
    have, names = set(terms[0]), frozenset({"operands.0"})
    for k, term in enumerate(terms[1:], 1):
        new, later = set(term), set(result).union(*terms[k + 1:])
        summed, both = (have & new) - later, have & new & later
        if summed:
            batch, m, n, contracted = (prod(size[c] for c in labels) for labels in
                                       (both, (have - new) & later, (new - have) & later, summed))
            yield Product((batch, m, contracted), (batch, contracted, n), names, frozenset({f"operands.{k}"}))
        have, names = (have | new) & later, names | {f"operands.{k}"}


def _tensordot(args: Mapping) -> Iterator[Product]:
    a, b = args["a"], args["b"]
    k = prod(a[d] for d in args["dims_self"])
    yield Product((prod(a) // max(k, 1), k), (k, prod(b) // max(k, 1)), frozenset({"a"}), frozenset({"b"}))


PRODUCTS: dict[str, Callable[[Mapping], Iterator[Product]]] = {
    "mm": partial(_of_two, "input", "mat2", None), "bmm": partial(_of_two, "input", "mat2", None),
    "matmul": partial(_of_two, "input", "other", None), "addmm": partial(_of_two, "mat1", "mat2", "input"),
    "baddbmm": partial(_of_two, "batch1", "batch2", "input"), "linear": _linear, "_attention": _attention,
    "einsum_core": _einsum, "tensordot_core": _tensordot, "_recurrent_layer": _recurrent, "_lstm_layer": _recurrent,
    "gru_cell": _recurrent, "lstm_cell": _recurrent, "rnn_tanh_cell": _recurrent, "rnn_relu_cell": _recurrent}


def _convolution(name: str, args: Mapping, out: Shape) -> tuple[tuple, Shape]:
    """The arguments of aten.convolution, and the shape of its result, with a batch."""
    n, transposed = CONVOLUTIONS[name]
    alone = len(args["input"]) == n + 1
    x, out = ((1, *s) if alone else s for s in (args["input"], out))
    return (x, args["weight"], args["bias"], args["stride"], args["padding"], args["dilation"], transposed,
            args.get("output_padding", (0,) * n), args["groups"]), out


def forward_calls(name: str, args: Mapping, out: Any) -> list[Call]:
    """What an op with a result of shape `out` calls."""
    if name in CONVOLUTIONS:
        given, out = _convolution(name, args, out)
        return [Call("convolution", given, out)]
    if name not in PRODUCTS:
        return []
    return [Call(p.name, (p.a, p.b), p.out) if p.added is None else
            Call("addmm" if p.name == "mm" else "baddbmm", (p.added, p.a, p.b), p.out) for p in PRODUCTS[name](args)]


def backward_calls(name: str, args: Mapping, out: Any, wanted: Sequence[str] | set[str]) -> list[Call]:
    """What the gradients of the operands `wanted` call ("operands.1": one of a list)."""
    if name in CONVOLUTIONS:
        (x, w, bias, *options), out = _convolution(name, args, out)
        mask = tuple(k in wanted for k in ("input", "weight", "bias"))
        made = tuple(shape if m else None for m, shape in zip(mask, (x, w, bias), strict=True))
        return [Call("convolution_backward", (out, x, w, bias, *options, mask), made)] if any(mask) else []
    calls = []
    for p in PRODUCTS[name](args) if name in PRODUCTS else ():
        if not p.left.isdisjoint(wanted):
            calls.append(Call(p.name, (p.out, _turned(p.b)), p.a))
        if not p.right.isdisjoint(wanted):
            calls.append(Call(p.name, (_turned(p.a), p.out), p.b))
    return calls
