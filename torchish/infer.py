"""What an entry's results are: promotion, broadcasting checks, shapes, dtypes, strides.

In: a new node with its operands and attributes.  Out: the abstract values of its results, and on the node the dtype each
operand is cast to.  Runs only for entries never seen before; shape inference itself is kept by (op, avals, attributes).
"""
from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import jax
import numpy as np

from . import dtypes
from .avals import Aval, Out, aval_of
from .devices import META
from .ops.table import Op
from .replay import call, number_specs, spec
from .strides import RULES, laid, strides_of
from .tape import Const, Node, Ref
from .warned import held, warn

__all__ = ["freeze", "operand_avals", "plain", "promoted", "results", "seen_through"]

_cache: dict[tuple, tuple] = {}
_LIMIT = 50_000


def results(op: Op, node: Node, known: list[Out], autocast: Any = None) -> tuple[list[Aval], bool]:
    """Avals of the results, and whether the op returns several. Sets `node.info` to the operands' casts."""
    avals = operand_avals(node.operands, known)
    flat = [a for group in avals for a in (group if group.__class__ is list else [group])
            if a.__class__ is Aval]
    device = _device(flat)
    node.info = _autocasts(op, avals, flat, device, autocast) if autocast is not None and op.autocast else None
    if op.promote:
        casted = avals if node.info is None else [_cast(a, d) for a, d in zip(avals, node.info, strict=True)]
        node.info = _casts(op, node.attrs, casted)
    key = (op.index, node.info, dtypes.default.float, freeze(avals), _attributes(op, node.attrs))
    found = _cache.get(key)
    if found is None:
        if len(_cache) >= _LIMIT:
            _cache.clear()
        found = _cache[key] = _evaluate(node, avals)
    specs, many, said = found
    for words in said:
        warn(*words)
    outs = []
    for shape, dtype in specs:
        outs.append(aval_of(shape, dtype, device, _strides(op, node.attrs, avals, flat, shape, len(outs))))
    return outs, many


def operand_avals(operands: tuple, known: Sequence[Out] | Mapping[int, Out]) -> list:
    """The avals of operands that are slots, or lists of slots; the rest as it is."""
    out: list = []
    for o in operands:
        if o.__class__ is int:
            out.append(known[o].aval)
        elif o.__class__ is tuple:
            out.append([known[s].aval for s in o])
        else:
            out.append(o)
    return out


def freeze(avals: list) -> tuple:
    """Operands as part of a key: what their shapes and dtypes are, numbers that are part of the program, where others stand."""
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


def plain(v: Any) -> Any:
    """An attribute as part of a key."""
    if v.__class__ is Ref:
        return ("ref", v.kind)
    if v.__class__ is tuple:
        return tuple(map(plain, v))
    return (v.__class__, repr(v)) if v.__class__ in (int, float, complex, bool) else v


def _attributes(op: Op, attrs: dict) -> tuple:
    places = _places(op)
    return tuple([len(v) if name in places else plain(v) for name, v in attrs.items()])


@cache
def _places(op: Op) -> frozenset[str]:
    """Attributes that say where a part begins: its shape is the same everywhere."""
    return frozenset(p.name for p in op.params if p.kind == "numbers")


def _device(avals: list[Aval]) -> str:
    """The one device of the operands; a 0-dim CPU tensor may go with any."""
    device = "cpu"
    chosen = None
    for a in avals:
        if chosen is None or (chosen.device != a.device and not chosen.shape and chosen.device == "cpu"):
            chosen, device = a, a.device
        elif a.device != device and not (a.device == "cpu" and not a.shape):
            if META in (a.device, device):
                raise RuntimeError(f"Tensor on device {a.device} is not on the expected device {device}!")
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices, "
                               f"{device} and {a.device}!")
    return device


def promoted(op: Op, common: dtypes.dtype, attrs: dict) -> dtypes.dtype:
    """The dtype that operands of the dtype `common` are cast to."""
    if op.promote == "double":
        return dtypes.complex128 if common.is_complex else dtypes.float64
    to_float = op.promote == "float" or op.promote == "quotient" and attrs["rounding_mode"] is None
    return dtypes.default.float if to_float and common.category < dtypes.FLOAT else common


def _casts(op: Op, attrs: dict, avals: list) -> tuple:
    """torch's common dtype of the operands, as the cast of each one; checks broadcasting."""
    tensors, numbers, shapes = [], [], []
    operands_of = op.operands
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
    common = promoted(op, dtypes.result_dtype(tensors, numbers), attrs)
    casts = [common if a is not None and p.promoted else None for p, a in zip(operands_of, avals, strict=True)]
    if op.wide_numbers is not None and common in (dtypes.float16, dtypes.bfloat16):
        casts = [c if c is None or k < op.wide_numbers or a.__class__ is Aval and (a.shape or a.dtype is common) else dtypes.float32
                 for k, (c, a) in enumerate(zip(casts, avals, strict=True))]
    return tuple(casts)


def _autocasts(op: Op, avals: list, flat: list[Aval], device: str, autocast: dict) -> tuple | None:
    """The casts of the operands in a region of torch.autocast: floating ones, except double, go to the op's precision."""
    rule, _, only = op.autocast.partition(" ")      # type: ignore[union-attr]
    kind = device.partition(":")[0]
    low = dict(autocast).get(kind)
    eligible = [a.dtype for a in flat if a.dtype.is_floating_point and a.dtype is not dtypes.float64]
    if low is None or only and only != kind or not eligible or rule == "pair" and len(flat) < 2:
        return None
    if rule == "promote":
        target = dtypes.float32 if dtypes.float32 in eligible else low
    else:
        target = dtypes.float32 if rule == "float" else low

    def cast(a: Any) -> Any:
        if a.__class__ is list:
            return target if any(cast(x) for x in a) else None
        return target if a.__class__ is Aval and a.dtype.is_floating_point and a.dtype is not dtypes.float64 else None
    return tuple(cast(a) for a in avals)


def _cast(a: Any, dtype: Any) -> Any:
    return aval_of(a.shape, dtype, a.device, a.strides) if dtype is not None and a.__class__ is Aval else a


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


def _evaluate(node: Node, avals: list) -> tuple:
    """Shapes and dtypes of the results by tracing the op abstractly, whether there are several, and what the op warns of."""
    arrays = [[spec(x) for x in a] if a.__class__ is list else spec(a) for a in avals
              if a.__class__ is Aval or a.__class__ is list]
    said: list = []
    try:
        with jax.enable_x64(True), warnings.catch_warnings(), held() as said:
            warnings.simplefilter("ignore")
            out = jax.eval_shape(lambda xs, vs: call(node, _fillers(node.operands, xs), vs), arrays, number_specs(node))
    except Exception as e:
        for words in said:      # what it had to say before it was refused
            warn(*words)
        if isinstance(e, (TypeError, ValueError, IndexError)):
            _explain(e, [a.shape for a in avals if a.__class__ is Aval])
        raise
    many = isinstance(out, (tuple, list))
    flat = list(out) if many else [out]
    return [(tuple(o.shape), dtypes.from_numpy(o.dtype)) for o in flat], many, said


def _explain(error: Exception, shapes: list[tuple[int, ...]]) -> None:
    """Raises in torch's words what Python or JAX say of shapes that an op did not look at itself."""
    if "for broadcasting" in str(error):
        check_broadcast(shapes)
    if str(error) == "tuple index out of range" and () in shapes:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions") from error


def _fillers(operands: tuple, arrays: list) -> list:
    rest = iter(arrays)
    return [next(rest) if o.__class__ is int or o.__class__ is tuple else o for o in operands]


def _strides(op: Op, attrs: dict, avals: list, flat: list[Aval], shape: tuple[int, ...], index: int) -> tuple[int, ...] | None:
    """Strides of a result, by the op's rule or, for a view, by looking. None: row-major."""
    rule = op.strides[index] if op.strides.__class__ is tuple else op.strides
    if not flat or rule is None and not op.view:
        return None
    if rule is None:
        return view_layout(op, attrs, flat[0], index)[0]
    if rule.__class__ is not str:
        return rule(flat, attrs)    # type: ignore[operator, misc]
    if rule != "columns" and all(a.strides is None for a in flat):
        return None
    lays = [laid(a) for a in flat] + [((), ()) for a in avals if a.__class__ in (Const, Ref)]
    return RULES[rule](shape, lays, index)


def view_layout(op: Op, attrs: dict, aval: Aval, index: int | None) -> tuple[tuple[int, ...] | None, int]:
    """Strides of a view (None: row-major) and how many bytes further it begins."""
    return _layouts(op, tuple([(k, _static(v)) for k, v in attrs.items()]), aval)[index or 0]


@lru_cache(1024)
def _layouts(op: Op, attrs: tuple, aval: Aval) -> Any:
    """The same for all results; found by running the op on a numpy array of these strides, whose elements are never read."""
    width = aval.dtype.itemsize
    kind = np.uint8 if aval.dtype in dtypes.FLOAT8 else aval.dtype.np      # numpy does not know all of those by name
    dummy = np.lib.stride_tricks.as_strided(np.empty(1, kind), aval.shape, [s * width for s in strides_of(aval)])
    try:
        outs = op.fn(dummy, **dict(attrs))
    except (ValueError, TypeError, AttributeError):
        return defaultdict(lambda: (None, 0))       # of as many results as there are
    start = dummy.__array_interface__["data"][0]
    return [(tuple(s // out.itemsize for s in out.strides), out.__array_interface__["data"][0] - start)
            if isinstance(out, np.ndarray) else (None, 0) for out in (outs if isinstance(outs, (tuple, list)) else [outs])]


@lru_cache(4096)
def seen_through(op: Op, values: tuple, aval: Aval, index: int | None) -> tuple[Aval, int]:
    """What a tensor of this aval is when seen through a view op, and how many bytes further it begins."""
    attrs = {p.name: v for p, v in zip(op.params[1:], values, strict=True)}
    strides, moved = view_layout(op, attrs, aval, index)
    with jax.enable_x64(True):
        out = jax.eval_shape(lambda x: op.fn(x, **{k: _static(v) for k, v in attrs.items()}), spec(aval))
    out = out[index or 0] if isinstance(out, (tuple, list)) else out
    return aval_of(tuple(out.shape), dtypes.from_numpy(out.dtype), aval.device, strides), moved


def _static(v: Any) -> Any:
    if v.__class__ is Ref:
        return 0
    return tuple(_static(x) for x in v) if v.__class__ is tuple else v
