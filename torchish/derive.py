"""Public functions and methods from the table.

In: the ops and composites of `torchish/ops/`.  Out: for each namespace (the functions of torch, of nn.functional, linalg,
special) a dict of functions, and the methods of Tensor with their in-place and operator forms.  Functions are built as source
text, as dataclasses does, so that they have true signatures and do the common case (all operands on the tape, entry known)
without binding or calls: one look-up, one object.
"""
from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FunctionType
from typing import Any

from .attributes import KEY_NAMES, SINGLE, key_text
from .bundle import range_of
from .dtypes import INTEGER, OF_PYTHON, dtype
from .joined import MANY, joined
from .keywords import Keywords, hidden, keywords, renamed
from .ops.into import EXACT
from .ops.table import ALIASES, COMPOSITES, EMPTY, TABLE, Composite, Op, Param
from .overloads import OLD, old_form
from .recorder import Restart, Results, given_tensor, hooks, look_again, record, record_results, slot_of, whole
from .retold import retold
from .returned import classes, named
from .storage import become_view, in_place, make_view, refuse_overlap
from .tape import state

__all__ = ["build", "returns"]


NUMBERS = frozenset({int, float, bool})
LISTS = frozenset({list, tuple})
READ_FIRST = frozenset(["masked_fill", "masked_scatter"])     # these may take values out of the memory that they write into
OF_OUT = frozenset(["sum", "prod", "cumsum", "cumprod"])       # computed in the dtype of `out=`, if no other is asked for
# operator -> how it is formed; "r" reflected, "i" in place
REFLECTED = frozenset(["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift",
                       "rshift"])


def returns(op: Op) -> type | None:
    """The namedtuple of an op with named results."""
    if op.returns is None:
        return None
    name = op.told
    return classes.get(name) or named(name, op.returns)


class _Source:
    """The text of one function and the names it uses."""

    def __init__(self, name: str, label: str) -> None:
        self.name, self.label = name, label
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}

    def function(self, names: dict[str, Any]) -> FunctionType:
        """The text compiled; `names` are to be the function's globals."""
        head, *body = self.lines
        text = "\n".join([head, "    try:", *[f"    {line}" for line in body], "    except TypeError as e:",
                          f"        raise retold(e, {self.name!r}, __built__) from None", ""])
        filename = f"<torchish {self.label}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
        names |= self.names | {"retold": retold}
        made: dict[str, Any] = {}
        exec(compile(text, filename, "exec"), names, made)
        return made[self.name]


class _Signature(inspect.Signature):
    """The signature of a function whose text is not written yet: written when somebody looks."""
    __slots__ = ("_function",)

    def __init__(self, function: FunctionType) -> None:
        self._function = function

    def _known(self) -> inspect.Signature:
        build = self._function.__globals__["__build__"]
        return inspect.signature(build())

    @property
    def parameters(self) -> Any:
        """The parameters by name."""
        return self._known().parameters

    @property
    def return_annotation(self) -> Any:
        """None is declared."""
        return inspect.Signature.empty

    def replace(self, **parts: Any) -> inspect.Signature:   # type: ignore[override]
        """A signature with other parts."""
        return self._known().replace(**parts)


def _late(name: str, label: str, doc: str, write: Callable[[_Source], None]) -> Callable:
    """A function whose text `write` writes when it is first called or its signature is asked for: most never are."""
    names: dict[str, Any] = {}
    fn = FunctionType(_first_call.__code__, names, name)
    fn.__doc__, fn.__module__, fn.__qualname__ = doc, "torch.Tensor" if label.startswith("Tensor.") else __package__, name
    fn.__signature__ = _Signature(fn)       # type: ignore[attr-defined]

    def build() -> FunctionType:
        into = names.pop("__late__", None)      # `fn`, or what stands behind it (torch_function.divert)
        if into is None:
            return names["__built__"]
        source = _Source(name, label)
        write(source)
        real = source.function(names)
        into.__code__, into.__defaults__, into.__kwdefaults__ = real.__code__, real.__defaults__, real.__kwdefaults__
        into.__dict__.pop("__signature__", None)
        if "old_form" in names:         # what the old forms take belongs to no signature
            shown = inspect.signature(real)
            into.__signature__ = shown.replace(     # type: ignore[attr-defined]
                parameters=[p for p in shown.parameters.values() if p.kind is not p.VAR_POSITIONAL])
        names["__built__"] = into
        return into
    names["__build__"], names["__late__"] = build, fn
    return fn


def _first_call(*args: Any, **kwargs: Any) -> Any:
    # in the globals of each function that begins as this one
    return __build__()(*args, **kwargs)     # type: ignore[name-defined]  # noqa: F821


def _default(source: _Source, name: str, value: Any) -> str:
    source.names[f"D_{name}"] = value
    return f"{name}=D_{name}"


def _signature(source: _Source, params: Iterable[Param], out: bool, extra: Iterable[str] = (), many: str | None = None,
               old: bool = False) -> str:
    parts, star, last = [], False, []
    listed = list(params)
    for k, p in enumerate(listed):
        if _is_varargs(listed, k) or p.name == many:
            parts.append("*args")               # sizes one by one or as a sequence, or by keyword
            last.append(_default(source, p.name, None if p.default is EMPTY else p.default))
            star = True
            continue
        if p.keyword_only and not star:
            parts.append("*old" if old else "*")
            star = True
        parts.append(p.name if p.default is EMPTY else _default(source, p.name, p.default))
    last += ["out=None"] * out + [f"{name}=None" for name in extra]
    if last and not star:
        parts.append("*")
    return ", ".join(parts + last)


def _old(source: _Source, op: Op, name: str, params: list[Param], method: bool) -> list[str]:
    """The line that sees whether factors come in their old places; an operator has its operands and nothing else."""
    source.names |= {"old_form": old_form, "NUMBERS": NUMBERS}
    places = [p.name for p in params if not p.keyword_only]
    factors = [p.name for p in params if p.name in OLD[op.name][0]]
    seen = f"old or {places[0]}.__class__ in NUMBERS" if "out_dtype" in places else "old"
    return [f"    if {seen}: return old_form({name!r}, {method}, ({', '.join(places)}, *old), ({', '.join(factors)},))"]


def _is_varargs(params: list[Param], k: int) -> bool:
    p = params[k]
    return p.kind == "shape" and not p.keyword_only and p.default is EMPTY and all(q.keyword_only for q in params[k + 1:])


def _varargs(name: str, op: Op) -> list[str]:
    """Sizes given one by one, as one sequence, or by keyword."""
    lines = [f"    if {name} is not None: args = ({name},)",
             "    if len(args) == 1 and args[0].__class__ is not int:"]
    if op.name == "view":               # a dtype asks for another op
        lines.insert(0, "    if dtype is not None: return hooks.public['_view_dtype'](self, dtype)")
        lines.append("        if args[0].__class__ is DTYPE: return hooks.public['_view_dtype'](self, args[0])")
    return [*lines, f"        args = hooks.sizes(args[0], {op.name!r}, {name!r})",
            f"    elif not args: hooks.sizes(None, {op.name!r}, {name!r})", f"    {name} = args"]


def _fast_key(op: Op, params: list[Param]) -> tuple[list[str], str | None] | None:
    """Codes of the fast path's key, and the name of the one operand that may be a number; None: no fast path."""
    codes: list[str] = []
    mixed = None
    for k, p in enumerate(params):
        n = p.name
        slot = f"({n}._node.slot if {n}._tape is tape else slot_of(tape, {n}))"
        if p.kind == "operand":
            codes.append(f"(None if {n} is None else {slot})" if p.optional else slot)
        elif p.kind == "mixed" and p is params[0]:      # mostly a tensor; a number takes the slow path
            codes.append(slot)
        elif p.kind == "mixed":
            if mixed is not None or p.optional:
                return None
            mixed = n
            codes.append(f"@{slot}")
        elif p.kind == "number":
            codes.append(f"None if {n} is D_{n} else ({n}.__class__, {n} or str({n}))" if p.default is not EMPTY
                         else f"({n}.__class__, {n} or str({n}))")
        elif p.kind == "operands":
            codes.append(f"(tuple([x._node.slot if x._tape is tape else slot_of(tape, x) for x in {n}]) "
                         f"if {n}.__class__ in LISTS else range_of(tape, {n}))")
        elif p.kind in ("static", "shape"):
            codes.append(key_text(op, op.params[k], n))
        elif p.kind != "runtime":       # a runtime number is no part of the key
            return None
    return (codes, mixed) if op.operands else None


def _lines_of_fast_path(op: Op, params: list[Param], hit: list[str]) -> list[str]:
    """A look-up in the trie; once more where the tape ended on the way, and past it where the entry is not known."""
    fast = _fast_key(op, params)
    if fast is None:
        return []
    codes, mixed = fast
    lines = ["while True:", "    tape = state.tape", "    try:"]
    if mixed is None:
        lines.append(f"        _key = ({op.index}, {', '.join(codes)})")
    else:
        as_number = [f"{mixed}.__class__, {mixed} or str({mixed})" if c.startswith("@") else c for c in codes]
        lines += [f"        if {mixed}.__class__ in NUMBERS:",
                  f"            _key = ({op.index}, {', '.join(as_number)})",
                  "        else:",
                  f"            _key = ({op.index}, {', '.join(c.removeprefix('@') for c in codes)})"]
    lines += ["        node = tape.node.children.get(_key)",
              "        if node is not None:"] + [f"            {h}" for h in hit]
    lines += ["    except Restart: continue", "    except (AttributeError, TypeError): pass", "    break"]
    return [f"    {line}" for line in lines]


def _plain(name: str, op: Op, kind: str) -> list[str]:
    """A list becomes a tuple, unless one value is wanted, and so does, for the chain of a view, a tensor; float becomes a dtype."""
    if kind.startswith("DType"):
        return [f"    if {name}.__class__ is type: {name} = OF_PYTHON.get({name}, {name})"]
    tensors = [f"    if isinstance({name}, TENSOR): {name} = nested_tuple({name}.tolist())"] if op.view else []
    return tensors if kind in SINGLE else [*tensors, f"    if {name}.__class__ is list: {name} = tuple({name})"]


def _foreign_self(name: str, x: Any) -> str:
    return f"descriptor '{name}' for 'torch._C.TensorBase' objects doesn't apply to a '{type(x).__name__}' object"


def _nested_tuple(values: Any) -> Any:
    return tuple(map(_nested_tuple, values)) if values.__class__ is list else values


def function_of(op: Op, name: str, first: str | None = None, operator: bool = False) -> Callable:
    """The public function (or, with `first="self"`, the method) of an op; an `operator` gives way to other classes."""
    return _late(name, f"{'Tensor.' if first else ''}{name}", op.doc,
                 lambda source: _write_function(source, op, name, first, operator))


def _write_function(source: _Source, op: Op, name: str, first: str | None, operator: bool) -> None:
    form = "function" if first is None else "method"
    params = renamed(op.params, op.names, form)
    order = params
    if first is not None:
        at = next((k for k, p in enumerate(params) if p.name == "input"), 0)
        params[at] = replace(params[at], name=first, default=EMPTY)
        order = [params[at], *params[:at], *params[at + 1:]]
    out = "out" in op.forms and first is None
    many = returns(op)
    # an optimizer's op has hundreds of results, which go straight into the tensors they replace
    source.names |= KEY_NAMES | {"state": state, "record": record_results if op.family == "optim" else record, "OP": op,
                     "NUMBERS": NUMBERS, "LISTS": LISTS, "RESULTS": Results, "range_of": range_of, "new": object.__new__,
                     "TENSOR": hooks.tensor, "OF_PYTHON": OF_PYTHON, "EXACT": EXACT,
                     "make_view": make_view, "DTYPE": dtype, "R": many, "slot_of": slot_of, "Restart": Restart, "hooks": hooks,
                     "look_again": look_again, "whole": whole, "foreign_self": _foreign_self, "nested_tuple": _nested_tuple}
    lines = source.lines
    fixed = hidden(op.params, op.names, form)
    source.names |= fixed
    order = [p for p in order if p.name not in fixed]
    taken = keywords(order, name, op.names, form)
    extra = [*taken.extra, *["dtype"] * (op.name == "view")]
    old = op.name in OLD and not operator
    lines.append(f"def {name}({_signature(source, taken.params, out, extra, taken.star, old)}):")
    lines += [*(_old(source, op, name, taken.params, form == "method") if old else ()), *taken.lines, *_at_once(source, op, params)]
    for k, p in enumerate(params):
        if _is_varargs(params, k):
            lines += _varargs(p.name, op)
        elif p.kind == "shape":
            lines.append(f"    if {p.name}.__class__ is int: {p.name} = ({p.name},)")
        elif p.kind == "static" and p.name not in fixed:
            lines += _plain(p.name, op, op.fn.__annotations__.get(p.name, ""))
    view = f"make_view({params[0].name}, r, OP, {_tuple(params[1:])})" if params else "r"
    numbers = [p.name for p in params if p.kind == "runtime"]
    advance = [*_look(op, params), "tape.node = node", *([f"tape.floats += ({', '.join(numbers)},)"] if numbers else [])]
    hit = [*advance, "r = new(TENSOR); r._tape = tape; r._node = node; tape.tensors.append(r)",
           f"return {view if op.view else 'r'}"]
    if op.family == "optim":
        lines += _lines_of_fast_path(op, params, ["if node.aval is None:", *[f"    {h}" for h in advance],
                                                  "    return RESULTS(tape, node)"])
    elif many is None and not out:
        lines += _lines_of_fast_path(op, params, ["if node.aval is not None:", *[f"    {h}" for h in hit]])
    elif many is None:
        lines += _lines_of_fast_path(op, params, ["if node.aval is not None and out is None:", *[f"    {h}" for h in hit]])
    if operator and len(params) > 1:
        lines.append(f"    if not isinstance({params[1].name}, hooks.{_taken(op)}): return NotImplemented")
    if first is not None:
        lines.append(f"    if not isinstance({first}, TENSOR): raise TypeError(foreign_self({name!r}, {first}))")
    lines += ["    if dtype is None and isinstance(out, TENSOR): dtype = out.dtype"] * (out and op.name in OF_OUT)
    lines += _record(op, params, view)
    lines += ["    r = R(*r)"] * (many is not None)
    if out:
        lines.append(f"    if out is not None: return hooks.store_out(out, r, {op.name!r}{_read(op, params)})")
    lines.append("    return r")


def _tuple(params: list[Param]) -> str:
    return f"({', '.join(p.name for p in params)}{',' if params else ''})"


def _record(op: Op, params: list[Param], view: str) -> list[str]:
    """The lines that record a call whose entry is not known."""
    lines = [f"    r = record(OP, {_tuple(params)})"]
    if op.view:         # the chain of a view is gone through again and again: no tensors in it
        lines = [*(f"    {p.name} = whole({p.name})" for p in params if p.kind == "shape"), *lines, "    if r.__class__ is tuple:",
                 f"        return tuple([make_view({params[0].name}, x, OP, {_tuple(params[1:])}, k) for k, x in enumerate(r)])",
                 f"    r = {view}"]
    return lines


def _at_once(source: _Source, op: Op, params: list[Param]) -> list[str]:
    """The line that joins many tensors which have their values."""
    if op.host is None:
        return []
    source.names["joined"] = joined
    given, values = params[0].name, ", ".join(p.name for p in params)
    result = f"r if out is None else hooks.store_out(out, r, {op.name!r}{_read(op, params)})" if "out" in op.forms else "r"
    return [f"    if {given}.__class__ in LISTS and len({given}) >= {MANY} and (r := joined(OP, {values})) is not None:",
            f"        return {result}"]


def _taken(op: Op) -> str:
    """What an operator takes as its other operand."""
    return "matrix_types" if op.dunder == "matmul" else "operand_types"


def _look(op: Op, params: list[Param]) -> list[str]:
    """What is looked at in a call whose entry is known; not the number by which is divided, unless the entry takes any."""
    if op.look is None:
        return []
    call = f"look_again(tape, OP, ({', '.join(p.name for p in params)},), node)"
    if op.promote is None:
        return [call]
    numbers = "".join([f" and ({p.name}.__class__ not in NUMBERS or node.ints)" for p in params[1:] if p.kind == "mixed"])
    return [f"if node.aval.dtype.category <= {INTEGER}{numbers}: {call}"]


def _read(op: Op, params: list[Param]) -> str:
    """What `hooks.store_out` is told of the operands of an op: those that `out=` may not touch, those that it may only be; and that
    it must have the dtype that is asked for."""
    if op.into is not EXACT and any(p.name == "dtype" for p in params):
        return ", into=None if dtype is None else EXACT"
    if op.strides == "elementwise" or op.family == "scan":
        return f", same=({''.join(f'{p.name}, ' for p in params if p.kind in ('operand', 'mixed'))})"
    apart = [p.name for p in params if p.kind in ("operand", "operands")][len(params) if op.apart is None else op.apart:]
    return f", ({', '.join(apart)},)" if apart else ""


def inplace_of(op: Op, functional: Callable, first: str = "self") -> Callable:
    """`name_`: the functional op, then a write into its first parameter, `self` of the method."""
    name = f"{op.name}_"
    return _late(name, f"Tensor.{name}", f"In-place form of {op.name}.",
                 lambda source: _write_inplace(source, op, name, functional, first))


def _write_inplace(source: _Source, op: Op, name: str, functional: Callable, first: str) -> None:
    at = next((k for k, p in enumerate(op.params) if p.name == "input"), 0)
    fixed = hidden(op.params, op.names, "method")
    params = [p for p in renamed(op.params, op.names, "method") if p.name not in fixed]
    params = [replace(params[at], name=first, default=EMPTY), *params[:at], *params[at + 1:]]
    source.names |= {"functional": functional, "in_place": in_place, "become_view": become_view, "refuse_overlap": refuse_overlap,
                     "OP": op}
    taken = keywords(params, name, op.names, "method")
    old = op.name in OLD
    source.lines.append(f"def {name}({_signature(source, taken.params, False, taken.extra, taken.star, old)}):")
    source.lines += [*(_old(source, op, name, taken.params, first == "self") if old else ()), *taken.lines]
    if op.view:
        values = ", ".join(p.name for p in params[1:])
        source.lines.append(f"    return become_view({first}, OP, ({values}{',' if len(params) > 1 else ''}))")
        return
    call = ["*args" if _is_varargs(params, k) else (f"{p.name}={p.name}" if p.keyword_only else p.name)
            for k, p in enumerate(params)]
    others = "".join([f", {p.name}" for p in params[1:] if p.kind in ("operand", "mixed") and op.name not in READ_FIRST])
    source.lines += ["    try:", f"        r = functional({', '.join(call)})",
                     "    except NotImplementedError as e:",     # torch looks for overlap before it looks for a kernel
                     f"        if ' not implemented for ' in str(e): refuse_overlap({first})", "        raise",
                     f"    return in_place({first}, r, OP.inplace{others}{', apart=True' * (op.apart is not None)})"]


def composite_of(record_: Composite, namespace: Any, first: str | None = None) -> Callable:
    """The public function or method of a composite."""
    return _late(record_.name, f"{'Tensor.' if first else ''}{record_.name}", record_.doc,
                 lambda source: _write_composite(source, record_, namespace, first))


def _write_composite(source: _Source, record_: Composite, namespace: Any, first: str | None) -> None:
    given = list(inspect.signature(record_.fn).parameters.values())[1:]
    params = [Param(p.name, "static", EMPTY if p.default is p.empty else p.default, p.kind is p.KEYWORD_ONLY) for p in given]
    form = "function" if first is None else "method"
    params = renamed(params, record_.names, form)
    if first is not None and given[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        params[0] = replace(params[0], name=first)
    source.names |= {"FN": record_.fn, "T": namespace}
    taken = Keywords(params)
    if not any(p.kind is p.VAR_KEYWORD for p in given):
        taken = keywords(params, record_.name, record_.names, form)
    parts, call, last, star = [], [], [], False
    for p, q in zip(given, taken.params, strict=True):
        sign = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        call.append(f"{p.name}={q.name}" if p.kind is p.KEYWORD_ONLY else f"{sign}{q.name}")
        if q.name == taken.star:
            parts.append("*args")
            last.append(_default(source, q.name, None if q.default is EMPTY else q.default))
        elif p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or parts[-1:] == ["*"] or sign == "*" or q.name == taken.star
        if q.name != taken.star:
            parts.append(f"{sign}{q.name}" if sign or q.default is EMPTY else _default(source, q.name, q.default))
    out = "out" in record_.forms and first is None
    last += ["out=None"] * out + [f"{name}=None" for name in taken.extra]
    parts += ["*"] * (bool(last) and not star) + last
    source.lines += [f"def {record_.name}({', '.join(parts)}):", *taken.lines]
    if first is None and params[0].name == "input" and "function" in record_.forms:
        source.names |= {"TENSOR": hooks.tensor, "given_tensor": given_tensor}
        source.lines.append(f"    if not isinstance(input, TENSOR): input = given_tensor({record_.name!r}, input)")
    if out:
        source.names["hooks"] = hooks
        source.lines.append(f"    if out is not None: return hooks.store_out(out, FN(T, {', '.join(call)}), {record_.name!r})")
    source.lines.append(f"    return FN(T, {', '.join(call)})")


def _operators(cls: type, op: Op, functional: Callable) -> None:
    """`__add__`, `__radd__`, `__iadd__` of an op whose first two parameters are the operands."""
    dunder, rule = op.dunder, op.inplace
    taken = _taken(op)
    setattr(cls, f"__{dunder}__", function_of(op, f"__{dunder}__", "self", operator=True))
    if dunder not in REFLECTED:
        return
    commutes = dunder in ("add", "mul", "and", "or", "xor")

    def reflected(self: Any, other: Any) -> Any:
        if not isinstance(other, getattr(hooks, taken)):
            return NotImplemented
        if commutes and not isinstance(self, hooks.tensor):
            raise TypeError(_foreign_self(f"__r{dunder}__", self))
        if commutes:
            return functional(self, other)
        return hooks.reflected(dunder, functional, self, other)

    def augmented(self: Any, other: Any) -> Any:
        if not isinstance(self, hooks.tensor):
            raise TypeError(_foreign_self(f"__i{dunder}__", self))
        return in_place(self, functional(self, other), rule, other) if isinstance(other, getattr(hooks, taken)) else NotImplemented
    setattr(cls, f"__r{dunder}__", reflected)
    setattr(cls, f"__i{dunder}__", augmented)


def build(cls: type, namespace: Any) -> dict[str, dict[str, Callable]]:
    """Makes every public form. Returns namespace name -> functions; methods are set on `cls`."""
    hooks.tensor = cls
    spaces: dict[str, dict[str, Callable]] = {"function": {}, "F": {}, "linalg": {}, "special": {}, "fft": {}, "private": {}}
    operators: list[tuple[Op, Callable]] = []
    for op in TABLE.values():
        made = function_of(op, op.name)
        for form in op.forms & spaces.keys() or {"private"}:
            spaces[form][op.name] = made
        if not any(p.kind in ("operand", "mixed") and (k == 0 or p.name == "input") for k, p in enumerate(op.params)):
            continue
        method = None
        if "method" in op.forms or op.dunder or "inplace" in op.forms:
            method = function_of(op, op.name, "self")
        if "method" in op.forms:
            _method(cls, op.name, method)
        if "inplace" in op.forms:
            inplace = inplace_of(op, method)    # type: ignore[arg-type]
            _method(cls, inplace.__name__, inplace)
            if "function" in op.forms:
                spaces["function"][inplace.__name__] = inplace_of(op, method, "input")  # type: ignore[arg-type]
        if op.dunder:
            operators.append((op, method))  # type: ignore[arg-type]
    for record_ in COMPOSITES.values():
        made = composite_of(record_, namespace)
        for form in record_.forms & spaces.keys():
            spaces[form][record_.name] = made
        if "method" in record_.forms:
            _method(cls, record_.name, composite_of(record_, namespace, "self"))
    for op, functional in operators:
        _operators(cls, op, functional)
    _aliases(cls, spaces)
    return spaces


def _method(cls: type, name: str, fn: Callable) -> None:
    if name not in cls.__dict__:
        if not fn.__qualname__.startswith("Tensor."):       # a second name of a method keeps its first
            fn.__qualname__ = f"Tensor.{name}"
        setattr(cls, name, fn)


def _aliases(cls: type, spaces: dict) -> None:
    for name, (target, forms) in ALIASES.items():
        for form, functions in spaces.items():
            # an alias may be published in a namespace that its target is not in (special.gammaln)
            found = functions.get(target) or (spaces["function"].get(target) if forms is not None else None)
            if found is not None and (forms is None or form in forms):
                functions.setdefault(name, found)
                if f"{target}_" in functions:
                    functions.setdefault(f"{name}_", functions[f"{target}_"])
        for suffix in ("", "_"):
            found = getattr(cls, f"{target}{suffix}", None)
            if found is not None and (forms is None or "method" in forms):
                _method(cls, f"{name}{suffix}", found) if f"{name}{suffix}" not in cls.__dict__ else None
