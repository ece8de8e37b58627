"""The op table: one record for each op, made from its declaration.

In: a pure function of jax arrays whose Python signature is torch's schema.  Out: an `Op` in `TABLE`, from which the
recorder, the facade, the documentation and the tests derive everything else.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from ..scalar import converted
from .into import CASTS, EXACT, PLAIN, InPlace, Into

__all__ = ["ALIASES", "Array", "ArrayLike", "Arrays", "Composite", "Dim", "Dims", "Mask", "Number", "Numbers", "OPERANDS", "Op",
           "Param", "Runtime", "Shape", "Steps", "TABLE", "COMPOSITES", "alias", "cast", "composite", "op", "unary"]

# The vocabulary of annotations.  A parameter's annotation says how the recorder treats it.
type_names = {
    "Array": "operand",             # a tensor
    "Array | None": "operand",      # a tensor or nothing
    "Arrays": "operands",           # a list or tuple of tensors
    "Mask": "operand",              # a tensor that takes no part in promotion
    "ArrayLike": "mixed",           # a tensor or a Python number; the number takes part in promotion as torch's scalars do
    "ArrayLike | None": "mixed",
    "Number": "number",             # a Python number that becomes a runtime input when it is seen to change
    "Number | None": "number",
    "Runtime": "runtime",           # a Python number that is a runtime input from the start (learning rates)
    "Numbers": "numbers",           # a tuple of Python ints, each of which may become a runtime input (slice starts)
    "Shape": "shape",               # ints, given one by one or as a sequence; reaches the op as a tuple
    "Dims": "static",               # an int or a tuple of ints (lists become tuples)
}                                   # anything else is static: hashable, part of the program
OPERANDS = frozenset(("operand", "operands", "mixed"))
Array = jax.Array
Arrays = Sequence[jax.Array]
Mask = jax.Array
Number = int | float | bool | complex
ArrayLike = jax.Array | int | float | bool | complex
Runtime = float
Numbers = tuple[int, ...]
Shape = tuple[int, ...]
Dim = int
Dims = int | tuple[int, ...]
Steps = Sequence[tuple[int, ...]]
Turns = tuple[str, ...] | Callable[[list, dict], Steps] | None

EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an op: its name, how it is treated, its default, whether only a keyword reaches it."""
    name: str
    kind: str                       # operand | operands | mixed | number | numbers | runtime | shape | static
    default: Any = EMPTY
    keyword_only: bool = False
    optional: bool = False          # None is a value
    promoted: bool = True           # takes part in the op's promotion


@dataclass(slots=True, eq=False, weakref_slot=True)
class Op:
    """What one op is.

    promote: None (operands as they are), "arith" (operands cast to torch's common dtype), "float" (the same, and
        integers go to the default floating dtype), "quotient" (the same, unless `rounding_mode` is given), "double" (operands cast
        to double precision), "compare" (operands cast to the common dtype; result is bool).
    wide_numbers: from which operand on a number, or a tensor without dims, stays in float32 beside a half type: the op rounds once.
    returns: names of the results where there are several (a namedtuple of the facade).
    view: the result shares the first operand's storage; `fn` is then written with indexing, `reshape`, `transpose` and
        the like, so that it also runs on a numpy array (that is how strides are found).
    copies: a view op that copies where the strides allow no view (reshape), "always" also where they do (ravel); then the result
        shares nothing. What lies row by row is viewed in any case.
    write: for a view, `write(base, value, **attributes) -> base`: the base with the viewed part replaced.  Without it a
        general (slower) way is used.
    saves: whether torch keeps a value for backward; an op that keeps none may be gone through twice.
    check: `check(*kinds)` may refuse operands before they are cast; a kind is a dtype's name, or bool, int, ... for a number.
    rule: full name of torch's backward node ("TBackward0") where the general naming rule does not give it, or a function
        (avals of the operands, attributes) -> name.
    differentiable: False where the result never requires a gradient although its dtype could; one flag for each result
        where they differ.
    underived: operands that have no derivative, with what torch says it does not implement; what begins with "aten::" has a
        RuntimeError, the rest a NotImplementedError.  Or a function (attributes, shapes of the results) -> torch's RuntimeError
        about all operands, or None.
    look: `look(*parameters)` may refuse the values of operands: it gets the parameters in order, such an operand as a
        numpy array where its value is known, other operands as what has a shape.  It is asked when an entry is new, and later
        as far as values are there without waiting; where an op promotes, only if its result is of integers.
    looks: which operands `look` gets the values of: "places" (int64 and int32), "whole" (all integers and bools, but of the
        first operand), "values" (float32 and float64), "levels" (the same, of what may be a number) or "matrix" (of the first
        operand, if it is of floating or complex numbers).
    apart: from which operand on what is read may share no memory with `out=`, or with what is written in place; None: all of it
        may.
    names: what public parameters are called where that is not the name here, or not the only one: "split_size sections" has a
        first name and further keywords. A key may begin with "function." or "method."; "*dim" takes its values one by one,
        too; "-" is a parameter that this form has not.
    strides: how results lie in memory: None (row-major), or one rule of `torchish/strides.py`, one for each result, or a function
        (avals of the operands, attributes) -> strides.  What is promoted is "elementwise" unless it says otherwise.
    autocast: what torch.autocast does to floating operands: "low" (the region's dtype), "pair" (the same, of two or more),
        "float" (float32), "promote" (the widest of them), on all devices or, followed by "cpu" or "cuda", on one.
    joins: of an op that joins a list of tensors: `joins(groups, **attributes)`, where a group is a list of tensors, or tensors of
        one shape stacked along a new first dimension.
    host: of an op that joins a list of tensors: `host(arrays, dim)`, the same of numpy arrays of one dtype.
    parts: of an op that takes its operand apart: `parts(input, first, last, **attributes)`, the results first to last - 1, which
        have one shape, stacked along a new first dimension.
    turns: of an op that torch composes of nodes which are not shown: names of operands, in the order in which its engine comes to
        them. Or `turns(outs, attributes)`, which tells these nodes, the oldest first: each is a tuple of what its gradients go
        to, the number k of an operand (of the list, where the first operand is one), or ~j for the node number j.
    separate: of an op with several results: torch makes each of them by a node of its own.
    undefined: `undefined(attributes, aval of the first result)`: the numbers of the results from which torch passes no gradient,
        though they require one: what only they were computed from gets none, not a zero.
    through: of the backward of an ended graph: the entries that it goes through (`segment.Through`).
    samples: `samples(t) -> [(args, kwargs), ...]` for the generated tests, where `t(*shape, low=-2, high=2, dtype=None,
        seed=0)` makes an array (a float one unless dtype says otherwise); without it, elementwise ops get default ones.
    into: which dtypes of `out=` take a result, and what is said of the others (`ops/into.py`); unless told what can hold it where
        the op promotes, else the result's own.
    inplace: what the in-place form says (`InPlace` of `ops/into.py`).
    forms: which public forms exist, of "function", "method", "inplace", "out", "F" (torch.nn.functional), and other
        namespaces such as "linalg" and "special".
    """
    name: str
    fn: Callable
    family: str
    params: tuple[Param, ...]
    forms: frozenset[str]
    promote: str | None = None
    dunder: str | None = None
    returns: tuple[str, ...] | None = None
    view: bool = False
    copies: bool | str = False
    write: Callable | None = None
    saves: bool = True
    check: Callable | None = None
    rule: str | Callable | None = None
    differentiable: bool | tuple[bool, ...] = True
    doc: str = ""
    index: int = field(default=0)
    samples: Callable | None = None
    names: dict[str, str] = field(default_factory=dict)
    strides: str | tuple | Callable | None = None
    autocast: str | None = None
    look: Callable | None = None
    apart: int | None = None
    looks: str = "places"
    joins: Callable | None = None
    parts: Callable | None = None
    host: Callable | None = None
    into: Into = EXACT
    inplace: InPlace = PLAIN
    underived: dict[str, str] | Callable | None = None
    wide_numbers: int | None = None
    turns: Turns = None
    separate: bool = False
    undefined: Callable[[dict, Any], Sequence[int]] | None = None
    through: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The pure function itself, so that ops may use one another."""
        return self.fn(*args, **kwargs)

    @property
    def operands(self) -> list[Param]:
        """The parameters that take tensors: an entry has one operand for each."""
        return [p for p in self.params if p.kind in OPERANDS]

    @property
    def told(self) -> str:
        """The name that users know: that of an op along a dimension is the function's."""
        return self.name.strip("_").removesuffix("_dim")

    def __repr__(self) -> str:
        return f"<op {self.name}>"


@dataclass(slots=True, eq=False)
class Composite:
    """A public function that torch builds from other ops: plain Python over the facade, recorded as those ops.

    Its first parameter receives the namespace of public functions (`t.mm`, `t.Tensor`, ...); the public signature is the rest.
    """
    name: str
    fn: Callable
    family: str
    forms: frozenset[str]
    doc: str = ""
    names: dict[str, str] = field(default_factory=dict)
    into: Into = CASTS


TABLE: dict[str, Op] = {}
COMPOSITES: dict[str, Composite] = {}
ALIASES: dict[str, tuple[str, frozenset[str] | None]] = {}      # second name -> (first name, forms; None: all of them)


def _declare(table: dict, record: Op | Composite) -> None:
    if record.name in TABLE or record.name in COMPOSITES:
        raise ValueError(f"op {record.name!r} is declared twice")
    table[record.name] = record


def _params(fn: Callable) -> tuple[Param, ...]:
    """The parameters of a declaration, read off the function: a signature of `inspect` takes ten times as long."""
    code, annotations = fn.__code__, fn.__annotations__
    plain, total = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    defaults = dict(zip(code.co_varnames[:plain][::-1], (fn.__defaults__ or ())[::-1], strict=False)) | (fn.__kwdefaults__ or {})
    found = []
    for k, name in enumerate(code.co_varnames[:total]):
        annotation, default = annotations.get(name, "static"), defaults.get(name, EMPTY)
        found.append(Param(name, type_names.get(annotation, "static"), default, k >= plain,
                           "None" in annotation or default is None, annotation != "Mask"))
    return tuple(found)


def op(*, name: str | None = None, forms: str = "function method out", inplace: bool | InPlace = False, promote: str | None = None,
       dunder: str | None = None, returns: tuple[str, ...] | None = None, view: bool = False, copies: bool | str = False,
       write: Callable | None = None, saves: bool = True, check: Callable | None = None, rule: str | Callable | None = None,
       differentiable: bool | tuple[bool, ...] = True, samples: Callable | None = None,
       names: dict[str, str] | None = None, strides: str | tuple | Callable | None = "",
       autocast: str | None = None, look: Callable | None = None, apart: int | None = None,
       looks: str = "places", joins: Callable | None = None, parts: Callable | None = None,
       host: Callable | None = None, into: Into | None = None,
       underived: dict[str, str] | Callable | None = None, wide_numbers: int | None = None,
       turns: Turns = None, separate: bool = False, undefined: Callable[[dict, Any], Sequence[int]] | None = None,
       ) -> Callable[[Callable], Op]:
    """Declares the decorated pure function as an op; see `Op` for the options.

    The op's name is the function's, a trailing underscore dropped (`def sum_` declares "sum").  Annotations must be
    strings (`from __future__ import annotations`).
    """
    def declare(fn: Callable) -> Op:
        record = Op(name or fn.__name__.rstrip("_"), fn, fn.__module__.rpartition(".")[2], _params(fn),
                    frozenset(forms.split()) | ({"inplace"} if inplace else frozenset()), promote, dunder, returns, view, copies,
                    write, saves, check, rule, differentiable, inspect.getdoc(fn) or "", len(TABLE), samples,
                    names or {}, strides if strides != "" else "elementwise" if promote else None, autocast, look,
                    apart, looks, joins, parts, host, into or (CASTS if promote else EXACT),
                    inplace if isinstance(inplace, InPlace) else PLAIN, underived, wide_numbers, turns, separate, undefined)
        _declare(TABLE, record)
        return record
    return declare


def unary(name: str, fn: Callable, *, promote: str | None = "float", inplace: bool = True, doc: str = "", saves: bool = True,
          forms: str = "function method out", **options: Any) -> Op:
    """Declares `name` as an elementwise op of one tensor, computed by `fn`."""
    def body(input: Array) -> Array:
        return fn(input)
    body.__name__, body.__doc__ = name, doc
    body.__module__ = inspect.currentframe().f_back.f_globals["__name__"]
    return op(name=name, promote=promote, inplace=inplace, saves=saves, forms=forms, **{"strides": "elementwise"} | options)(body)


def composite(*, name: str | None = None, forms: str = "function method",
              names: dict[str, str] | None = None, into: Into = CASTS) -> Callable[[Callable], Composite]:
    """Declares the decorated function (namespace first, then torch's parameters) as a composite."""
    def declare(fn: Callable) -> Composite:
        record = Composite(name or fn.__name__.rstrip("_"), fn, fn.__module__.rpartition(".")[2],
                           frozenset(forms.split()), inspect.getdoc(fn) or "", names or {}, into)
        _declare(COMPOSITES, record)
        return record
    return declare


def alias(target: str, *names: str, forms: str | None = None) -> None:
    """Gives the op or composite `target` further public names, in all its forms or in `forms`."""
    for name in names:
        if name in ALIASES or name in TABLE or name in COMPOSITES:
            raise ValueError(f"{name!r} is declared twice")
        ALIASES[name] = (target, frozenset(forms.split()) if forms else None)


def cast(value: ArrayLike, dtype: Any) -> jax.Array:
    """A number attribute as an array of `dtype`: it may come as a Python number or as a 0-d runtime input."""
    return value.astype(dtype) if isinstance(value, jax.Array) else jnp.asarray(converted(value, dtype))
