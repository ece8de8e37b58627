"""What an entry's results are: promotion, broadcasting checks, shapes, dtypes, strides.

In: a new node with its operands and attributes.  Out: the abstract values of its results, and on the node the dtype each
operand is cast to.  Runs only for entries never seen before; shape inference itself is kept by (op, avals, attributes).
"""
from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np

from . import dtypes
from .avals import Aval, Out, aval_of, contiguous_strides
from .ops.table import Op
from .replay import call
from .tape import Const, Node, Ref

__all__ = ["results"]

_cache: dict[tuple, tuple] = {}
_LIMIT = 50_000


def results(op: Op, node: Node, known: list[Out]) -> tuple[list[Aval], bool]:
    """Avals of the results, and whether the op returns several. Sets `node.info` to the operands' casts."""
    avals = _operand_avals(node.operands, known)
    flat = [a for group in avals for a in (group if group.__class__ is list else [group])
            if a.__class__ is Aval]
    device = _device(flat)
    node.info = _casts(op, avals) if op.promote else None
    key = (op.index, node.info, dtypes.default.float, _freeze(avals, node.operands), _attributes(node.attrs))
    found = _cache.get(key)
    if found is None:
        if len(_cache) >= _LIMIT:
            _cache.clear()
        found = _cache[key] = _evaluate(op, node, avals)
    specs, many = found
    outs = []
    for shape, dtype in specs:
        strides = _strides(op, node.attrs, flat[0], len(outs)) if op.view and flat else None
        outs.append(aval_of(shape, dtype, device, strides))
    return outs, many


def _operand_avals(operands: tuple, known: list[Out]) -> list:
    out: list = []
    for o in operands:
        if o.__class__ is int:
            out.append(known[o].aval)
        elif o.__class__ is tuple:
            out.append([known[s].aval for s in o])
        else:
            out.append(o)
    return out


def _freeze(avals: list, operands: tuple) -> tuple:
    frozen = []
    for a in avals:
        if a.__class__ is list:
            frozen.append(tuple((x.shape, x.dtype) for x in a))
        elif a.__class__ is Aval:
            frozen.append((a.shape, a.dtype))
        elif a.__class__ is Const:
            frozen.append((a.value.__class__, repr(a.value)))
        else:
            frozen.append(a.kind if a.__class__ is Ref else a)
    return tuple(frozen)


def _attributes(attrs: dict) -> tuple:
    def plain(v: Any) -> Any:
        if v.__class__ is Ref:
            return ("ref", v.kind)
        if v.__class__ is tuple:
            return tuple(plain(x) for x in v)
        return (v.__class__, repr(v)) if v.__class__ in (int, float, complex, bool) else v
    return tuple(plain(v) for v in attrs.values())


def _device(avals: list[Aval]) -> str:
    """The one device of the operands; a 0-dim CPU tensor may go with any."""
    device = "cpu"
    chosen = None
    for a in avals:
        if chosen is None or (chosen.device != a.device and not chosen.shape and chosen.device == "cpu"):
            chosen, device = a, a.device
        elif a.device != device and not (a.device == "cpu" and not a.shape):
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices, "
                               f"{device} and {a.device}!")
    return device


def _casts(op: Op, avals: list) -> tuple:
    """torch's common dtype of the operands, as the cast of each one; checks broadcasting."""
    tensors, numbers, shapes = [], [], []
    operands_of = [p for p in op.params if p.kind in ("operand", "operands", "mixed")]
    for p, a in zip(operands_of, avals, strict=True):
        if a.__class__ is Aval:
            shapes.append(a.shape)
            if p.promoted:
                tensors.append((a.dtype, len(a.shape)))
        elif a.__class__ is Const:
            numbers.append(a.value)
        elif a.__class__ is Ref:
            numbers.append(0.5 if a.kind == "f" else 1)
    if op.check is not None:
        op.check(*[_kind(a) for p, a in zip(operands_of, avals, strict=True) if p.promoted])
    check_broadcast(shapes)
    common = dtypes.result_dtype(tensors, numbers)
    if op.promote == "float" and common.category < dtypes.FLOAT:
        common = dtypes.default.float
    return tuple(common if a is not None and p.promoted else None for p, a in zip(operands_of, avals, strict=True))


def _kind(a: Any) -> str | None:
    if a.__class__ is Aval:
        return a.dtype.name
    return type(a.value).__name__ if a.__class__ is Const else {"f": "float", "i": "int"}[a.kind] if a.__class__ is Ref else None


def check_broadcast(shapes: list[tuple[int, ...]]) -> None:
    """torch's error where shapes do not broadcast."""
    if len(shapes) < 2:
        return
    result = shapes[0]
    for shape in shapes[1:]:
        if shape == result:
            continue
        n = max(len(result), len(shape))
        a = (1,) * (n - len(result)) + tuple(result)
        b = (1,) * (n - len(shape)) + tuple(shape)
        for k in reversed(range(n)):
            if a[k] != b[k] and a[k] != 1 and b[k] != 1:
                raise RuntimeError(f"The size of tensor a ({a[k]}) must match the size of tensor b ({b[k]}) at non-singleton "
                                   f"dimension {k}")
        result = tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))


def _evaluate(op: Op, node: Node, avals: list) -> tuple:
    """Shapes and dtypes of the results by tracing the op abstractly."""
    def spec(a: Any) -> Any:
        return jax.ShapeDtypeStruct(a.shape, a.dtype.np)

    arrays = [[spec(x) for x in a] if a.__class__ is list else spec(a) for a in avals
              if a.__class__ is Aval or a.__class__ is list]
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = (jax.ShapeDtypeStruct((max(node.floats, 1),), np.float64),
                   jax.ShapeDtypeStruct((max(node.ints, 1),), np.int64))
        out = jax.eval_shape(lambda xs, vs: call(node, _fillers(node.operands, xs), vs), arrays, vectors)
    many = isinstance(out, (tuple, list))
    flat = list(out) if many else [out]
    return [(tuple(o.shape), dtypes.from_numpy(o.dtype)) for o in flat], many


def _fillers(operands: tuple, arrays: list) -> list:
    rest = iter(arrays)
    return [next(rest) if o.__class__ is int or o.__class__ is tuple else o for o in operands]


def _strides(op: Op, attrs: dict, aval: Aval, index: int) -> tuple[int, ...] | None:
    """Strides of a view, found by running the op on a numpy array of these strides (never read). None: contiguous."""
    strides = aval.strides if aval.strides is not None else contiguous_strides(aval.shape)
    dummy = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), aval.shape, strides)
    try:
        out = op.fn(dummy, **{k: _static(v) for k, v in attrs.items()})
    except (ValueError, TypeError, AttributeError):
        return None
    out = out[index] if isinstance(out, (tuple, list)) else out
    return tuple(out.strides) if isinstance(out, np.ndarray) else None


def _static(v: Any) -> Any:
    if v.__class__ is Ref:
        return 0
    return tuple(_static(x) for x in v) if v.__class__ is tuple else v
