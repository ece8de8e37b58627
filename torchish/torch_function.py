"""`__torch_function__`: calls that classes and modes of the user's take over.

In: a call of a public function, of a method or of a property.  Out: what the classes of its arguments or the modes make of it.

A program without such classes pays nothing for this: nothing is asked until the first subclass of Tensor that takes part is
declared, the first mode is entered, or the first foreign object is met. From then on the code of every public function is one
that asks first (`divert`); the function objects stay the same, so tables that have them as keys go on working.
Source: https://docs.pytorch.org/docs/stable/notes/extending.html
"""
from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from .hooks import hooks
from .warned import warn

__all__ = ["DisableTorchFunction", "DisableTorchFunctionSubclass", "answer", "default", "disabled", "divert", "install", "named",
           "overloaded", "state", "takes_part", "taken_over"]


class _State(threading.local):
    """What is on in this thread."""
    off = False                     # subclasses do not take part (modes do)
    all_off = False                 # neither do modes
    skip = False                    # the next call that would be taken over is not (`overrides.redispatch_function`)

    def __init__(self) -> None:
        self.modes: list[Any] = []


state = _State()
_known: dict[type, bool] = {}       # class -> whether its instances take calls over
_plain: set[type] = set()           # classes whose instances do not, and hold none that might
_installed = False


def disabled(cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict | None = None) -> Any:
    """The `__torch_function__` of classes that do not take part, such as Parameter."""
    return func(*args, **(kwargs or {}))


def takes_part(cls: type) -> bool:
    """Whether instances of a class take over the calls they are passed to."""
    found = _known.get(cls)
    if found is None:
        own = getattr(cls, "__torch_function__", None)
        found = own is not None and getattr(own, "__func__", own) is not disabled and cls is not hooks.tensor
        _known[cls] = found
        if not found and not issubclass(cls, (list, tuple)):
            _plain.add(cls)
    return found


class _Off:
    """A context in which nothing is taken over by subclasses (and, where `everything`, by modes)."""
    everything = False

    def __enter__(self) -> None:
        self.before = state.off, state.all_off
        state.off = True
        state.all_off = state.all_off or self.everything

    def __exit__(self, *error: object) -> None:
        state.off, state.all_off = self.before


class DisableTorchFunctionSubclass(_Off):
    """A context in which subclasses of Tensor are plain tensors; modes still see the calls."""


class DisableTorchFunction(_Off):
    """A context in which neither subclasses nor modes see calls."""
    everything = True


def overloaded(arguments: Iterable[Any]) -> list[Any]:
    """One argument of each class that takes part: from left to right, but subclasses before their bases."""
    found: list[Any] = []
    kinds: list[type] = []
    for x in arguments:
        kind = type(x)
        if kind in kinds or not takes_part(kind):
            continue
        at = next((k for k, other in enumerate(kinds) if issubclass(kind, other)), len(kinds))
        kinds.insert(at, kind)
        found.insert(at, x)
    return found


def answer(func: Callable, relevant: list[Any], args: tuple, kwargs: dict, warn: Callable[[], None]) -> Any:
    """What the innermost mode, else the first of the `relevant` arguments that has one, answers; else NotImplemented.

    `warn` is called where a class has a plain method for its answers, which is deprecated.
    """
    types = tuple([type(x) for x in relevant])
    if state.modes and not state.all_off:
        mode = state.modes.pop()
        try:
            result = mode.__torch_function__(func, types, args, kwargs)
        finally:
            state.modes.append(mode)
        if result is not NotImplemented:
            return result
    for x in relevant:
        method = x.__torch_function__
        if getattr(method, "__self__", None) is x:
            warn()
        result = method(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    return NotImplemented


def _plain_method() -> None:
    warn("Defining your `__torch_function__` as a plain method is deprecated and will be an error in future, please "
         "define it as a classmethod.")


def named(func: Callable) -> str:
    """A function by its module and name, as messages say it: torch.mul."""
    home, dot, rest = (getattr(func, "__module__", None) or "torch").partition(".")
    return f"{'torch' if home == __package__ else home}{dot}{rest}.{func.__name__}"


def taken_over(func: Callable, relevant: list[Any], args: tuple, kwargs: dict, gives_way: bool = False) -> Any:
    """The answer to a call of a function of torch's; if there is none TypeError, or NotImplemented where it `gives_way`."""
    result = answer(func, relevant, args, kwargs, _plain_method)
    if result is not NotImplemented or gives_way:
        return result
    asked = [f"mode object {state.modes[-1]!r}"] if state.modes and not state.all_off else []
    asked += [f"tensor subclass {type(x)!r}" for x in relevant]
    raise TypeError(f"Multiple dispatch failed for '{named(func)}'; all "
                    "__torch_function__ handlers returned NotImplemented:\n\n" + "".join(f"  - {one}\n" for one in asked))


def default(cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict | None = None) -> Any:
    """Tensor's own: the call as it is, and its results as tensors of the subclass."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        return result if func in _as_they_are() else _converted(result, cls)


def _as_they_are() -> set[Callable]:
    return import_module(f"{__package__}.overrides").get_default_nowrap_functions()


def _converted(result: Any, cls: type) -> Any:
    if cls is hooks.tensor:
        return result
    if isinstance(result, hooks.tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        parts = [_converted(x, cls) for x in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


class _Asking:
    """Stands before a function: asks modes and arguments, and calls the function's own code if none takes part."""
    __slots__ = ("func", "gives_way", "plain")

    def __init__(self, func: Callable, plain: Callable, gives_way: bool) -> None:
        self.func, self.plain, self.gives_way = func, plain, gives_way

    def __call__(self, args: tuple, kwargs: dict) -> Any:
        if not kwargs and not state.modes:
            for x in args:
                if x.__class__ not in _plain:
                    break
            else:
                return self.plain(*args)
        if state.modes and not state.all_off or not state.off:
            relevant = [] if state.off else overloaded(_flat(args, kwargs))
            if relevant or state.modes and not state.all_off:
                if state.skip:
                    state.skip = False
                    with DisableTorchFunction():
                        return self.plain(*args, **kwargs)
                return taken_over(self.func, relevant, args, kwargs, self.gives_way)
        return self.plain(*args, **kwargs)


def _flat(args: tuple, kwargs: dict) -> Iterator[Any]:
    """The arguments, and what lists and tuples among them hold."""
    for x in (*args, *kwargs.values()) if kwargs else args:
        if x.__class__ is tuple or x.__class__ is list:
            yield from x
        else:
            yield x


def _asking(*args: Any, _ask: _Asking, **kwargs: Any) -> Any:
    return _ask(args, kwargs)


def _code(free: tuple[str, ...]) -> CodeType:
    """The code of `_asking` for a function with these free variables.

    It has to fetch them as any code does that has some: whoever looks at the locals of its frame (a debugger, pytest) finds cells.
    """
    if not free:
        return _asking.__code__
    inner, names = _asking.__code__, ", ".join(f"free{k}" for k in range(len(free)))
    text = f"def outer({names}):\n def asking(*args, _ask, **kwargs):\n  return _ask(args, kwargs)\n  {names}\n return asking"
    made: dict[str, Any] = {}
    exec(compile(text, inner.co_filename, "exec"), made)
    return made["outer"](*free).__code__.replace(co_freevars=free, co_firstlineno=inner.co_firstlineno)


def divert(fn: FunctionType, func: Callable | None = None, gives_way: bool = False) -> None:
    """Makes a function ask first.

    `func` is what is told of the call where that is not the function itself (of a property); where nobody has an answer, an
    operator `gives_way` to that of the other operand.
    """
    plain = FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    plain.__kwdefaults__, plain.__qualname__ = fn.__kwdefaults__, fn.__qualname__      # errors of calls tell the name
    if fn.__globals__.get("__late__") is fn:            # its text is not written yet: it is to become the code of `plain`
        fn.__globals__["__late__"] = plain
    elif "__signature__" not in fn.__dict__ and func is None:
        fn.__signature__ = inspect.signature(plain)     # type: ignore[attr-defined]
    fn.__code__ = _code(fn.__code__.co_freevars).replace(co_name=fn.__name__)
    fn.__defaults__ = None
    fn.__kwdefaults__ = {"_ask": _Asking(fn if func is None else func, plain, gives_way)}


def install() -> None:
    """Makes all public functions ask first; once."""
    global _installed
    if not _installed:
        _installed = True
        import_module(f"{__package__}.overrides").install()


def declared(cls: type) -> None:
    """A subclass of Tensor was declared."""
    if takes_part(cls):
        install()
