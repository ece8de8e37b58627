"""Abstract values: shape, dtype, device and strides of a tensor, one object for each combination.

In: shapes and dtypes.  Out: interned `Aval` objects (equal means identical), so that keys of the tape hash by address.
"""
from __future__ import annotations

from math import prod

from .dtypes import dtype as Dtype
from .sizes import Size

__all__ = ["Aval", "Out", "aval_of", "contiguous_strides", "require_countable"]


class Out:
    """A result of an entry, or a tensor outside any tape: abstract value, requires_grad, slot."""
    __slots__ = ("aval", "rg", "slot")
    op = None       # an entry (`tape.Node`) has one

    def __init__(self, aval: Aval, rg: bool, slot: int) -> None:
        self.aval, self.rg, self.slot = aval, rg, slot


class Aval:
    """Shape, dtype, device and strides. Made by `aval_of` only."""
    __slots__ = ("shape", "dtype", "device", "strides", "plain", "grad", "numel")

    def __init__(self, shape: Size, dtype: Dtype, device: str, strides: tuple[int, ...] | None) -> None:
        self.shape, self.dtype, self.device, self.strides = shape, dtype, device, strides
        self.numel = prod(shape)
        self.plain = Out(self, False, -1)
        self.grad = Out(self, True, -1)

    @property
    def differentiable(self) -> bool:
        """Whether tensors of this dtype can require gradients."""
        return self.dtype.category >= 2

    def __repr__(self) -> str:
        short = {"float": "f", "int": "i", "uint": "u", "complex": "c", "bfloat": "bf", "bool": "bool"}
        if self.dtype.name.startswith("float8"):
            return f"{self.dtype.name.replace('float', 'f')}[{','.join(map(str, self.shape))}]"
        head = self.dtype.name.rstrip("0123456789")
        return f"{short[head]}{self.dtype.name[len(head):]}[{','.join(map(str, self.shape))}]"


_interned: dict[tuple, Aval] = {}


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Row-major strides, counted in elements; as torch, a dimension of size 0 counts as 1."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def require_countable(shape: tuple[int, ...], itemsize: int) -> None:
    """Raises where a new tensor of this shape has more bytes, or its rows more elements, than 63 bits can count."""
    if prod(max(n, 1) for n in shape) * itemsize < 2 ** 63:
        return
    if prod(shape):
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    if contiguous_strides(shape)[0] >= 2 ** 63:
        raise RuntimeError("Stride calculation overflowed")


def aval_of(shape: tuple[int, ...], dtype: Dtype, device: str = "cpu", strides: tuple[int, ...] | None = None) -> Aval:
    """The one Aval of these properties; strides None means contiguous."""
    if strides is not None and strides == contiguous_strides(shape):
        strides = None
    key = (shape, dtype, device, strides)
    found = _interned.get(key)
    if found is None:
        found = _interned.setdefault(key, Aval(Size(shape), dtype, device, strides))
    return found
