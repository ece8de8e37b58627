"""What `out=` does with a result: it is checked against the tensor it goes into, and written there.

In: the tensors given as `out=`, the results, the op's name.  Out: the tensors, resized where their shape differs.  Which
dtypes an op takes and what it says of others is in its declaration (`ops/into.py`).
"""
from __future__ import annotations

from typing import Any

from . import warned
from .hooks import hooks
from .ops.into import CASTS, Into
from .ops.table import COMPOSITES, TABLE
from .storage import SHARED, assign, is_seen, rebind, refuse_overlap, refuse_sharing, shares_memory
from .tape import state

__all__ = ["store"]

def _declared(name: str, several: bool) -> Into:
    """The rule of an op's declaration; of a composite with results along a dimension, that of the op which finds them."""
    record = several and TABLE.get(f"_{name}_dim") or TABLE.get(name) or COMPOSITES.get(name)
    return record.into if record else CASTS


def _refuse(out: Any, result: Any, name: str, read: tuple, same: tuple, into: Into, place: int) -> None:
    """What may be said of one `out` before anything is written."""
    if not isinstance(out, hooks.tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if state.tape.grad and (out.requires_grad or result.requires_grad):
        label = f"{name}(): " if name else ""
        raise RuntimeError(f"{label}functions with out=... arguments don't support automatic "
                           "differentiation, but one of the arguments requires grad.")
    refuse_overlap(out)
    for x in read:
        for source in x if isinstance(x, (list, tuple)) else (x,):
            if source is not None and out.numel() and shares_memory(out, source):
                raise RuntimeError(SHARED)
    for source in same:
        if isinstance(source, hooks.tensor):
            refuse_sharing(out, source)
    into.check(result.dtype, out.dtype, place)
    if out.is_meta is not result.is_meta:
        raise RuntimeError(f"Attempting to copy from device {result.device} to device {out.device}, but cross-device copies are "
                           "not allowed!")


def store(out: Any, result: Any, name: str = "", read: tuple = (), warn: bool = True, same: tuple = (),
          into: Into | None = None) -> Any:
    """Writes `result` of the op `name` into `out`, as torch does: RuntimeError where a gradient would be lost, for a dtype that the
    op does not write, or where `out` lies where the tensors `read` do, or partly where one of `same` does; a warning where it
    holds something and has another shape.  Results in a tuple go into as many tensors, all or none.

    into: which dtypes are taken, where `name` is none that is declared in the table.
    """
    into = into or _declared(name, isinstance(result, tuple))
    if into.numbers and any(isinstance(x, hooks.tensor) for x in same[1:]):
        into = CASTS
    if not isinstance(result, tuple):
        _refuse(out, result, name, read, same, into, 0)
        pushed = _has_tangent(name, (out, result, *read, *same))
        return _kept(_written(out, result, name, warn), name, pushed)
    if isinstance(out, hooks.tensor):
        raise TypeError(f"{name}(): argument 'out' must be tuple of Tensors, not Tensor")
    if len(out) != len(result):
        raise TypeError(f"expected tuple of {len(result)} elements but got {len(out)}")
    for place, (o, r) in enumerate(zip(out, result, strict=True)):
        _refuse(o, r, name, read, same, into, place)
    pushed = _has_tangent(name, (*out, *result, *read, *same))
    stored = [_written(o, r, name, warn) for o, r in zip(out, result, strict=True)]
    return _kept(type(result)(*stored) if hasattr(result, "_fields") else tuple(stored), name, pushed)


def _has_tangent(name: str, tensors: tuple) -> bool:
    """Whether forward mode looks at an op (a composite is made of others), and one of these tensors carries a tangent."""
    nested = state.tape.nested
    return nested is not None and nested.name in ("dual", "jvp") and name in TABLE and \
        any(nested.is_marked(x) for x in tensors if isinstance(x, hooks.tensor))


def _kept(stored: Any, name: str, pushed: bool) -> Any:
    """What was written, which has no tangent: torch refuses where there would be one, after the write."""
    if pushed:
        raise NotImplementedError(f"Trying to use forward AD with {name}_out that does not support it because it is an out= "
                                  "function")
    return stored


def _written(out: Any, result: Any, name: str, warn: bool) -> Any:
    value = result.to(out.dtype) if out.dtype is not result.dtype else result
    if tuple(out.shape) == tuple(result.shape):
        return assign(out, value)
    if out.numel() and warn:
        warned.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                    f"match the required output shape {list(result.shape)}. This behavior is deprecated, and in a future "
                    "PyTorch release outputs will not be resized unless they have zero elements. You can explicitly reuse "
                    "an out tensor t by resizing it, inplace, to zero elements with t.resize_(0).")
    if out._view is not None or is_seen(out):       # others see this memory, and see what is written
        return assign(out.resize_(tuple(result.shape)), value)
    # of another size it lies row by row, elementwise results as their operands, factors of matrices column by column
    op = TABLE.get(name)
    lies = op is not None and bool(op.promote or op.strides and not callable(op.strides) and "columns" in op.strides)
    rebind(out, value if lies else value.contiguous())
    return out
