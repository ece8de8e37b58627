"""What a result is written into: a tensor given as `out=`, or the first operand in place.

In: torch's words.  Out: rules, which the declaration of an op names as `into=` and `inplace=`.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

from ..dtypes import c_name, c_type, can_cast, uint8
from ..dtypes import dtype as DType

__all__ = ["AS_INPUT", "BESIDE_NUMBERS", "CASTS", "EXACT", "PLAIN", "TENSORDOT", "InPlace", "Into", "safely"]


@dataclass(frozen=True, slots=True)
class Into:
    """Which dtypes take a result, and what is said of the others.

    text: with {want} and {got}, the names of the result's dtype and of the one at hand; {want_c}, {got_c} in C++.
    takes: "same", the result's own; "safe", each that can hold it; "alike", its kind in any precision; "truth", uint8 as well.
    later: the texts for results after the first, where they are others.
    numbers: whether this holds beside numbers only; with a tensor in the place of one the result is cast.
    """
    text: str
    takes: str = "same"
    later: tuple[str, ...] = ()
    error: type[Exception] = RuntimeError
    numbers: bool = False

    def check(self, want: DType, got: DType, place: int = 0) -> None:
        """Refuses the dtype `got` for the result at `place`, whose dtype is `want`."""
        if want is got or self.takes == "truth" and got is uint8:
            return
        if (self.takes == "safe" or self.takes == "alike" and want.category == got.category) and can_cast(want, got):
            return
        text = self.later[place - 1] if 0 < place <= len(self.later) else self.text
        raise self.error(text.format(want=c_name(want), got=c_name(got), want_c=c_type(want), got_c=c_type(got)))


CASTS = Into("result type {want} can't be cast to the desired output type {got}", "safe")
EXACT = Into("Expected out tensor to have dtype {want_c}, but got {got_c} instead")
AS_INPUT = Into("Found dtype {got} but expected {want}")
BESIDE_NUMBERS = replace(AS_INPUT, numbers=True)
TENSORDOT = Into("tensordot: Expected the output tensor to have dtype {want}, but got an output tensor with dtype {got}")


def safely(name: str, part: str = "result") -> Into:
    """The rule of linear algebra, in which torch calls the op `name` and what it writes `part`."""
    return Into(f"{name}: Expected {part} to be safely castable from {{want}} dtype, but got {part} with dtype {{got}}", "safe")


@dataclass(frozen=True, slots=True)
class InPlace:
    """What an in-place form says.

    into: of dtypes.
    shape: where the result has another shape, with {own} and {new}.
    indexed: the name of an indexed write, which warns where several elements are one in memory; others are refused there.
    repeats: whether doing it twice to an element does no more, so that several may be one in memory.
    """
    into: Into = CASTS
    shape: str = "output with shape {own} doesn't match the broadcast shape {new}"
    indexed: str = ""
    repeats: bool = False


PLAIN = InPlace()
