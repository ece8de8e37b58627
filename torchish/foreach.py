"""torch._foreach_*: one op on each tensor of a list. XLA fuses them; no kernels of their own are needed.

In: lists of tensors.  Out: tuples of tensors; where the name ends in `_`, the list itself.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .namespace import namespace as t
from .ops.check import require
from .tensor import Tensor

__all__ = ["FOREACH"]

UNARY = ["abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma",
         "log", "log10", "log1p", "log2", "neg", "reciprocal",
         "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"]
BINARY = ["add", "sub", "mul", "div", "clamp_min", "clamp_max", "maximum", "minimum"]
FOREACH: dict[str, Callable] = {}


def _publish(fn: Callable, name: str, doc: str) -> None:
    fn.__name__ = fn.__qualname__ = f"_foreach_{name}"
    fn.__doc__ = doc
    FOREACH[fn.__name__] = fn


def _lists(self: Sequence, *others: Any) -> list[Sequence]:
    """The tensors, and beside each of them what belongs to it: from lists of their length, or one number for all."""
    require(len(self) > 0, "Tensor list must have at least one tensor.")
    found: list[Sequence] = [self]
    for other in others:
        if isinstance(other, (list, tuple)):
            if not other or isinstance(other[0], Tensor):
                require(len(other) == len(self), "Tensor lists must have the same number of tensors, got "
                                                 f"{len(self)} and {len(other)}")
            require(len(other) == len(self), "Tensor list must have same number of elements as scalar list.")
        found.append(other if isinstance(other, (list, tuple)) else [other] * len(self))
    return found


def _unary(name: str) -> None:
    def out_of_place(self):
        return tuple(getattr(x, name)() for x in _lists(self)[0])

    def in_place(self):
        for x in _lists(self)[0]:
            getattr(x, f"{name}_")()
        return self
    _publish(out_of_place, name, f"{name} of each tensor.")
    _publish(in_place, f"{name}_", f"{name} of each tensor, in place.")


def _given(*values: Any) -> Any:
    """The one that was given."""
    return next((v for v in values if v is not None), None)


def _binary(name: str, scaled: bool) -> None:
    if scaled:
        def out_of_place(self, other=None, *, scalar=None, scalars=None, alpha=1):
            pairs = zip(*_lists(self, _given(other, scalar, scalars)), strict=True)
            return tuple(getattr(t, name)(x, y, alpha=alpha) for x, y in pairs)

        def in_place(self, other=None, *, scalar=None, scalars=None, alpha=1):
            for x, y in zip(*_lists(self, _given(other, scalar, scalars)), strict=True):
                getattr(x, f"{name}_")(y, alpha=alpha)
            return self
    else:
        def out_of_place(self, other=None, *, scalar=None, scalars=None):
            return tuple(getattr(t, name)(x, y) for x, y in zip(*_lists(self, _given(other, scalar, scalars)), strict=True))

        def in_place(self, other=None, *, scalar=None, scalars=None):
            for x, y in zip(*_lists(self, _given(other, scalar, scalars)), strict=True):
                getattr(x, f"{name}_")(y)
            return self
    _publish(out_of_place, name, f"{name} of each tensor and a number, or of pairs.")
    _publish(in_place, f"{name}_", f"{name} of each tensor and a number, or of pairs, in place.")


def _pointwise(name: str) -> None:
    def out_of_place(self, tensor1, tensor2, value=1, *, scalars=None):
        return tuple(getattr(t, name)(x, a, b, value=v) for x, a, b, v in _with_values(self, tensor1, tensor2, value, scalars))

    def in_place(self, tensor1, tensor2, value=1, *, scalars=None):
        for x, a, b, v in _with_values(self, tensor1, tensor2, value, scalars):
            getattr(x, f"{name}_")(a, b, value=v)
        return self
    _publish(out_of_place, name, f"{name} of each three tensors.")
    _publish(in_place, f"{name}_", f"{name} of each three tensors, in place.")


def _with_values(self: Sequence, tensor1: Any, tensor2: Any, value: Any, scalars: Any) -> Any:
    value = value if scalars is None else scalars
    return zip(*_lists(self, tensor1, tensor2, value.tolist() if isinstance(value, Tensor) else value), strict=True)


for _name in UNARY:
    _unary(_name)
for _name in BINARY:
    _binary(_name, _name in ("add", "sub"))
for _name in ("addcdiv", "addcmul"):
    _pointwise(_name)


def _zero_(self: Sequence) -> Sequence:
    for x in _lists(self)[0]:
        x.zero_()
    return self


def _clone(self: Sequence, *, memory_format: Any = None) -> tuple:
    return tuple(x.clone() for x in _lists(self)[0])


def _copy_(self: Sequence, src: Sequence, non_blocking: bool = False) -> Sequence:
    for x, y in zip(*_lists(self, src), strict=True):
        x.copy_(y)
    return self


def _pow(self: Any, exponent: Any) -> tuple:
    if not isinstance(self, (list, tuple)):         # a number to the power of each tensor
        return tuple(t.pow(self, y) for y in _lists(exponent)[0])
    return tuple(t.pow(x, y) for x, y in zip(*_lists(self, exponent), strict=True))


def _pow_(self: Sequence, exponent: Any) -> Sequence:
    for x, y in zip(*_lists(self, exponent), strict=True):
        x.pow_(y)
    return self


def _norm(self: Sequence, ord: Any = 2, dtype: Any = None) -> tuple:
    return tuple(t.vector_norm(x, ord, dtype=dtype) for x in _lists(self)[0])


def _powsum(self: Sequence, ord: Any = 2, dtype: Any = None) -> tuple:
    return tuple(t.sum(t.pow(t.abs(x), ord), dtype=dtype) for x in _lists(self)[0])


def _max(self: Sequence) -> tuple:
    require(all(x.numel() for x in self), "_foreach_max cannot compute the maximum of an empty tensor; max over zero elements is "
                                          "undefined.")
    return tuple(t.max(x) for x in _lists(self)[0])


def _mm(self: Sequence, mat2: Sequence) -> tuple:
    return tuple(t.mm(x, y) for x, y in zip(*_lists(self, mat2), strict=True))


def _lerp(self: Sequence, tensors1: Sequence, weight: Any = None, *, weights: Any = None) -> tuple:
    return tuple(t.lerp(x, y, w) for x, y, w in zip(*_lists(self, tensors1, _given(weight, weights)), strict=True))


def _lerp_(self: Sequence, tensors1: Sequence, weight: Any = None, *, weights: Any = None) -> Sequence:
    for x, y, w in zip(*_lists(self, tensors1, _given(weight, weights)), strict=True):
        x.lerp_(y, w)
    return self


for _fn, _doc in ((_zero_, "Zero in each tensor."), (_clone, "A copy of each tensor."), (_pow, "Powers of each pair."),
                  (_copy_, "Each tensor takes the value of the other."), (_pow_, "Powers of each pair, in place."),
                  (_norm, "The norm of each tensor."), (_powsum, "The sum of the powers of each tensor's absolute values."),
                  (_max, "The largest element of each tensor."), (_mm, "The matrix product of each pair."),
                  (_lerp, "lerp of each pair."), (_lerp_, "lerp of each pair, in place.")):
    _publish(_fn, _fn.__name__[1:], _doc)
