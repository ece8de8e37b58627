"""Random numbers as torch draws them: Generator, the functions of torch.random, the fills of Tensor, dropout.

In: a generator (the default one unless given).  Out: tensors with torch's bits.  The state lives in numpy while numbers are
drawn one call at a time; an op recorded in a step (dropout, and the others while the state is on the tape) takes the state as
a tensor and gives the next one, so a compiled step carries it from program to program.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from . import dtypes, rng
from .creation import finish_new, from_array
from .devices import device as Device
from .ops.random import normal as NORMAL
from .ops.random import uniform as UNIFORM
from .ops.table import TABLE
from .recorder import record
from .storage import assign
from .tensor import Tensor

__all__ = ["Generator", "bernoulli", "default_generator", "drawn", "fork_rng", "get_rng_state", "initial_seed", "manual_seed",
           "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
           "randperm", "seed", "set_rng_state"]


class Generator:
    """torch.Generator: a Mersenne Twister with torch's seeding and state bytes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html
    """

    def __init__(self, device: Any = "cpu") -> None:
        self._device = Device(device)
        self._engine = rng.Engine()
        self._lazy: tuple[Tensor, Tensor] | None = None

    @property
    def device(self) -> Device:
        """Where it was made for."""
        return self._device

    def host(self) -> rng.Engine:
        """The engine in numpy, with the state brought back from the tape if it is there."""
        if self._lazy is not None:
            key, pos = (t._numpy() for t in self._lazy)
            self._lazy = None
            self._engine.from_arrays(key, int(pos))
        return self._engine

    def on_tape(self) -> tuple[Tensor, Tensor]:
        """The state as tensors, for an op that draws in a step."""
        if self._lazy is None:
            key, pos = self._engine.to_arrays()
            self._lazy = (from_array(np.array(key, np.uint32)), from_array(np.array(pos, np.int32)))
        return self._lazy

    def advance(self, key: Tensor, pos: Tensor) -> None:
        """Takes over the state an op has left."""
        self._lazy = (key, pos)

    def manual_seed(self, seed: int) -> Generator:
        """Seeds with an int."""
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._lazy = None
        self._engine.manual_seed(seed)
        return self

    def seed(self) -> int:
        """Seeds with nondeterministic bits and returns them."""
        self._lazy = None
        return self._engine.seed()

    def initial_seed(self) -> int:
        """The last seed."""
        return self._engine.initial_seed

    def get_state(self) -> Tensor:
        """The 5056 bytes of the state."""
        return from_array(np.frombuffer(self.host().get_state(), np.uint8))

    def set_state(self, new_state: Tensor) -> Generator:
        """Takes over state bytes."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not dtypes.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        self._lazy = None
        self._engine.set_state(new_state._numpy().tobytes())
        return self

    def clone_state(self) -> Generator:
        """An independent copy."""
        other = Generator(self._device)
        other._engine = self.host().clone()
        return other

    def get_offset(self) -> int:
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


def _of(generator: Generator | None) -> Generator:
    return default_generator if generator is None else generator


def manual_seed(seed: Any) -> Generator:
    """Seeds the default generator; returns it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seeds the default generator with nondeterministic bits."""
    return default_generator.seed()


def initial_seed() -> int:
    """The last seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Takes over a state of the default generator."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cuda") -> Iterator[None]:
    """Restores the default generator's state at the end of the block."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def _size(size: tuple, named: Any) -> tuple[int, ...]:
    if named is not None:
        size = tuple(named) if not isinstance(named, int) else (named,)
    elif len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0]) if isinstance(size[0], (tuple, list)) else size
    return tuple(int(n) for n in size)


def _float(dtype: Any) -> dtypes.dtype:
    return dtypes.default.float if dtype is None else dtype


def _drawn_on_tape(g: Generator, op: Any, shape: tuple, dtype: dtypes.dtype, least: int) -> Tensor | None:
    """The numbers as an op of the step, if the state is on the tape and the op covers the case."""
    if g._lazy is None or prod(shape) < least or dtype not in (dtypes.float32, dtypes.float16, dtypes.bfloat16):
        return None
    key, pos = g.on_tape()
    values = {"key": key, "pos": pos, "shape": shape, "dtype": dtype}
    out, key, pos = record(op, [values[p.name] if p.name in values else p.default for p in op.params])
    g.advance(key, pos)
    return out


def rand(*size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
         device: Any = None, requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:
    """Uniform numbers of [0, 1)."""
    shape, dtype, g = _size(size, None), _float(dtype), _of(generator)
    x = _drawn_on_tape(g, UNIFORM, shape, dtype, 1)
    x = from_array(rng.uniform(g.host(), shape, dtype)) if x is None else x
    return finish_new(x, out, device, requires_grad)


def randn(*size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:
    """Standard normal numbers."""
    shape, dtype, g = _size(size, None), _float(dtype), _of(generator)
    x = _drawn_on_tape(g, NORMAL, shape, dtype, 16)
    x = from_array(rng.normal(g.host(), shape, dtype)) if x is None else x
    return finish_new(x, out, device, requires_grad)


def randint(low: Any, high: Any = None, size: Any = None, *, generator: Generator | None = None, out: Any = None,
            dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
            pin_memory: bool = False) -> Tensor:
    """Integers of [low, high): randint(high, size) or randint(low, high, size)."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    dtype = dtypes.int64 if dtype is None else dtype
    x = from_array(rng.randint(_of(generator).host(), _size(tuple(size), None), dtype, int(low), int(high)))
    return finish_new(x, out, device, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    dtype = dtypes.int64 if dtype is None else dtype
    return finish_new(from_array(rng.randperm(_of(generator).host(), int(n), dtype.np)), out, device, requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
              memory_format: Any = None, generator: Generator | None = None) -> Tensor:
    """Uniform numbers in the shape and dtype of `input`."""
    return rand(*input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad,
                generator=generator)


def randn_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None, generator: Generator | None = None) -> Tensor:
    """Standard normal numbers in the shape and dtype of `input`."""
    return randn(*input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad,
                 generator=generator)


def randint_like(input: Tensor, low: Any, high: Any = None, *, dtype: Any = None, layout: Any = None, device: Any = None,
                 requires_grad: bool = False, memory_format: Any = None, generator: Generator | None = None) -> Tensor:
    """Integers of [low, high) in the shape and dtype of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device,
                   requires_grad=requires_grad, generator=generator)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Any = None,
           dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
           requires_grad: bool = False) -> Tensor:
    """Normal numbers whose mean and standard deviation are numbers (with a size) or tensors."""
    engine = _of(generator).host()
    if size is not None:
        x = from_array(rng.normal(engine, _size(tuple(size), None), _float(dtype), float(mean), float(std)))
        return finish_new(x, out, device, requires_grad)
    if isinstance(std, Tensor):
        like = mean + std if isinstance(mean, Tensor) else std
        return finish_new(from_array(rng.normal(engine, like.shape, like.dtype)) * std + mean, out, device, requires_grad)
    return finish_new(from_array(rng.normal(engine, mean.shape, mean.dtype, 0.0, float(std))) + mean, out, device, requires_grad)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Any = None) -> Tensor:
    """1 with the probability given by each element of `input` (or by `p`)."""
    engine = _of(generator).host()
    if p is not None:
        return from_array(rng.bernoulli(engine, tuple(input.shape), input.dtype, p))
    return finish_new(from_array(rng.bernoulli_of(engine, input._numpy())), out, None, False)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None,
                out: Any = None) -> Tensor:
    """Indices drawn with the weights in each row of `input`."""
    return finish_new(from_array(rng.multinomial(_of(generator).host(), input._numpy(), num_samples, replacement)), out, None,
                      False)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates in `input`."""
    return from_array(rng.poisson(_of(generator).host(), input._numpy()))


def drawn(name: str, input: Tensor, *, p: float, mask_shape: tuple[int, ...] | None = None,
          axes: tuple[int, ...] | None = None) -> Tensor:
    """The result of a random op of the table (`_dropout`, `_alpha_dropout`) with the default generator's state carried on."""
    key, pos = default_generator.on_tape()
    out, key, pos = record(TABLE[name], (input, key, pos, p, mask_shape, axes))
    default_generator.advance(key, pos)
    return out


def _fill(name: str, draw: Any) -> None:
    """A method that overwrites a tensor with random numbers: draw(engine, shape, dtype, ...)."""
    def method(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        engine = _of(generator).host()
        # torch fills in the order of memory
        axes = None if self.is_contiguous() else rng.memory_order(self.stride())
        if axes is not None and draw is rng.normal:
            kwargs["contiguous"] = False
        values = rng.filled(lambda shape: draw(engine, shape, self.dtype, *args, **kwargs), tuple(self.shape), axes)
        return assign(self, from_array(values, self._node.aval.device))
    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__doc__ = f"Overwrites this tensor with numbers of torch's {name}."
    setattr(Tensor, name, method)


def _uniform(engine: Any, shape: tuple, dtype: Any, a: float = 0.0, b: float = 1.0, **named: float) -> np.ndarray:
    return rng.uniform(engine, shape, dtype, named.get("from", a), named.get("to", b))


def _random(engine: Any, shape: tuple, dtype: Any, *bounds: int | None, **named: int) -> np.ndarray:
    if len(bounds) == 1 and "to" not in named:      # random_(to)
        return rng.random(engine, shape, dtype, 0, bounds[0])
    low, high = (*bounds, None, None)[:2]
    return rng.random(engine, shape, dtype, named.get("from", low), named.get("to", high))


def _bernoulli(engine: Any, shape: tuple, dtype: Any, p: Any = 0.5) -> np.ndarray:
    if isinstance(p, Tensor):
        return rng.bernoulli_of(engine, np.broadcast_to(p._numpy(), shape), dtype)
    return rng.bernoulli(engine, shape, dtype, p)


for _name, _draw in {"uniform_": _uniform, "normal_": rng.normal, "random_": _random, "bernoulli_": _bernoulli,
                     "exponential_": rng.exponential, "cauchy_": rng.cauchy, "log_normal_": rng.log_normal,
                     "geometric_": rng.geometric}.items():
    _fill(_name, _draw)


def _method_bernoulli(self: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """torch.bernoulli of this tensor."""
    return bernoulli(self, p, generator=generator)


def _method_multinomial(self: Tensor, num_samples: int, replacement: bool = False, *,
                        generator: Generator | None = None) -> Tensor:
    """torch.multinomial of this tensor."""
    return multinomial(self, num_samples, replacement, generator=generator)


Tensor.bernoulli, Tensor.multinomial = _method_bernoulli, _method_multinomial   # type: ignore[attr-defined]
