"""torch.overrides: which functions classes with `__torch_function__` may take over, and helpers for functions of the user's own.

In: functions, arguments.  Out: whether and by whom a call is taken over; modes, which take over every call.
Source: https://docs.pytorch.org/docs/stable/torch.overrides.html
"""
from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from . import autograd, fft, functional, linalg, nn, special, torch_function
from .tensor import Tensor
from .torch_function import answer, divert, named, overloaded, state, takes_part
from .warned import warn

__all__ = ["BaseTorchFunctionMode", "TorchFunctionMode", "enable_reentrant_dispatch", "get_default_nowrap_functions",
           "get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_torch_function",
           "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like",
           "is_tensor_method_or_property", "redispatch_function", "resolve_name", "wrap_torch_function"]

# operators that are told as the method they stand for
_OPERATORS = {"add": "add", "radd": "add", "iadd": "add_", "sub": "sub", "isub": "sub_", "mul": "mul", "rmul": "mul", "imul":
              "mul_", "truediv": "div", "itruediv": "div_", "ifloordiv": "floor_divide_", "mod": "remainder", "imod":
              "remainder_", "matmul": "matmul", "rand": "bitwise_and", "ror": "bitwise_or", "rxor": "bitwise_xor", "ne": "ne",
              "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "neg": "neg", "pos": "positive", "abs": "abs"}
_BINARY = ("add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
# what gives way to the other operand's operator where nobody has an answer
_GIVING_WAY = frozenset([f"__{kind}{name}__" for name in _BINARY for kind in ("", "r", "i")]
                        + [f"__{name}__" for name in ("eq", "ne", "lt", "le", "gt", "ge")])
# settings and questions that no argument can take over
_NEVER = re.compile(
    r"(are|autocast|clear|compiled|custom|init|manual|set|sym|thread|use|warn)_\w+|get_(?!device$)\w+|"
    r"is_(anomaly|autocast|deterministic|grad_enabled|inference_mode|storage|tensor|vulkan|warn)\w*|broadcast_shapes|can_cast|compile|"
    r"draw|explain|export|from_jax|initial_seed|load\w*|missing|once_only|plain_tape|promote_types|published|result_type|save|seed|"
    r"to_jax|typename|uncollected|vmap|while_loop")
# these make tensors from what is no tensor: modes see them, arguments do not take them over
_MAKERS = re.compile(
    r"arange|as_tensor|asarray|(bartlett|blackman|hamming|hann|kaiser)_window|(new_)?(empty|full|ones|tensor|zeros)|"
    r"(new_)?empty_(permuted|strided)|eye|from_(dlpack|file|numpy)|frombuffer|linspace|logspace|normal|rand(int|n)?(_like)?|randperm|"
    r"range|scalar_tensor|tri[lu]_indices|vander|r?fftfreq|stride|unflatten")
_METHODS_NEVER = frozenset(["__new__", "__iter__", "__jax_array__", "__array_wrap__", "__delitem__", "as_subclass"])


def _namespaces() -> dict[Any, tuple[str, dict[str, Any]]]:
    """Module -> (its public name, what it holds)."""
    top = sys.modules[__package__]
    return {functional: ("torch.functional", vars(functional)), top: ("torch", vars(top)),
            nn.functional: ("torch.nn.functional", vars(nn.functional)), linalg: ("torch.linalg", vars(linalg)),
            fft: ("torch.fft", vars(fft)), special: ("torch.special", vars(special))}


def _functions(names: dict[str, Any]) -> Iterator[tuple[str, FunctionType]]:
    for name, fn in list(names.items()):
        if isinstance(fn, FunctionType) and not name.startswith("_") and not _NEVER.fullmatch(name):
            yield name, fn


def _members() -> Iterator[tuple[str, Any]]:
    """Methods and properties of Tensor that may be taken over."""
    for base in reversed([c for c in Tensor.__mro__ if c is not object]):
        for name, member in list(vars(base).items()):
            public = not name.startswith("_") or name.startswith("__") and name.endswith("__")
            if public and name not in _METHODS_NEVER and isinstance(member, (FunctionType, property)):
                yield name, member


def install() -> None:
    """Makes every public function, method and property ask modes and arguments first (`torch_function.divert`)."""
    done: set[int] = set()

    def once(fn: Any, func: Callable | None = None, gives_way: bool = False) -> None:
        if isinstance(fn, FunctionType) and id(fn) not in done:
            done.add(id(fn))
            divert(fn, func, gives_way)

    for _, names in _namespaces().values():
        for _, fn in _functions(names):
            once(fn)
    for name, member in _members():
        if isinstance(member, property):
            once(member.fget, member.__get__)
            once(member.fset, member.__set__)
        else:
            told = _OPERATORS.get(name.strip("_")) if name.startswith("__") else None
            once(member, None if told is None else getattr(Tensor, told), name in _GIVING_WAY)
    once(autograd.grad)


@functools.cache
def get_ignored_functions() -> set[Callable]:
    """Functions that arguments cannot take over."""
    found = {fn for _, names in _namespaces().values() for name, fn in names.items()
             if isinstance(fn, FunctionType) and (_NEVER.fullmatch(name) or _MAKERS.fullmatch(name))}
    found |= {m for name, m in inspect.getmembers(Tensor, inspect.isfunction) if name in _METHODS_NEVER or _MAKERS.fullmatch(name)}
    return found | {Tensor.__init__, Tensor.__torch_function__, Tensor.__hash__}


@functools.cache
def get_default_nowrap_functions() -> set[Callable]:
    """What gives a tensor that is kept elsewhere: its class stays what it is."""
    return {Tensor._base.__get__, Tensor.grad.__get__}      # type: ignore[attr-defined]


@functools.cache
def _overridable() -> tuple[dict[Any, list[Callable]], dict[Callable, str]]:
    """Namespace -> functions; function -> its public name."""
    spaces: dict[Any, list[Callable]] = {}
    names: dict[Callable, str] = {}
    for module, (public, held) in _namespaces().items():
        for name, fn in _functions(held):
            if not _MAKERS.fullmatch(name) and names.get(fn, public).startswith(public):
                spaces.setdefault(module, []).append(fn)
            names.setdefault(fn, f"{public}.{name}")
    for name, member in _members():
        if isinstance(member, property):
            spaces.setdefault(member, []).append(member.__get__)
            names.setdefault(member.__get__, f"torch.Tensor.{name}.__get__")
        elif not _MAKERS.fullmatch(name):
            spaces.setdefault(Tensor, []).append(member)
            names.setdefault(member, f"torch.Tensor.{name}")
    return spaces, names


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """Namespace (a module, Tensor, a property) -> the functions in it that `__torch_function__` may take over."""
    return _overridable()[0]


def resolve_name(f: Callable) -> str | None:
    """The public name of a function; None where it is none of torch's."""
    return _overridable()[1].get(f)


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether `func` is a method of Tensor or the `__get__` of one of its properties."""
    return func in get_overridable_functions()[Tensor] or func.__name__ == "__get__"


def _stub(fn: Callable) -> Callable:
    def override(*args: Any, **kwargs: Any) -> int:
        return -1
    override.__signature__ = inspect.signature(fn)      # type: ignore[attr-defined]
    return override


@functools.cache
def get_testing_overrides() -> dict[Callable, Callable]:
    """For each overridable function one of the same signature that returns -1."""
    return {fn: _stub(fn) for fns in get_overridable_functions().values() for fn in fns}


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments, or a mode, takes calls over."""
    if not isinstance(relevant_args, Iterable):
        raise TypeError("expected a sequence")
    found = bool(state.modes) and not state.all_off or not state.off and any(takes_part(type(x)) for x in relevant_args)
    if found and state.skip:
        state.skip = False
        return False
    return found


def has_torch_function_unary(x: Any) -> bool:
    """`has_torch_function((x,))`."""
    return has_torch_function((x,))


def has_torch_function_variadic(*args: Any) -> bool:
    """`has_torch_function(args)`."""
    return has_torch_function(args)


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """What the first of the arguments that has an answer makes of `public_api(*args, **kwargs)`; TypeError if none has."""
    relevant = [] if state.off else overloaded(relevant_args)
    result = answer(public_api, relevant, args, kwargs, _plain_method)
    if result is not NotImplemented:
        return result
    message = (f"no implementation found for '{named(public_api)}' on types that implement "
               f"__torch_function__: {[type(x) for x in relevant]}")
    if state.modes and not state.all_off:
        message += f" nor was it found on the currently active mode {state.modes[-1]}"
    raise TypeError(message)


def _plain_method() -> None:
    warn("Defining your `__torch_function__ as a plain method is deprecated and will be an error in future, please "
         "define it as a classmethod.", DeprecationWarning)


def redispatch_function(func: Callable, types: Iterable[type], args: tuple, kwargs: dict | None) -> Any:
    """func(*args, **kwargs), which is itself not taken over; what a function of the user's calls inside is, again."""
    state.skip = True
    try:
        return func(*args, **(kwargs or {}))
    finally:
        state.skip = False


def wrap_torch_function(dispatcher: Callable) -> Callable[[Callable], Callable]:
    """Decorator: arguments may take the function over; `dispatcher` has its signature and returns those that count."""

    def decorate(func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)
        return wrapped

    return decorate


def is_tensor_like(inp: Any) -> bool:
    """Whether `inp` is a tensor or stands for one by its class's `__torch_function__`."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


class TorchFunctionMode:
    """A context in which `__torch_function__(func, types, args, kwargs)` sees every call; inside it, the mode is off."""

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict | None = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        if isinstance(inspect.getattr_static(self, "__torch_function__"), classmethod):
            raise RuntimeError("Defining your mode's `__torch_function__` as a classmethod is not supported, please make it a "
                               "plain method")
        torch_function.install()
        state.modes.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        state.modes.pop()


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that leaves calls as they are."""

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict | None = None) -> Any:
        return func(*args, **(kwargs or {}))


def _get_current_function_mode() -> TorchFunctionMode | None:
    return state.modes[-1] if state.modes else None


def _get_current_function_mode_stack() -> list[TorchFunctionMode]:
    return list(state.modes)


@contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Inside, classes take part again where they had been switched off."""
    before = state.off, state.all_off
    state.off = state.all_off = False
    try:
        yield
    finally:
        state.off, state.all_off = before
