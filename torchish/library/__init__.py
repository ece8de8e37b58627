"""torch.library: operators of one's own, as torch.ops.<namespace>.<name>.

In: schemas and Python functions.  Out: operators.  There is no C++ side: what an extension would bring can be registered for
(`register_fake` and the like wait for an operator that is not there), and is missing when it is called.
Source: https://docs.pytorch.org/docs/stable/library.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, singledispatch
from typing import Any

from ..missing import missing
from ..tags import tags_of
from .custom_op import CustomOpDef, custom_op, declare
from .opcheck import opcheck
from .operators import KEYS, OpOverload, operator
from .schema import infer_schema, parse, split_name

__all__ = ["Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "impl", "impl_abstract", "infer_schema",
           "opcheck", "register_autocast", "register_autograd", "register_fake", "register_kernel", "register_vmap"]

RESERVED = ("prim",)
_waiting: dict[str, list[Callable[[OpOverload], None]]] = {}      # what was registered for operators that are not there


def fallthrough_kernel() -> None:
    """Given as a kernel: the one below is used."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


class Library:
    """Defines operators of a namespace ("DEF", "FRAGMENT"), or gives kernels to those that are there ("IMPL")."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in RESERVED and kind in ("DEF", "FRAGMENT"):
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._made: list[OpOverload] = []

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Declares an operator, "name(Tensor x, int n=2) -> Tensor", and returns its name."""
        if alias_analysis not in ("", "FROM_SCHEMA", "CONSERVATIVE"):
            raise RuntimeError(f"Invalid alias_analysis type {alias_analysis}")
        found = parse(schema)
        if self.kind == "IMPL":
            raise RuntimeError(f'def("{found.name}"): Cannot define an operator inside of a TORCH_LIBRARY_IMPL block: '
                               "use a Library of kind DEF or FRAGMENT")
        given = tags_of(tags)
        made = declare(parse(schema, f"{self.ns}::{found.name.partition('::')[2] or found.name}"))
        made.tags = given
        self._made.append(made)
        for register in _waiting.pop(made.name(), ()):
            register(made)
        return made.name().partition("::")[2]

    def impl(self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False,
             allow_override: bool = True) -> None:
        """The kernel of an operator for a dispatch key: "CPU", "CUDA", "CompositeImplicitAutograd", "Autograd", "Meta", ..."""
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        if with_keyset:
            raise NotImplementedError("torch.library.Library.impl: with_keyset=True hands a kernel the keys of PyTorch's "
                                      "dispatcher, which torchish has not")
        name = op_name if isinstance(op_name, str) else op_name.name()
        key = dispatch_key or self.dispatch_key or "CompositeImplicitAutograd"
        _register(name if "::" in name else f"{self.ns}::{name}", lambda op: _add(op, key, fn))

    def _destroy(self) -> None:
        """Takes back what the library has defined."""
        for made in self._made:
            made.overloadpacket._overloads.pop(made._overloadname, None)
        self._made.clear()


def _add(op: OpOverload, key: str, fn: Callable) -> None:
    if key == "Meta":
        op.fake = fn
    elif fn is not fallthrough_kernel:
        op.kernels[key] = fn


def _register(op: Any, register: Callable[[OpOverload], None]) -> None:
    """Registers with an operator now, or when it is defined."""
    if isinstance(op, CustomOpDef):
        op = op._opoverload
    found = operator(op)
    if found is not None:
        register(found)
    else:
        _waiting.setdefault(op, []).append(register)


@singledispatch
def define(qualname: str, schema: Any, *, lib: Library | None = None, tags: Any = ()) -> Any:
    """Declares the operator "namespace::name" with the schema "(Tensor x) -> Tensor"; `define(library, schema)` is a decorator."""
    if not isinstance(qualname, str):
        raise ValueError(f"define(qualname, schema): expected qualname to be instance of str, got {type(qualname)}")
    namespace, name = split_name(qualname)
    if not isinstance(schema, str):
        raise ValueError(f"{type(schema)} is not a schema. Please provide a str, or use torch.library.custom_op")
    if not schema.lstrip().startswith("("):
        raise ValueError("define(qualname, schema, ...): expected schema to look like e.g. \"(Tensor x) -> Tensor\" but got "
                         f"{schema!r}")
    (lib or Library(namespace, "FRAGMENT")).define(name + schema, tags=tags)


@define.register
def _define(lib: Library, schema: str, alias_analysis: str = "") -> Callable[[Callable], Callable]:
    def register(fn: Callable) -> Callable:
        lib.impl(lib.define(schema, alias_analysis), fn)
        return fn
    return register


@singledispatch
def impl(qualname: Any, types: str | Sequence[str], func: Callable | None = None, *, lib: Library | None = None) -> Any:
    """The kernel of an operator for device types ("cpu", "cuda", "default"); without `func`, a decorator.

    `impl(library, name, dispatch_key)` is a decorator, too.
    """
    def register(fn: Callable) -> Callable:
        for place in [types] if isinstance(types, str) else types:
            _register(qualname, partial(_add, key=KEYS.get(place, place), fn=fn))
        return fn
    return register if func is None else register(func)


@impl.register
def _impl(lib: Library, name: str, dispatch_key: str = "") -> Callable[[Callable], Callable]:
    def register(fn: Callable) -> Callable:
        lib.impl(name, fn, dispatch_key)
        return fn
    return register


def register_kernel(op: Any, device_types: str | Sequence[str] | None, func: Callable | None = None, /, *,
                    lib: Library | None = None) -> Any:
    """CustomOpDef.register_kernel of an operator, given by name or as an object."""
    if isinstance(op, CustomOpDef):
        return op.register_kernel(device_types, func)
    return impl(op, "default" if device_types is None else device_types, func, lib=lib)


def register_fake(op: Any, func: Callable | None = None, /, *, lib: Library | None = None, _stacklevel: int = 1,
                  allow_override: bool = True) -> Any:
    """CustomOpDef.register_fake of an operator, given by name or as an object; without `func`, a decorator.

    Differs from torch: an operator that is not there (a C++ extension would define it) is no error.
    """
    def register(fn: Callable) -> Callable:
        _register(op, lambda found: setattr(found, "fake", fn))
        return fn
    return register if func is None else register(func)


def impl_abstract(qualname: Any, func: Callable | None = None, *, lib: Library | None = None, _stacklevel: int = 1) -> Any:
    """The old name of register_fake."""
    return register_fake(qualname, func, lib=lib)


def register_autograd(op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: Library | None = None) -> None:
    """CustomOpDef.register_autograd of an operator, given by name or as an object."""
    _register(op, lambda found: found.differentiate_by(backward, setup_context))


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: Library | None = None) -> Any:
    """CustomOpDef.register_vmap of an operator, given by name or as an object; without `func`, a decorator."""
    def register(fn: Callable) -> Callable:
        def add(found: OpOverload) -> None:
            found.rule.vmap = fn
            found.rule.__dict__.pop("function", None)
        _register(op, add)
        return fn
    return register if func is None else register(func)


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Library | None = None) -> None:
    """CustomOpDef.register_autocast of an operator, given by name or as an object."""
    if device_type not in ("cpu", "cuda"):
        raise ValueError(f"Unknown device type: {device_type}")
    _register(op, lambda found: found.casts.__setitem__(device_type, cast_inputs))


def get_ctx() -> Any:
    """RuntimeError: shapes that depend on data have no symbols here, so a fake function has no context to ask."""
    raise RuntimeError("get_ctx() called outside of a fake impl: a shape that depends on data is a number here, not a symbol")


__getattr__ = missing("torch.library", globals())
