"""The old forms of a few functions, with their factors among the positional arguments: add(input, alpha, other) and the like.

In: the positional arguments of a call that are more than the signature has.  Out: the call in today's form, after PyTorch's
warning; or TypeError.
Source: https://docs.pytorch.org/docs/stable/generated/torch.add.html (what it has in `*`)
"""
from __future__ import annotations

from typing import Any

from .recorder import hooks
from .warned import warn_once

__all__ = ["OLD", "old_form"]

ALPHA, VALUE, BOTH = ("alpha",), ("value",), ("beta", "alpha")
# op -> its factors and how its tensors after the first are called
OLD: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "add": (ALPHA, ("other",)), "sub": (ALPHA, ("other",)), "addcmul": (VALUE, ("tensor1", "tensor2")),
    "addcdiv": (VALUE, ("tensor1", "tensor2")), "addmm": (BOTH, ("mat1", "mat2")), "addmv": (BOTH, ("mat", "vec")),
    "addr": (BOTH, ("vec1", "vec2")), "addbmm": (BOTH, ("batch1", "batch2")), "baddbmm": (BOTH, ("batch1", "batch2"))}


def old_form(name: str, method: bool, given: tuple, keywords: tuple) -> Any:
    """What the call with the positional arguments `given` means; `keywords`: the factors that came by name."""
    factors, others = OLD[name.rstrip("_")]
    given = tuple(x for x in given if x is not None)
    of_number = factors is ALPHA and len(given) == 3 and _number(given[1], 0) and _number(given[2], -1)
    if of_number and isinstance(given[0], hooks.tensor) and all(k == 1 for k in keywords):       # alpha may stand behind it
        return (getattr(hooks.tensor, name) if method else hooks.public[name])(*given[:2], alpha=given[2])
    numbers = [x for x in given if not isinstance(x, hooks.tensor)]
    tensors = [x for x in given if isinstance(x, hooks.tensor)]
    fits = len(tensors) == len(others) + 1 and 1 <= len(numbers) <= len(factors) and all(k == 1 for k in keywords)
    first = 0 if factors is BOTH and not method else 1      # where the first factor stands
    if not fits or not all(isinstance(x, (bool, int, float, complex)) for x in numbers) or given[first] is not numbers[0]:
        kinds = ", ".join("Tensor" if isinstance(x, hooks.tensor) else type(x).__name__ for x in given[method:])
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({kinds}), but expected "
                        f"({_signature(method, others, factors, False)})")
    factors = factors[:len(numbers)]
    warn_once(f"This overload of {name} is deprecated:\n\t{name}({_signature(method, others, factors, True)})\nConsider using one "
              f"of the following signatures instead:\n\t{name}({_signature(method, others, OLD[name.rstrip('_')][0], False)})")
    call = getattr(tensors.pop(0), name) if method else hooks.public[name]
    return call(*tensors, **dict(zip(factors, numbers, strict=True)))


def _number(x: Any, dims: int) -> bool:
    """Whether `x` is a number, or a tensor of so many dimensions."""
    return isinstance(x, (bool, int, float, complex)) or isinstance(x, hooks.tensor) and x.dim() == dims


def _signature(method: bool, others: tuple[str, ...], factors: tuple[str, ...], old: bool) -> str:
    """A signature as PyTorch writes it."""
    tensors = [f"Tensor {name}" for name in others]
    numbers = [f"Number {name}" for name in factors]
    first = [] if method else ["Tensor input"]
    if not old:
        return ", ".join([*first, *tensors, "*", *(f"{n} = 1" for n in numbers), *([] if method else ["Tensor out = None"])])
    if len(factors) > 1 or factors == ("beta",):
        first = [numbers[0], *first, *numbers[1:]]
    else:
        first = [*first, *numbers]
    return ", ".join([*first, *tensors, *([] if method else ["*", "Tensor out = None"])])
