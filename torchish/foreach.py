"""torch._foreach_*: one op on each tensor of a list. XLA fuses them; no kernels of their own are needed.

In: lists of tensors.  Out: tuples of tensors; where the name ends in `_`, the list itself.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any

from .namespace import namespace as t
from .ops.check import require
from .tensor import Tensor

__all__ = ["FOREACH"]

UNARY = ["abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma",
         "log", "log10", "log1p", "log2", "neg", "reciprocal",
         "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"]
# name -> the function of two tensors, and that of a tensor and a number
BINARY = {"add": ("add", "add"), "sub": ("sub", "sub"), "mul": ("mul", "mul"), "div": ("div", "div"),
          "clamp_min": ("clamp_min", "clamp_min"), "clamp_max": ("clamp_max", "clamp_max"),
          "maximum": ("maximum", "clamp_min"), "minimum": ("minimum", "clamp_max"), "pow": ("pow", "pow")}
TAKE_A_TENSOR = ("add", "mul", "div")       # in the place of one number for all
FOREACH: dict[str, Callable] = {}


def _publish(fn: Callable, name: str, doc: str) -> None:
    fn.__name__ = fn.__qualname__ = f"_foreach_{name}"
    fn.__doc__ = doc
    FOREACH[fn.__name__] = fn


def _tensors(name: str, value: Any, position: int = 0, argument: str = "self") -> Sequence:
    """A list of tensors; TypeError where it is something else."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"_foreach_{name}(): argument '{argument}' (position {position + 1}) must be tuple of Tensors, not "
                        f"{type(value).__name__}")
    for k, x in enumerate(value):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument {position}, but got {type(x).__name__}")
    return value


def _lists(name: str, self: Any, *others: Any) -> list[Sequence]:
    """The tensors, and beside each of them what belongs to it: from lists of their length, or one number for all."""
    found: list[Sequence] = [_tensors(name, self)]
    require(len(self) > 0, "Tensor list must have at least one tensor.")
    for position, other in enumerate(others, 1):
        if isinstance(other, (list, tuple)):
            if any(isinstance(x, Tensor) for x in other):
                _tensors(name, other, position)
                require(len(other) == len(self), "Tensor lists must have the same number of tensors, got "
                                                 f"{len(self)} and {len(other)}")
            require(len(other) == len(self), "Tensor list must have same number of elements as scalar list.")
        found.append(other if isinstance(other, (list, tuple)) else [other] * len(self))
    return found


def _unary(name: str) -> None:
    def out_of_place(self):
        return tuple(getattr(x, name)() for x in _lists(name, self)[0])

    def in_place(self):
        for x in _lists(f"{name}_", self)[0]:
            getattr(x, f"{name}_")()
        return self
    _publish(out_of_place, name, f"{name} of each tensor.")
    _publish(in_place, f"{name}_", f"{name} of each tensor, in place.")


def _given(*values: Any) -> Any:
    """The one that was given."""
    return next((v for v in values if v is not None), None)


def _operands(name: str, self: Any, other: Any, scaled: bool) -> Iterator[tuple[Tensor, Any]]:
    """Pairs of a tensor and what is on the other side; `scaled`: that a factor was given, which numbers do not take."""
    kind = name.rstrip("_")
    if isinstance(other, Tensor) and kind in TAKE_A_TENSOR:
        require(other.dim() == 0, f"scalar tensor expected to be 0 dim but it has {other.dim()} dimensions and {other.numel()} "
                                  "elements.")
    elif isinstance(other, Tensor) and other.dim() == 0:
        other = other.item()
    elif isinstance(other, (Tensor, str)) or other is None or scaled and not isinstance(other, (list, tuple)):
        if kind == "sub" and scaled:
            _tensors(name, other, 1, "other")
        factor = ", alpha=int" if scaled else ""
        raise TypeError(f"_foreach_{name}() received an invalid combination of arguments - got ({type(self).__name__}, "
                        f"{type(other).__name__}{factor}), but expected one of:\n"
                        " * (tuple of Tensors self, tuple of Scalars scalars)\n * (tuple of Tensors self, tuple of Tensors other)\n"
                        " * (tuple of Tensors self, Number scalar)")
    return zip(*_lists(name, self, other), strict=True)


def _binary(name: str, functions: tuple[str, str]) -> None:
    if name in ("add", "sub"):
        def out_of_place(self, other=None, *, scalar=None, scalars=None, alpha=1):
            return tuple(getattr(t, name)(x, y, alpha=alpha)
                         for x, y in _operands(name, self, _given(other, scalar, scalars), alpha != 1))

        def in_place(self, other=None, *, scalar=None, scalars=None, alpha=1):
            for x, y in _operands(f"{name}_", self, _given(other, scalar, scalars), alpha != 1):
                getattr(x, f"{name}_")(y, alpha=alpha)
            return self
    else:
        def out_of_place(self, other=None, *, exponent=None, scalar=None, scalars=None):
            if isinstance(self, (bool, int, float, complex)) and name == "pow":     # a number to the power of each tensor
                return tuple(t.pow(self, y) for y in _lists(name, _given(other, exponent))[0])
            return tuple(getattr(t, functions[not isinstance(y, Tensor)])(x, y)
                         for x, y in _operands(name, self, _given(other, exponent, scalar, scalars), False))

        def in_place(self, other=None, *, exponent=None, scalar=None, scalars=None):
            for x, y in _operands(f"{name}_", self, _given(other, exponent, scalar, scalars), False):
                # a maximum has no form in place: the bound of a clamp is one
                getattr(x, {"maximum": "clamp_min_", "minimum": "clamp_max_"}.get(name, f"{name}_"))(y)
            return self
    _publish(out_of_place, name, f"{name} of each tensor and a number, or of pairs.")
    _publish(in_place, f"{name}_", f"{name} of each tensor and a number, or of pairs, in place.")


def _pointwise(name: str) -> None:
    def out_of_place(self, tensor1, tensor2, value=1, *, scalars=None):
        return tuple(getattr(t, name)(x, a, b, value=v)
                     for x, a, b, v in _with_values(name, self, tensor1, tensor2, value, scalars))

    def in_place(self, tensor1, tensor2, value=1, *, scalars=None):
        for x, a, b, v in _with_values(f"{name}_", self, tensor1, tensor2, value, scalars):
            getattr(x, f"{name}_")(a, b, value=v)
        return self
    _publish(out_of_place, name, f"{name} of each three tensors.")
    _publish(in_place, f"{name}_", f"{name} of each three tensors, in place.")


def _with_values(name: str, self: Any, tensor1: Any, tensor2: Any, value: Any, scalars: Any) -> Iterator[tuple]:
    value = value if scalars is None else scalars
    if isinstance(value, Tensor):
        require(value.dim() == 1, f"Expected packed scalar Tensor to be of dimension 1. Got {value.dim()} instead.")
        require(len(value) == len(self), f"Expected length of scalars to match input of length {len(self)} but got {len(value)} "
                                         "instead.")
        value = value.tolist()
    return zip(*_lists(name, self, tensor1, tensor2, value), strict=True)


for _name in UNARY:
    _unary(_name)
for _name, _functions in BINARY.items():
    _binary(_name, _functions)
for _name in ("addcdiv", "addcmul"):
    _pointwise(_name)


def _zero_(self: Sequence) -> Sequence:
    for x in _lists("zero_", self)[0]:
        x.zero_()
    return self


def _clone(self: Sequence, *, memory_format: Any = None) -> tuple:
    return tuple(x.clone() for x in _lists("clone", self)[0])


def _copy_(self: Sequence, src: Sequence, non_blocking: bool = False) -> Sequence:
    for x, y in zip(*_lists("copy_", self, src), strict=True):
        x.copy_(y)
    return self


def _norm(self: Sequence, ord: Any = 2, dtype: Any = None) -> tuple:
    require(ord != inf or all(x.numel() for x in _tensors("norm", self)),
            "_foreach_norm cannot compute the infinity norm on an empty tensor because the operation does not have an identity")
    return tuple(t.vector_norm(x, ord, dtype=dtype) for x in _lists("norm", self)[0])


def _powsum(self: Sequence, ord: Any = 2, dtype: Any = None) -> tuple:
    return tuple(t.sum(t.pow(t.abs(x), ord), dtype=dtype) for x in _lists("powsum", self)[0])


def _max(self: Sequence) -> tuple:
    require(all(x.numel() for x in self), "_foreach_max cannot compute the maximum of an empty tensor; max over zero elements is "
                                          "undefined.")
    return tuple(t.max(x) for x in _lists("max", self)[0])


def _mm(self: Sequence, mat2: Sequence) -> tuple:
    return tuple(t.mm(x, y) for x, y in zip(*_lists("mm", self, mat2), strict=True))


def _lerp(self: Sequence, tensors1: Sequence, weight: Any = None, *, weights: Any = None) -> tuple:
    return tuple(t.lerp(x, y, w) for x, y, w in zip(*_lists("lerp", self, tensors1, _given(weight, weights)), strict=True))


def _lerp_(self: Sequence, tensors1: Sequence, weight: Any = None, *, weights: Any = None) -> Sequence:
    for x, y, w in zip(*_lists("lerp_", self, tensors1, _given(weight, weights)), strict=True):
        x.lerp_(y, w)
    return self


for _fn, _doc in ((_zero_, "Zero in each tensor."), (_clone, "A copy of each tensor."),
                  (_copy_, "Each tensor takes the value of the other."),
                  (_norm, "The norm of each tensor."), (_powsum, "The sum of the powers of each tensor's absolute values."),
                  (_max, "The largest element of each tensor."), (_mm, "The matrix product of each pair."),
                  (_lerp, "lerp of each pair."), (_lerp_, "lerp of each pair, in place.")):
    _publish(_fn, _fn.__name__[1:], _doc)
