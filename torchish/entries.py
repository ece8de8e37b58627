"""New entries: operands, attributes, results, and numbers that are seen to change.

In: the key of a call that the trie does not know.  Out: its node, checked and inferred.  A number seen to change at this
place, here or in the branch this one was left for, becomes a runtime input; so does, in a branch that is new, a place (of a
slice) that was seen to change in another one at the same line of the user's.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import infer
from .ops.table import OPERANDS, Op
from .slots import attach
from .tape import INFERENCE, Const, Node, Ref, Site, Tape, slots
from .where import short, user_line

__all__ = ["create", "key_of", "push"]

HOLE = "#"
_LINES = 4096
_changing: dict[tuple | None, tuple[bool, ...]] = {}        # (op, numbers, line of the user's) -> which were seen to change


def key_of(op: Op, codes: list, consts: list, mask: tuple | None) -> tuple:
    """The key with numbers replaced by holes: all of them (mask None) or those that the mask names."""
    holed = list(codes)
    for k, (i, sub, _) in enumerate(consts):
        if mask is None or mask[k]:
            if sub is None:
                holed[i] = HOLE
            else:
                holed[i] = (*holed[i][:sub], HOLE, *holed[i][sub + 1:])
    return (op.index, *holed)


def _with(codes: list, consts: list, values: tuple) -> list:
    """The codes with other numbers in them."""
    codes = list(codes)
    for (i, sub, _), v in zip(consts, values, strict=True):
        if sub is None:
            codes[i] = v or str(v)
        else:
            coded = isinstance(codes[i][0], type)       # (class, number), or a tuple of ints as they are
            codes[i] = (*codes[i][:sub], (v or str(v)) if coded else v, *codes[i][sub + 1:])
    return codes


def push(tape: Tape, consts: list, mask: tuple) -> None:
    for (_, _, v), runtime in zip(consts, mask, strict=True):
        if runtime:
            (tape.floats if v.__class__ is float else tape.ints).append(v)


def create(tape: Tape, op: Op, codes: list, consts: list, look: Callable[[Node], None] | None = None) -> Node:
    """A new entry, which `look` may refuse once its shapes are known to fit.

    Numbers seen to change at this place, here or in the branch this one came from, become inputs.
    """
    here = tape.node
    values = tuple(v for _, _, v in consts)
    mask = (False,) * len(consts)
    twin = site = None
    generic = key_of(op, codes, consts, None) if consts else None
    where = user_line()
    # places only: other numbers may be refused for their values, which a look at an input of the program does not tell
    line = (op.index, len(consts), *where[:2]) if all(p.kind not in ("mixed", "number", "runtime") for p in op.params) else None
    mask = _changing.get(line, mask)
    for known in (here, here.twin):
        site = known.sites.get(generic) if consts and known is not None and known.sites else None
        if site is not None:
            mask = tuple(m or n or _differ(a, b) for m, n, a, b in zip(site.mask, mask, site.values, values, strict=True))
            twin = site.child
            if known is here:
                # the branch of the first values is given up: they take the general one from now on
                here.children.pop(key_of(op, _with(codes, consts, site.values), consts, site.mask), None)
            if line is not None and any(mask):
                if len(_changing) >= _LINES:
                    _changing.clear()
                _changing[line] = mask
            break
    key = key_of(op, codes, consts, mask) if consts else (op.index, *codes)
    node = Node(here, op, op)
    _fill(tape, node, op, codes, consts, mask)
    if look is not None:
        look(node)
    node.where = where
    node.twin = twin
    if site is not None and any(mask):
        old = next((a for a, b in zip(site.values, values, strict=True) if _differ(a, b)), site.values[0])
        new = next((b for a, b in zip(site.values, values, strict=True) if _differ(a, b)), values[0])
        node.why = f"{op.name} at {short(node.where)} took {old!r}, now {new!r}: from now on an input of the program"
    attach(tape, key, node)
    push(tape, consts, mask)
    if consts:
        here.sites = here.sites if here.sites is not None else {}
        here.sites[generic] = Site(values, mask, node)
    return node


def _differ(a: Any, b: Any) -> bool:
    return a.__class__ is not b.__class__ or (a != b) or (a == 0 and str(a) != str(b))


def _fill(tape: Tape, node: Node, op: Op, codes: list, consts: list, mask: tuple) -> None:
    """Operands, attributes, results of a new entry."""
    runtime = {}
    for (i, sub, v), m in zip(consts, mask, strict=True):
        if m and v.__class__ is float:
            runtime[i, sub] = Ref("f", node.floats)
            node.floats += 1
        elif m:
            runtime[i, sub] = Ref("i", node.ints)
            node.ints += 1
    operands: list = []
    attrs: dict = {}
    i = 0
    for p in op.params:
        if p.kind == "runtime":
            attrs[p.name] = Ref("f", node.floats)
            node.floats += 1
            continue
        code = codes[i]
        if p.kind == "mixed" and isinstance(code, type):
            i += 1
            operands.append(runtime.get((i, None)) or Const(_value(code, codes[i])))
        elif p.kind in OPERANDS:
            operands.append(tuple(code) if code.__class__ is range else code)
        elif p.kind == "number":
            attrs[p.name] = p.default if code is None else runtime.get((i, 1)) or _value(*code)
        elif p.kind == "numbers":
            attrs[p.name] = tuple(runtime.get((i, k), n) for k, n in enumerate(code))
        else:
            attrs[p.name] = code
        i += 1
    node.operands, node.attrs = tuple(operands), attrs
    known = tape.outs()
    results, many = infer.results(op, node, known, tape.autocast)
    passes = op.differentiable
    rg = tape.grad and not tape.extra & INFERENCE and bool(passes) and any(known[s].rg for s in slots(node.operands))
    node.grad = rg
    node.results(results, [rg and a.differentiable and (passes is True or passes[k]) for k, a in enumerate(results)], many)


def _value(cls: type, code: Any) -> Any:
    """Undoes the coding of a number (zeros are coded as text, to keep -0.0 apart)."""
    return code if code.__class__ is not str else (False if cls is bool else cls(code))
