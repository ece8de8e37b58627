"""Checks that ops share: dimensions and shapes, refused in torch's words.

In: dimensions and shapes as the user gave them.  Out: the same made non-negative and complete, or torch's error.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..dtypes import c_name, from_numpy, result_dtype

__all__ = ["broadcast_shapes", "common", "infer_shape", "is_int", "listing", "need_int", "need_list",
           "nonnegative", "one_tensor", "out_of_bounds", "prod",
           "refuse_outside", "require", "type_name",
           "wrap_dim", "wrap_dims"]


def one_tensor(name: str) -> Callable[[Any, Any], None]:
    """The check of an op of two operands that refuses two numbers."""
    def check(*kinds: str | None) -> None:
        if all(k in ("int", "float", "complex") for k in kinds):
            raise TypeError(f"{name}() received an invalid combination of arguments - got ({', '.join(map(str, kinds))}), "
                            "but expected one of:\n * a tensor and a number\n * a number and a tensor\n * two tensors")
    return check


def listing(shape: Iterable[int]) -> str:
    """A shape as torch prints it: [2, 3]."""
    return "[" + ", ".join(str(n) for n in shape) + "]"


def wrap_dim(dim: int, ndim: int, *, scalar: bool = True) -> int:
    """`dim` made non-negative. IndexError outside [-ndim, ndim - 1]; a 0-dim tensor has one dim if `scalar`."""
    if ndim == 0:
        if not scalar:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        ndim = 1
    if -ndim <= dim < ndim:
        return dim if dim >= 0 else dim + ndim
    raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")


def wrap_dims(dims: int | Sequence[int] | None, ndim: int, *, every: bool = True) -> tuple[int, ...]:
    """`dims` as a tuple of different non-negative dims; None, and an empty list if `every`, mean all of them.

    RuntimeError for more than 64 dims, of which torch tells some no longer apart.
    """
    if hasattr(dims, "__index__"):      # also of numpy
        dims = dims.__index__()
    if dims is None or (every and not isinstance(dims, int) and len(dims) == 0):
        return tuple(range(ndim))
    require(ndim <= 64, "only tensors with up to 64 dims are supported")
    wrapped = [wrap_dim(d, ndim) for d in ((dims,) if isinstance(dims, int) else dims)]
    seen = set()
    for d in wrapped:
        if d in seen:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
        seen.add(d)
    # the only dim that a 0-dim tensor has is not one of its axes
    return tuple(wrapped) if ndim else ()


def infer_shape(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """`shape` with its -1 replaced, for a tensor of `numel` elements; RuntimeError where it cannot hold them."""
    known, unknown = 1, None
    for i, n in enumerate(shape):
        if n == -1:
            if unknown is not None:
                raise RuntimeError("only one dimension can be inferred")
            unknown = i
        elif n < 0:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {listing(shape)}")
        else:
            known *= n
    if unknown is None:
        if known != numel:
            raise RuntimeError(f"shape '{listing(shape)}' is invalid for input of size {numel}")
        return tuple(shape)
    if known == 0 and numel == 0:
        raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {listing(shape)} because the unspecified "
                           "dimension size -1 can be any value and is ambiguous")
    if known == 0 or numel % known:
        raise RuntimeError(f"shape '{listing(shape)}' is invalid for input of size {numel}")
    return (*shape[:unknown], numel // known, *shape[unknown + 1:])


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape to which all broadcast; RuntimeError in torch's words where they do not."""
    result: tuple[int, ...] = ()
    for shape in shapes:
        a, b = result, tuple(shape)
        n = max(len(a), len(b))
        a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
        for i in range(n - 1, -1, -1):
            if a[i] != b[i] and a[i] != 1 and b[i] != 1:
                raise RuntimeError(f"The size of tensor a ({a[i]}) must match the size of tensor b ({b[i]}) "
                                   f"at non-singleton dimension {i}")
        result = tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))
    return result


def nonnegative(shape: Sequence[int]) -> tuple[int, ...]:
    """`shape` as it is; RuntimeError if a size is negative."""
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {listing(shape)}")
    return tuple(shape)


def is_int(v: Any) -> bool:
    """Whether torch takes `v` for an int: not a bool."""
    return v.__class__ is int or hasattr(v, "__index__") and not isinstance(v, (bool, np.bool_))


def need_int(name: str, parameter: str, place: int, value: Any) -> None:
    """TypeError unless `value`, given for a parameter of the function `name`, is an int."""
    if not is_int(value):
        raise TypeError(f"{name}(): argument '{parameter}' (position {place}) must be int, not {type(value).__name__}")


def need_number(name: str, parameter: str, place: int, value: Any, wanted: str = "Number") -> Any:
    """The Python number that a number or a 0-dim tensor is; torch's TypeError for others, and for one that requires grad."""
    found = value
    if hasattr(value, "item"):
        found = None if getattr(value, "ndim", 0) or getattr(value, "requires_grad", False) else value.item()
    if not isinstance(found, (bool, int, float, complex)):
        raise TypeError(f"{name}(): argument '{parameter}' (position {place}) must be {wanted}, not {type(value).__name__}")
    return found


def need_list(name: str, value: Any) -> None:
    """TypeError unless `value`, given for the first parameter of the function `name`, is a list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(value).__name__}")


def require(condition: bool, message: str, error: type[Exception] = RuntimeError) -> None:
    """Raises `error(message)` unless `condition` holds."""
    if not condition:
        raise error(message)


def refuse_outside(places: Any, n: int, refuse: Callable[[int], Exception], wrap: bool = False) -> None:
    """Raises for the first of `places` outside [0, n), with `wrap` [-n, n), if they are a numpy array: if they are known."""
    if isinstance(places, np.ndarray) and places.size:
        least = -n if wrap else 0
        few = places.ravel().tolist() if places.size <= 64 else None    # numpy takes longer to begin than to find these
        if (places.max() if few is None else max(few)) >= n or (places.min() if few is None else min(few)) < least:
            outside = (places >= n) | (places < least)
            raise refuse(int(places[outside].flat[0]))


def out_of_bounds(dim: int, n: int, error: type[Exception] = RuntimeError, name: str = "") -> Callable[[int], Exception]:
    """torch's refusal of one place along `dim`."""
    return lambda place: error(f"{name}index {place} is out of bounds for dimension {dim} with size {n}")


def common(tensors: Sequence[Any]) -> Sequence[Any]:
    """Arrays cast to torch's common dtype (torch.result_type of them all)."""
    if all(x.dtype == tensors[0].dtype for x in tensors):
        return tensors
    dtype = result_dtype([(from_numpy(x.dtype), x.ndim) for x in tensors], []).np
    return [x.astype(dtype) for x in tensors]


def type_name(array: Any) -> str:
    """The dtype of an array as torch's messages call it: Float, Long, ..."""
    return c_name(from_numpy(array.dtype))
