"""The types of attributes: ints where ints are wanted, bools where bools are.

In: an op and the values of a call whose entry is new.  Out: nothing, or torch's TypeError, which names the argument; what the keys
of entries hold of attributes.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import dtype
from .hooks import hooks
from .ops.check import is_int
from .ops.table import Op, Param

__all__ = ["KEY_NAMES", "SINGLE", "key_text", "position", "refuse_tensor", "refuse_type", "refuse_types"]


def position(op: Op, p: Param) -> int:
    """The place of a parameter as torch counts it."""
    return [q.name for q in op.params].index(p.name) + 1


def _is_ints(v: Any) -> bool:
    return all(map(is_int, v)) if isinstance(v, (tuple, list)) else is_int(v)


def _is_bool(v: Any) -> bool:
    return isinstance(v, (bool, np.bool_))


def _is_str(v: Any) -> bool:
    return isinstance(v, str)


def _is_dtype(v: Any) -> bool:
    return isinstance(v, dtype)


INT, INTS, BOOL, STR = (is_int, "int"), (_is_ints, "tuple of ints"), (_is_bool, "bool"), (_is_str, "str")
DTYPE = (_is_dtype, "torch.dtype")
WANTED = {"int": INT, "Dim": INT, "int | None": INT, "Dims": INTS, "Dims | None": INTS, "bool": BOOL, "str": STR,
          "DType": DTYPE, "DType | None": DTYPE}
SINGLE = frozenset(annotation for annotation, wanted in WANTED.items() if wanted is not INTS)      # no list is taken for these

# Numbers of different classes are equal as keys: an attribute of the wrong class is to find no entry. What stands in no key, and
# the text of an attribute's code, by its annotation.
KEY_NAMES = {"FOREIGN": object(), "NOT_INTS": frozenset({float, bool})}
_ONE, _SEVERAL = "({} if {}.__class__ is int else FOREIGN)", "(FOREIGN if {}.__class__ in NOT_INTS else {})"
_TEXTS = {"bool": "({} if {}.__class__ is bool else FOREIGN)", "int": _ONE, "Dim": _ONE, "int | None": _SEVERAL, "Dims": _SEVERAL,
          "Dims | None": _SEVERAL}


def key_text(op: Op, p: Param, name: str) -> str:
    """The code of an attribute in a key, as source text; `name` is that of the variable."""
    return _TEXTS.get(op.fn.__annotations__.get(p.name, ""), "{}").format(name, name)


def refuse_types(op: Op, values: tuple | list) -> None:
    """TypeError for an attribute of another type than the declaration of its parameter says."""
    for p, v in zip(op.params, values, strict=True):
        if p.kind == "static" and v is not p.default and not isinstance(v, hooks.tensor) and not (v is None and p.optional):
            refuse_type(op, p, v)


def refuse_type(op: Op, p: Param, v: Any) -> None:
    """TypeError for one attribute of another type than the declaration of its parameter says."""
    found = WANTED.get(op.fn.__annotations__.get(p.name, ""))
    if found is not None and not found[0](v):
        _refuse(op, p, v, found[1])


def refuse_tensor(op: Op, p: Param, v: Any) -> None:
    """TypeError for a tensor in the place of a number if it requires grad (that would be lost), or if it is not 0-dim."""
    found = op.fn.__annotations__.get(p.name, "")
    wanted = "Number" if p.kind == "number" else WANTED[found][1] if found in WANTED else "float"
    if v.requires_grad or v.ndim and (wanted == "Number" or found in SINGLE or found.startswith("float")):
        _refuse(op, p, v, wanted)


def _refuse(op: Op, p: Param, v: Any, wanted: str) -> None:
    where = f"{op.told}(): argument '{p.name}'"
    at, got = "" if p.keyword_only else f" (position {position(op, p)})", f"not {type(v).__name__}"
    if wanted == "tuple of ints" and isinstance(v, (tuple, list)):
        k = next(k for k, n in enumerate(v) if not is_int(n))
        kind = type(v[k]).__name__
        if k:
            raise TypeError(f"{where} failed to unpack the object at pos {k + 1} with error \"type must be tuple of ints,but "
                            f"got {kind}\"")
        got = f"but found element of type {kind} at pos 0"
    raise TypeError(f"{where}{at} must be {wanted}, {got}")
