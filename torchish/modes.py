"""Grad modes: no_grad, enable_grad, set_grad_enabled, inference_mode.

In: a mode, as a context, a decorator or a call.  Out: entries recorded in that mode.
Source: https://docs.pytorch.org/docs/stable/torch.html#locally-disabling-gradient-computation
"""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .inference import settle_flags, used
from .tape import INFERENCE, state
from .warned import warn

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
           "switch_grad"]


class _DecoratorContextManager:
    """A context that is also a decorator of functions, generators, classes. The class has __enter__ and __exit__."""

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        raise NotImplementedError

    def clone(self) -> _DecoratorContextManager:
        """Another context of the same kind."""
        return type(self)()

    def __call__(self, fn: Callable) -> Callable:
        if inspect.isclass(fn):
            warn("Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
                 "functions or methods. To preserve the current behavior of class decoration, you can directly decorate "
                 "the `__init__` method and nothing else.", FutureWarning)
            fn.__init__ = self(fn.__init__)     # type: ignore[misc]
            return fn
        if inspect.isgeneratorfunction(fn):
            return self._generator(fn)

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return fn(*args, **kwargs)
        return wrapped

    def _generator(self, fn: Callable) -> Callable:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            # the mode holds while the generator runs, not while its caller does
            with self.clone():
                it = fn(*args, **kwargs)
            resume = functools.partial(it.send, None)
            while True:
                try:
                    with self.clone():
                        value = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield value
                except GeneratorExit:
                    with self.clone():
                        it.close()
                    raise
                except BaseException as e:
                    resume = functools.partial(it.throw, e)
                else:
                    resume = functools.partial(it.send, sent)
        return wrapped


class _Mode(_DecoratorContextManager):
    """A grad mode, usable again and again, nested too."""
    enabled = True

    def __init__(self) -> None:
        self.before: list[bool] = []

    def __enter__(self) -> None:
        tape = state.tape
        self.before.append(tape.grad)
        tape.set_grad(self.enabled)

    def __exit__(self, *_: object) -> None:
        state.tape.set_grad(self.before.pop())


class no_grad(_Mode):
    """Nothing recorded inside requires a gradient."""
    enabled = False

    def __new__(cls, orig_func: Callable | None = None) -> Any:
        mode = object.__new__(cls)
        if orig_func is None:
            return mode
        mode.__init__()
        return mode(orig_func)


class enable_grad(_Mode):
    """Gradients are recorded inside, also within no_grad."""

    def __new__(cls, orig_func: Callable | None = None) -> Any:
        mode = object.__new__(cls)
        if orig_func is None:
            return mode
        mode.__init__()
        return mode(orig_func)

    def __init__(self, orig_func: Callable | None = None) -> None:
        super().__init__()


class set_grad_enabled(_Mode):
    """Sets the mode at once; as a context it goes back afterwards."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}")
        self.enabled = self.mode = mode
        self.before = []
        self.called = state.tape.grad
        state.tape.set_grad(self.enabled)

    def __enter__(self) -> None:
        # the switch was made when the object was built
        self.before.append(self.called)
        state.tape.set_grad(self.enabled)

    def __call__(self, fn: Callable) -> Callable:
        state.tape.set_grad(self.called)
        return super().__call__(fn)

    def clone(self) -> _Mode:
        """Another context of the same mode; like every one, it sets the mode at once."""
        return set_grad_enabled(self.enabled)

    def __str__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    __repr__ = __str__


class inference_mode(_Mode):
    """As no_grad, and what is made inside may not be used where gradients are recorded, as in torch."""
    enabled = False

    def __new__(cls, mode: bool | Callable = True) -> Any:
        found = object.__new__(cls)
        if callable(mode):
            found.__init__()
            return found(mode)
        return found

    def __init__(self, mode: Any = True) -> None:
        super().__init__()
        self.mode = mode if isinstance(mode, bool) else True
        self.enabled = not self.mode

    def clone(self) -> _Mode:
        """Another context of the same mode."""
        return inference_mode(not self.enabled)

    def __enter__(self) -> None:
        tape = state.tape
        self.before.append((tape.grad, tape.extra))     # type: ignore[arg-type]
        used.ever = used.ever or not self.enabled
        tape.set_mode(self.enabled, tape.autocast, tape.extra & ~INFERENCE if self.enabled else tape.extra | INFERENCE)

    def __exit__(self, *_: object) -> None:
        grad, extra = self.before.pop()     # type: ignore[misc]
        tape = state.tape
        if not self.enabled:
            settle_flags(tape, tape.tensors)
        tape.set_mode(grad, tape.autocast, tape.extra & ~INFERENCE | extra & INFERENCE)


def switch_grad(enabled: bool) -> None:
    """What `set_grad_enabled` does, for those who put it back themselves."""
    state.tape.set_grad(enabled)


def is_grad_enabled() -> bool:
    """Whether entries recorded now may require gradients."""
    return state.tape.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference_mode is on."""
    return bool(state.tape.extra & INFERENCE)
