"""torch.jit: scripts and traces are the functions and modules themselves; all of torchish is compiled anyway.

In: functions, modules.  Out: the same objects.  Called, `torchish.jit(fn)`, it records `fn` once (jit_once.py).
torch's archive of scripted modules (jit.save, jit.load) is not had.
Source: https://docs.pytorch.org/docs/stable/jit.html
"""
from __future__ import annotations

import builtins
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from ..jit_once import jit
from ..missing import missing
from ..nn.module import Module

__all__ = ["Final", "ScriptFunction", "ScriptModule", "TracerWarning", "annotate", "export", "fork", "freeze", "ignore",
           "interface", "is_scripting", "is_tracing", "isinstance", "optimize_for_inference", "script", "script_if_tracing",
           "script_method", "trace", "trace_module", "unused", "wait"]

Final = typing.Final
ScriptFunction = types.FunctionType


class TracerWarning(Warning):
    """What torch warns of while it traces, for filters: nothing is frozen here, and so nothing warned of."""


class ScriptModule(Module):
    """A base for modules as scripts wrote them. `script(module)` is the module itself, and so none."""


def script(obj: Any, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """`obj` itself: a function, class or module. It runs as Python, and its ops are compiled with everything around them."""
    return obj


def trace(func: Any, example_inputs: Any = None, optimize: Any = None, check_trace: bool = True, check_inputs: Any = None,
          check_tolerance: float = 1e-05, strict: bool = True, _force_outplace: bool = False, _module_class: Any = None,
          _compilation_unit: Any = None, example_kwarg_inputs: Any = None, _store_inputs: bool = True) -> Any:
    """`func` itself. Differs from torch: control flow is not frozen at what the examples take."""
    return func


def trace_module(mod: Any, inputs: Any, optimize: Any = None, check_trace: bool = True, check_inputs: Any = None,
                 check_tolerance: float = 1e-05, strict: bool = True, _force_outplace: bool = False, _module_class: Any = None,
                 _compilation_unit: Any = None, example_inputs_is_kwarg: bool = False, _store_inputs: bool = True) -> Any:
    """`mod` itself."""
    return mod


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator that changes nothing."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: Callable) -> Callable:
    """`fn` itself."""
    return fn


export = script_method = script_if_tracing = interface = unused
_script_if_tracing, _overload, _overload_method = unused, unused, unused      # as libraries write them


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """`mod` itself."""
    return mod


def optimize_for_inference(mod: Any, other_methods: Any = None) -> Any:
    """`mod` itself."""
    return mod


def is_scripting() -> bool:
    """False: nothing is ever turned into TorchScript."""
    return False


def is_tracing() -> bool:
    """False: what a function does is recorded anew at every call."""
    return False


def annotate(the_type: Any, the_value: Any) -> Any:
    """`the_value`."""
    return the_value


def fork(func: Callable, *args: Any, **kwargs: Any) -> Any:
    """The result of the call; arrays of JAX are computed asynchronously anyway."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What fork gave. RuntimeError for None."""
    if future is None:
        raise RuntimeError("Future can't be None")
    return future


def isinstance(obj: Any, target_type: Any) -> bool:
    """isinstance that knows List[int], Dict[str, Tensor], Optional[...], Tuple[...]."""
    if builtins.isinstance(target_type, (tuple, list)):
        return any(isinstance(obj, t) for t in target_type)
    origin, args = typing.get_origin(target_type), typing.get_args(target_type)
    if origin is None:
        return obj is None if target_type is None else builtins.isinstance(obj, target_type)
    if origin in (typing.Union, types.UnionType):
        return any(isinstance(obj, t) for t in args)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, args[0]) and isinstance(v, args[1]) for k, v in obj.items())
    if origin is tuple:
        return len(obj) == len(args) and all(map(isinstance, obj, args))
    return all(isinstance(v, args[0]) for v in obj)


class _Namespace(types.ModuleType):
    """torch.jit, which as `torchish.jit(fn)` is a function too (jit_once.py)."""

    def __call__(self, fn: Callable | None = None, *, name: str | None = None) -> Any:
        return jit(fn, name=name)


sys.modules[__name__].__class__ = _Namespace
__getattr__ = missing("torch.jit", globals(), late={"annotations"})
