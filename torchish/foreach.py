"""torch._foreach_*: one op on each tensor of a list. XLA fuses them; no kernels of their own are needed.

In: lists of tensors.  Out: lists of tensors, the same tensors where the name ends in `_`.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .namespace import namespace

__all__ = ["FOREACH"]

UNARY = ["abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma",
         "log", "log10", "log1p", "log2", "neg", "reciprocal",
         "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"]
BINARY = ["add", "sub", "mul", "div", "clamp_min", "clamp_max", "maximum", "minimum", "pow"]
FOREACH: dict[str, Callable] = {}


def _publish(fn: Callable, name: str, doc: str) -> None:
    fn.__name__ = fn.__qualname__ = f"_foreach_{name}"
    fn.__doc__ = doc
    FOREACH[fn.__name__] = fn


def _others(self: Sequence, other: Any) -> list:
    return list(other) if isinstance(other, (list, tuple)) else [other] * len(self)


def _unary(name: str) -> None:
    def out_of_place(self):
        return tuple(getattr(x, name)() for x in self)

    def in_place(self):
        return [getattr(x, f"{name}_")() for x in self]
    _publish(out_of_place, name, f"{name} of each tensor.")
    _publish(in_place, f"{name}_", f"{name} of each tensor, in place.")


def _binary(name: str, scaled: bool) -> None:
    if scaled:
        def out_of_place(self, other=None, *, scalars=None, alpha=1):
            return tuple(getattr(namespace, name)(x, y, alpha=alpha) for x, y in _pairs(self, other, scalars))

        def in_place(self, other=None, *, scalars=None, alpha=1):
            return [getattr(x, f"{name}_")(y, alpha=alpha) for x, y in _pairs(self, other, scalars)]
    else:
        def out_of_place(self, other=None, *, scalars=None):
            return tuple(getattr(namespace, name)(x, y) for x, y in _pairs(self, other, scalars))

        def in_place(self, other=None, *, scalars=None):
            return [getattr(x, f"{name}_")(y) for x, y in _pairs(self, other, scalars)]
    _publish(out_of_place, name, f"{name} of each tensor and a number, or of pairs.")
    _publish(in_place, f"{name}_", f"{name} of each tensor and a number, or of pairs, in place.")


def _pairs(self: Sequence, other: Any, scalars: Any) -> Any:
    return zip(self, _others(self, other if scalars is None else scalars), strict=True)


for _name in UNARY:
    _unary(_name)
for _name in BINARY:
    _binary(_name, _name in ("add", "sub"))


def _zero_(self: Sequence) -> list:
    return [x.zero_() for x in self]


def _copy_(self: Sequence, src: Sequence, non_blocking: bool = False) -> list:
    return [x.copy_(y) for x, y in zip(self, src, strict=True)]


def _norm(self: Sequence, ord: Any = 2, dtype: Any = None) -> tuple:
    return tuple(namespace.vector_norm(x, ord, dtype=dtype) for x in self)


def _lerp_(self: Sequence, tensors1: Sequence, weight: Any) -> list:
    return [x.lerp_(y, w) for x, y, w in zip(self, tensors1, _others(self, weight), strict=True)]


_publish(_zero_, "zero_", "Zero in each tensor.")
_publish(_copy_, "copy_", "Each tensor takes the value of the other.")
_publish(_norm, "norm", "The norm of each tensor.")
_publish(_lerp_, "lerp_", "lerp of each pair, in place.")
