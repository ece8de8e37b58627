"""Schemas of custom operators: what arguments there are, which are written to, what comes back.

In: the text of a schema, or a function with annotations.  Out: a Schema, which binds the arguments of a call.
Source: https://docs.pytorch.org/docs/stable/library.html#torch.library.infer_schema
"""
from __future__ import annotations

import collections.abc
import inspect
import numbers
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..devices import device
from ..dtypes import NAMES as DTYPES
from ..dtypes import dtype
from ..generator import Generator
from ..tensor import Tensor

__all__ = ["Argument", "Schema", "infer_schema", "parse", "split_name"]

MISSING: Any = inspect.Parameter.empty
TYPE = r"(?P<type>[A-Za-z_]\w*)(?:\((?P<alias>[^)]*)\))?(?P<suffix>(?:\?|\[\d*\])*)"
ARGUMENT = re.compile(TYPE + r"\s+(?P<name>\w+)\s*(?:=\s*(?P<default>.+))?$")
RETURN = re.compile(TYPE + r"(?:\s+\w+)?$")
WHOLE = re.compile(r"\s*(?:(?P<ns>\w+)::)?(?P<name>\w*)(?:\.(?P<overload>\w+))?\s*\((?P<rest>.*)\Z", re.S)
SPOKEN = {"int": "int", "SymInt": "int", "float": "float", "SymFloat": "float", "bool": "bool", "SymBool": "bool", "str": "str",
         "Scalar": "number", "ScalarType": "dtype", "Tensor": "Tensor"}
CHECKS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda x: isinstance(x, Tensor),
    "int": lambda x: isinstance(x, numbers.Integral) and not isinstance(x, bool),
    "float": lambda x: isinstance(x, numbers.Real),
    "bool": lambda x: isinstance(x, bool),
    "str": lambda x: isinstance(x, str),
    "Scalar": lambda x: isinstance(x, numbers.Number) or (isinstance(x, Tensor) and x.ndim == 0),
    "Device": lambda x: isinstance(x, device | str | int),
    "ScalarType": lambda x: isinstance(x, dtype),
    "Generator": lambda x: isinstance(x, Generator),
}
CHECKS |= {"SymInt": CHECKS["int"], "SymFloat": CHECKS["float"], "SymBool": CHECKS["bool"], "number": CHECKS["Scalar"]}


def split_name(qualname: str) -> tuple[str, str]:
    """Namespace and name of an operator. ValueError unless it has both."""
    parts = qualname.split("::")
    if len(parts) != 2 or not all(parts):
        raise ValueError(f'Expected `qualname` to be of the form "namespace::name", but got {qualname}. The qualname passed to the '
                         "torch.library APIs must consist of a namespace and a name, e.g. aten::sin")
    return parts[0], parts[1]


@dataclass(frozen=True)
class Argument:
    """One argument: `type` is the element's, `suffix` what makes it optional or a list ("?", "[]", "[2]?")."""
    name: str
    type: str
    suffix: str = ""
    alias: str | None = None
    default: Any = MISSING
    keyword_only: bool = False

    @property
    def written(self) -> bool:
        """Whether the operator writes to it."""
        return self.alias is not None and "!" in self.alias

    def __str__(self) -> str:
        kind = self.type + (f"({self.alias})" if self.alias is not None else "") + self.suffix
        return f"{kind} {self.name}" + ("" if self.default is MISSING else f"={_written(self.default)}")

    def accepts(self, value: Any) -> bool:
        """Whether `value` is of the type."""
        return _accepts(self.type, self.suffix, value)


def _accepts(kind: str, suffix: str, value: Any) -> bool:
    if suffix.endswith("?"):
        return value is None or _accepts(kind, suffix[:-1], value)
    if suffix.endswith("]"):
        inner, size = suffix[:-1].rsplit("[", 1)
        if isinstance(value, list | tuple):
            return all(_accepts(kind, inner, x) for x in value)
        return bool(size) and _accepts(kind, inner, value)      # int[2] takes one number for both
    return CHECKS[kind](value) if kind in CHECKS else True


def _written(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return repr(value).removesuffix("0") if repr(value).endswith(".0") else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    return str(value).removeprefix("torch.")


@dataclass(frozen=True)
class Schema:
    """name.overload_name(arguments) -> returns"""
    name: str
    overload_name: str
    arguments: tuple[Argument, ...]
    returns: tuple[str, ...]

    def __str__(self) -> str:
        parts = [str(a) for a in self.arguments]
        first = next((k for k, a in enumerate(self.arguments) if a.keyword_only), None)
        if first is not None:
            parts.insert(first, "*")
        returns = self.returns[0] if len(self.returns) == 1 else f"({', '.join(self.returns)})"
        return f"{self.name}{self.overload_name and '.' + self.overload_name}({', '.join(parts)}) -> {returns}"

    @property
    def written(self) -> list[Argument]:
        """The arguments that the operator writes to."""
        return [a for a in self.arguments if a.written]

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[list, dict[str, Any]]:
        """The values of the positional arguments, and those of the others by name. RuntimeError where they do not fit."""
        positional = [a for a in self.arguments if not a.keyword_only]
        if len(args) > len(positional):
            raise RuntimeError(f"{self.name}() expected at most {len(positional)} argument(s) but received {len(args)} "
                               f"argument(s). Declaration: {self}")
        unknown = kwargs.keys() - {a.name for a in self.arguments}
        if unknown:
            raise RuntimeError(f"Unknown keyword argument '{min(unknown)}' for operator '{self.name}'. Schema: {self}")
        values: list = []
        named: dict[str, Any] = {}
        for k, a in enumerate(self.arguments):
            if k < len(args):
                if a.name in kwargs:
                    raise RuntimeError(f"{self.name}() got multiple values for argument '{a.name}'. Declaration: {self}")
                value = args[k]
            else:
                value = kwargs.get(a.name, a.default)
            if value is MISSING:
                raise RuntimeError(f"{self.name}() is missing value for argument '{a.name}'. Declaration: {self}")
            self._check(k, a, value)
            if a.keyword_only:
                named[a.name] = value
            else:
                values.append(value)
        return values, named

    def _check(self, k: int, a: Argument, value: Any) -> None:
        if value is a.default or a.accepts(value):
            return
        kind = SPOKEN.get(a.type, a.type)
        for mark in re.findall(r"\?|\[\d*\]", a.suffix):
            kind = f"Optional[{kind}]" if mark == "?" else f"List[{kind}]"
        raise RuntimeError(f"{self.name}() Expected a value of type '{kind}' for argument '{a.name}' but instead found type "
                           f"'{type(value).__name__}'.\nPosition: {k}\nValue: {value!r}\nDeclaration: {self}")


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand in no bracket."""
    depth = start = 0
    for k, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            yield text[start:k].strip()
            start = k + 1
    if text[start:].strip():
        yield text[start:].strip()


def _closing(text: str) -> int:
    """Where the bracket closes that was open before `text`; -1 where it does not."""
    depth = 1
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return k
    return -1


def _default(text: str, kind: str) -> Any:
    constants = {"None": None, "True": True, "False": False}
    if text in constants:
        return constants[text]
    if text[0] in "\"'":
        return text[1:-1]
    if text[0] == "[":
        return [_default(x, kind) for x in _split(text[1:-1])]
    if kind == "ScalarType" and text in DTYPES:
        return DTYPES[text]
    number = re.fullmatch(r"[-+]?\d+", text)
    if number is not None:
        return float(text) if kind == "float" else int(text)
    return float(text) if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?", text) else text


def parse(text: str, name: str | None = None) -> Schema:
    """The Schema that `text` writes: "ns::name.overload(Tensor x, int n=2, *, float? s=None) -> (Tensor, Tensor)".

    `name` is put before a text that begins with the arguments.  RuntimeError where it is no schema.
    """
    whole = WHOLE.match(text)
    end = _closing(whole["rest"]) if whole is not None else -1
    arrow = re.match(r"\s*->\s*(.+?)\s*\Z", whole["rest"][end + 1:], re.S) if whole is not None and end >= 0 else None
    if whole is None or arrow is None:
        raise RuntimeError(f"expected a schema of the form 'name(Tensor x, int n=2) -> Tensor' but found: {text}")
    arguments, keyword_only = [], False
    for part in _split(whole["rest"][:end]):
        if part == "*":
            keyword_only = True
            continue
        found = ARGUMENT.match(part)
        if found is None:
            raise RuntimeError(f"expected an argument of the form 'type name' or 'type name=default' but found '{part}' here: "
                               f"{text}")
        default = found["default"]
        arguments.append(Argument(found["name"], found["type"], found["suffix"], found["alias"],
                                  MISSING if default is None else _default(default.strip(), found["type"]), keyword_only))
    inner = arrow[1]
    returns = list(_split(inner[1:-1])) if inner.startswith("(") and inner.endswith(")") else [inner]
    for part in returns:
        if RETURN.match(part) is None:
            raise RuntimeError(f"expected the type of a result but found '{part}' here: {text}")
    own = (f"{whole['ns']}::" if whole["ns"] else "") + whole["name"]
    return Schema(name or own, whole["overload"] or "", tuple(arguments), tuple(returns))


SEQUENCES = (list, collections.abc.Sequence)
ELEMENTS: dict[Any, str] = {int: "SymInt", float: "float", bool: "bool", Tensor: "Tensor"}
PLAIN = ELEMENTS | {str: "str", dtype: "ScalarType", device: "Device", int | float | bool: "Scalar",
                    typing.Union[int, float, bool]: "Scalar"}    # noqa: UP007  the older spelling is another object


def _type_name(annotation: Any) -> str | None:
    """The schema's name of an annotation; None for one that has none."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in SEQUENCES and len(inner) == 1:
        element = _type_name(inner[0])
        return f"{element}[]" if element in ("SymInt", "float", "bool", "Tensor", "Tensor?", "Scalar") else None
    if type(None) in inner and len(inner) == 2:     # Optional
        element = _type_name(next(x for x in inner if x is not type(None)))
        return None if element is None or element in ("Tensor[]", "Tensor?[]") else f"{element}?"
    return None


def infer_schema(prototype_function: Callable, /, *, mutates_args: str | Iterable[str], op_name: str | None = None,
                 tags: Any = ()) -> str:
    """The schema of a function whose parameters are annotated. ValueError where one is not, or has no type in a schema.

    `mutates_args` names the parameters that are written to; "unknown" says all.
    Source: https://docs.pytorch.org/docs/stable/library.html#torch.library.infer_schema
    """
    try:
        signature = inspect.signature(prototype_function, eval_str=True)
    except NameError as e:
        raise ValueError(f"Unsupported type annotation: {e}. It is not a type.") from None

    def fail(what: str) -> ValueError:
        return ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    written = None if mutates_args == "unknown" else {mutates_args} if isinstance(mutates_args, str) else set(mutates_args)
    parts, star = [], False
    for k, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise fail("We do not support positional-only args, varargs, or varkwargs.")
        if parameter.annotation is MISSING:
            raise fail(f"Parameter {name} must have a type annotation.")
        kind = _type_name(parameter.annotation)
        if kind is None:
            raise fail(f"Parameter {name} has unsupported type {parameter.annotation}.")
        if written is None or name in written:
            if not kind.startswith("Tensor"):
                if written is not None:
                    raise fail(f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors can be mutated")
            else:
                kind = f"Tensor(a{k}!){kind.removeprefix('Tensor')}"
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        default = "" if parameter.default is MISSING else f"={_python_default(parameter.default, name, fail)}"
        parts.append(f"{kind} {name}{default}")
    unknown = (written or set()) - signature.parameters.keys()
    if unknown:
        raise fail(f"{unknown} in mutates_args were not found in the custom op's signature.")
    return f"{op_name or ''}({', '.join(parts)}) -> {_return_name(signature.return_annotation, fail)}"


def _python_default(value: Any, name: str, fail: Callable) -> str:
    if value is None or isinstance(value, int | float | bool):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, device):
        return f'"{value}"'
    raise fail(f"Parameter {name} has an unsupported default value type {type(value)}.")


def _return_name(annotation: Any, fail: Callable) -> str:
    if annotation is MISSING:
        raise fail("No return type annotation was provided. Please add one.")
    if annotation is None:
        return "()"
    if typing.get_origin(annotation) is tuple:
        kinds = [_type_name(x) for x in typing.get_args(annotation)]
        if None not in kinds and kinds:
            return f"({', '.join(map(str, kinds))})" if len(kinds) > 1 else str(kinds[0])
    kind = _type_name(annotation)
    if kind is None or kind.endswith("?"):
        raise fail(f"Return has unsupported type {annotation}.")
    return kind
