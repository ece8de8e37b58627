"""torch.Generator: the state of the random numbers, in numpy between calls and on the tape within steps.

In: seeds, state bytes.  Out: a numpy engine for functions that draw at once, or the state as two tensors for ops that draw in a
step.  An op on the tape takes a known number of draws, so the numpy engine can follow it without waiting for the step.
"""
from __future__ import annotations

import sys
from typing import Any

import jax
import numpy as np

from . import dtypes, rng
from .creation import from_array
from .devices import cuda_is_available
from .devices import device as Device
from .errors import LostValueError
from .tape import state
from .tensor import Tensor

__all__ = ["Generator", "default_generator", "generator_of"]

SKIP = 1 << 22      # up to so many draws are made again in numpy (10 ms) rather than waiting for the step that makes them
State = tuple[Tensor, Tensor]


class Generator:
    """torch.Generator: a Mersenne Twister with torch's seeding and state bytes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html
    """

    def __init__(self, device: Any = "cpu") -> None:
        self._device = Device(device)
        if self._device.type not in ("cpu", "cuda"):
            raise RuntimeError(f"{self._device.type.upper()} device type not an accelerator.")
        if self._device.type == "cuda" and not cuda_is_available():
            raise RuntimeError("Cannot get CUDA generator without ATen_cuda library. JAX has no accelerator here.")
        self._engine = rng.Engine()
        self._set(None)

    def _set(self, lazy: State | None) -> None:
        self._lazy = lazy               # the state on the tape; None: the engine's state is the state
        self._base: State | None = None     # the last state on the tape known to have a value; None: the engine has it
        self._behind = 0                # draws made on the tape since then

    @property
    def device(self) -> Device:
        """Where it was made for."""
        return self._device

    # the state in numpy, and on the tape

    def host(self, to_draw: bool = True) -> rng.Engine:
        """The engine in numpy, brought up to date with what steps have drawn."""
        nested = state.tape.nested
        if nested is not None and to_draw:
            nested.draws()
            if nested.repeated:
                raise RuntimeError(f"{nested.name}: this random function draws when it is called, so every run of what is recorded "
                                   "here would see the same numbers; rand, randn and dropout (32 bits or fewer) draw anew")
        lazy, engine = self._lazy, self._engine
        if lazy is None:
            return engine
        known = lazy if lazy[0]._data is not None else None
        if known is None and self._behind > SKIP:
            try:
                lazy[0]._array()
                known = lazy
            except LostValueError:      # the step failed: its numbers count as drawn
                known = None
        start, skip = (known, 0) if known is not None else (self._base, self._behind)
        if start is not None:
            engine.from_arrays(*[np.asarray(t._array()) for t in start])
        engine.skip(skip)
        self._set(None)
        return engine

    def on_tape(self, device: str = "cpu") -> State:
        """The state as tensors on `device`, for an op that draws in a step."""
        if state.tape.nested is not None:
            state.tape.nested.draws()
        lazy, inline = self._lazy, state.tape.inline is not None
        if lazy is not None and not inline:
            tape = lazy[0]._tape or lazy[0]._home
            if lazy[0]._node.aval.device == device and (tape is None or tape.failed is None):
                return lazy
        key, pos = self.host(False).to_arrays()
        lazy = (from_array(key, device), from_array(np.array(pos, np.int32), device))
        if not inline:
            self._set(lazy)
        return lazy

    def advance(self, key: Tensor, pos: Tensor, draws: int) -> None:
        """Takes over the state which an op has left that made so many draws."""
        if state.tape.inline is not None:       # tracers must not outlive their transformation
            self._engine.skip(draws)
            return
        old = self._lazy
        if state.tape.nested is not None:
            state.tape.nested.drew(self, (old, self._base, self._behind))
        if old[0]._data is not None:            # type: ignore[index]
            self._base, self._behind = old, 0
        self._behind += draws
        self._lazy = (key, pos)

    def carry_on(self, key: Tensor, pos: Tensor) -> None:
        """Takes over the state that a loop has left, whose number of draws is not known: numpy will look at it."""
        if state.tape.nested is not None:
            state.tape.nested.drew(self, (self._lazy, self._base, self._behind))
        self._lazy, self._behind = (key, pos), SKIP + 1

    # torch's methods

    def manual_seed(self, seed: int) -> Generator:
        """Seeds with an int."""
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._engine.manual_seed(seed)
        self._set(None)
        return self

    def seed(self) -> int:
        """Seeds with nondeterministic bits and returns them."""
        self._set(None)
        return self._engine.seed()

    def initial_seed(self) -> int:
        """The last seed."""
        return self._engine.initial_seed

    def get_state(self) -> Tensor:
        """The 5056 bytes of the state."""
        return from_array(np.frombuffer(self.host(False).get_state(), np.uint8))

    def set_state(self, new_state: Tensor) -> Generator:
        """Takes over state bytes."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not dtypes.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        engine = rng.Engine().set_state(new_state._numpy().tobytes())
        self._engine = engine
        self._set(None)
        return self

    def clone_state(self) -> Generator:
        """An independent copy."""
        other = Generator(self._device)
        other._engine = self.host().clone()
        return other

    def get_offset(self) -> int:
        """Not for CPU generators."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> Generator:
        """Not for CPU generators."""
        raise RuntimeError("CPU Generator does not use offset")

    def __deepcopy__(self, memo: dict) -> Generator:
        return self.clone_state()

    def __reduce__(self) -> tuple:
        return _restore, (str(self._device), self.host().get_state())


def _restore(device: str, state: bytes) -> Generator:
    g = Generator(device)
    g._engine.set_state(state)
    return g


default_generator = Generator()
default_generator.seed()


def generator_of(generator: Generator | None, name: str | None = None) -> Generator:
    """The generator that was given, or the default one; TypeError for another thing, in the name of the function that asks."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        name = sys._getframe(1).f_code.co_name if name is None else name
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    return generator


def concrete(x: Tensor) -> np.ndarray:
    """The values that decide what is drawn (probabilities, rates)."""
    array = x.detach()._array()
    if isinstance(array, jax.core.Tracer):
        raise RuntimeError("random numbers that depend on the values of a transformed tensor cannot be drawn here")
    return np.asarray(array)
