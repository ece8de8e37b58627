"""torch._C: what libraries ask of PyTorch's core by its private name.

In, out: the same things under their public names; guards of the dispatcher, as far as there is something for them to do.
"""
from __future__ import annotations

import enum
import weakref
from contextlib import ExitStack
from typing import Any

from ..amp.autocast_mode import autocast
from ..errors import LinAlgError
from ..library.operators import below_autograd
from ..missing import missing
from ..modes import is_grad_enabled
from ..random import Generator, default_generator
from ..tape import state
from ..tensor import Tensor
from ..torch_function import DisableTorchFunction, DisableTorchFunctionSubclass, disabled
from ..torch_function import state as overriding
from ..untyped_storage import StorageBase
from ..walk import running

__all__ = ["DisableTorchFunction", "DisableTorchFunctionSubclass", "DispatchKey", "DispatchKeySet", "Generator",
           "Graph", "ScriptDict", "ScriptFunction", "ScriptList", "ScriptMethod", "StorageBase", "Value",
           "default_generator", "is_grad_enabled"]

_LinAlgError, _disabled_torch_function_impl, _AutoDispatchBelowAutograd = LinAlgError, disabled, below_autograd
_TensorMeta = type(Tensor)


has_lapack = has_spectral = True


def _get_privateuse1_backend_name() -> str:
    """The name under which the backend of a third party would stand."""
    return "privateuseone"


class DispatchKey(enum.Flag):
    """The keys that a guard can take out here; a set of them is their union."""
    AutocastCPU = enum.auto()
    AutocastCUDA = enum.auto()
    AutocastXPU = enum.auto()
    AutocastMPS = enum.auto()
    AutogradCPU = enum.auto()
    AutogradCUDA = enum.auto()


class _OfTorchScript:
    """A class of TorchScript, of which no object is one: libraries annotate with it, and ask whether something is one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: torch.jit.script returns what it is given")


class Graph(_OfTorchScript): ...


class Value(_OfTorchScript): ...


class ScriptDict(_OfTorchScript): ...


class ScriptFunction(_OfTorchScript): ...


class ScriptList(_OfTorchScript): ...


class ScriptMethod(_OfTorchScript): ...


def _jit_set_profiling_executor(flag: bool) -> bool:
    """False, which it is and stays: there is no executor of TorchScript to profile."""
    return False


def _get_graph_executor_optimize(new_setting: bool | None = None) -> bool:
    """True, which it is and stays: XLA optimises."""
    return True


def _jit_set_num_profiled_runs(runs: int) -> int:
    """1, which it is and stays."""
    return 1


_fallback_warnings = [False]


def _debug_only_are_vmap_fallback_warnings_enabled() -> bool:
    """What was set. There is nothing to warn of: vmap knows every op."""
    return _fallback_warnings[0]


def _debug_only_display_vmap_fallback_warnings(enabled: bool) -> None:
    """Keeps it."""
    _fallback_warnings[0] = enabled


def DispatchKeySet(key: DispatchKey) -> DispatchKey:
    """The set with that key."""
    return key


class _ExcludeDispatchKeyGuard:
    """Inside, what the keys stand for is left out: casts of autocast, an operator's kernel for autograd."""

    def __init__(self, keys: DispatchKey) -> None:
        self.keys, self.inner = keys, ExitStack()

    def __enter__(self) -> None:
        for key, place in ((DispatchKey.AutocastCPU, "cpu"), (DispatchKey.AutocastCUDA, "cuda")):
            if key in self.keys and place in dict(state.tape.autocast or ()):
                self.inner.enter_context(autocast(place, enabled=False))
        if self.keys & (DispatchKey.AutogradCPU | DispatchKey.AutogradCUDA):
            self.inner.enter_context(below_autograd())

    def __exit__(self, *error: Any) -> None:
        self.inner.close()


def _set_grad_enabled(enabled: bool) -> None:
    """Sets the grad mode; `torch.set_grad_enabled` is the public form."""
    state.tape.set_grad(enabled)


def _get_tracing_state() -> None:
    """None: what a function does is recorded anew at every call."""


def _log_api_usage_once(event: str) -> None:
    """Nothing is logged."""


def _is_torch_function_mode_enabled() -> bool:
    """Whether calls go through a TorchFunctionMode here."""
    return bool(overriding.modes)


def _is_torch_function_all_disabled() -> bool:
    """Whether neither classes nor modes take calls over here."""
    return overriding.all_off


def _len_torch_function_stack() -> int:
    """How many modes are on."""
    return len(overriding.modes)


def _get_function_stack_at(place: int) -> Any:
    """A mode that is on, from the outermost."""
    return overriding.modes[place]


def _are_functorch_transforms_active() -> bool:
    """Whether a function is being recorded for a transform of torch.func."""
    return state.tape.nested is not None


def _current_graph_task_id() -> int:
    """The number of the backward that is under way; -1 where there is none."""
    return running[-1].id if running else -1


class _WeakTensorRef:
    """Whether a tensor is still there, which this does not keep."""

    def __init__(self, tensor: Tensor) -> None:
        self._ref = weakref.ref(tensor)

    def expired(self) -> bool:
        """Whether the tensor is gone."""
        return self._ref() is None


__getattr__ = missing("torch._C", globals(), late={"_autograd", "_functions", "_functorch", "_nn"})
