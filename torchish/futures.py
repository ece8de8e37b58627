"""torch.futures: values that another thread sets, and what is to be done with them then.

In: a value or an exception, once.  Out: whoever waits gets it; callbacks are called with the future.
Source: https://docs.pytorch.org/docs/stable/futures.html
"""
from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")
S = TypeVar("S")
FAILED = "Got the following error when running the callback: "


class Future(Generic[T]):
    """A value that will be there. `devices` is accepted: JAX orders the work of devices itself."""

    def __init__(self, *, devices: list | None = None) -> None:
        self._done = threading.Condition()
        self._state: tuple[T | None, Exception | None] | None = None
        self._callbacks: list[Callable[[], None]] = []

    def __reduce__(self) -> tuple:
        raise RuntimeError("Can not pickle torch.futures.Future")

    def done(self) -> bool:
        """Whether the value, or an exception, has been set."""
        return self._state is not None

    def wait(self) -> T:
        """The value, once it is there; raises the exception that was set in its place."""
        with self._done:
            self._done.wait_for(self.done)
        return self.value()

    def value(self) -> T:
        """The value of a future that is done; raises the exception that was set in its place. RuntimeError where it is not done."""
        if self._state is None:
            raise RuntimeError("Future is not completed; wait() waits for it")
        value, error = self._state
        if error is not None:
            raise error
        return value    # type: ignore[return-value]

    def set_result(self, result: T) -> None:
        """Sets the value, and calls what waits for it. RuntimeError where one was set before."""
        self._complete(result, None)

    def set_exception(self, result: Exception) -> None:
        """Sets an exception in place of the value."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._complete(None, result)

    def _complete(self, value: T | None, error: Exception | None) -> None:
        with self._done:
            if self._state is not None:
                raise RuntimeError("Attempting to mark a completed Future as complete again. Note that a Future can only be marked "
                                   "completed once.")
            self._state = value, error
            callbacks, self._callbacks = self._callbacks, []
            self._done.notify_all()
        for callback in callbacks:
            callback()

    def _when_done(self, callback: Callable[[], None]) -> None:
        with self._done:
            if self._state is None:
                self._callbacks.append(callback)
                return
        callback()

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """The future of what `callback(self)` returns; an exception in it is a RuntimeError of that future."""
        following: Future[S] = Future()

        def run() -> None:
            try:
                result = callback(self)
            except Exception as error:
                following.set_exception(RuntimeError(f"{FAILED}{type(error).__name__}: {error}"))
            else:
                following.set_result(result)

        self._when_done(run)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Calls `callback(self)` when this is done; an exception in it is printed, and changes nothing."""

        def run() -> None:
            try:
                callback(self)
            except Exception as error:
                print(f"{FAILED}{type(error).__name__}: {error}", file=sys.stderr)

        self._when_done(run)


def collect_all(futures: list[Future]) -> Future[list[Future]]:
    """A future of all of them, done when the last one is; waiting for it raises the exception that one of them has."""
    for future in futures:
        if future is None:
            raise RuntimeError("Future can't be None")
        if not isinstance(future, Future):
            raise TypeError(f"collect_all(): argument 'futures' must hold Futures, not {type(future).__name__}")
    together: Future[list[Future]] = Future()
    left, lock = len(futures), threading.Lock()

    def one_more() -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        error = next((f._state[1] for f in futures if f._state is not None and f._state[1] is not None), None)
        if last and error is not None:
            together.set_exception(error)
        elif last:
            together.set_result(list(futures))

    if not futures:
        together.set_result([])
    for future in futures:
        future._when_done(one_more)
    return together


def wait_all(futures: list[Future]) -> list:
    """The values of all of them, once all are done; raises the first exception among them."""
    return [future.wait() for future in collect_all(futures).wait()]
