"""A small torch over numpy and torchish.rng, enough to evaluate the expressions of tests/golden/rng.json.

In: an Engine as the default generator.  Out: `torch`, `F` and `nn` names.  Strides are numpy's, so that
fill orders can be tested.
"""
from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from torchish import dtypes, rng

default = rng.Engine(0)


def _kind(dtype: Any, otherwise: Any = np.float32) -> np.dtype:
    return np.dtype(otherwise) if dtype is None else dtype.np


def _filled(a: np.ndarray, make: Any) -> np.ndarray:
    """Fills `a` in increasing storage offset, as torch does."""
    a[...] = rng.filled(make, a.shape, rng.memory_order(a.strides))
    return a


class Tensor:
    """A numpy array with the few methods that the expressions use."""

    def __init__(self, a: np.ndarray) -> None:
        self.a = a

    def _fill(self, fill: Any, *args: Any, **kwargs: Any) -> Tensor:
        _filled(self.a, lambda shape: fill(default, shape, self.a.dtype, *args, **kwargs))
        return self

    def uniform_(self, *args: Any) -> Tensor:
        return self._fill(rng.uniform, *args)

    def normal_(self, *args: Any) -> Tensor:
        return self._fill(rng.normal, *args, contiguous=self.a.flags.c_contiguous)

    def random_(self, *args: Any) -> Tensor:
        return self._fill(rng.random, *((0, *args) if len(args) == 1 else args))

    def bernoulli_(self, p: Any) -> Tensor:
        if isinstance(p, Tensor):
            self.a[...] = rng.bernoulli_of(default, p.a, self.a.dtype)
            return self
        return self._fill(rng.bernoulli, p)

    def exponential_(self, *args: Any) -> Tensor:
        return self._fill(rng.exponential, *args)

    def cauchy_(self, *args: Any) -> Tensor:
        return self._fill(rng.cauchy, *args)

    def log_normal_(self, *args: Any) -> Tensor:
        return self._fill(rng.log_normal, *args)

    def geometric_(self, *args: Any) -> Tensor:
        return self._fill(rng.geometric, *args)

    def to(self, dtype: Any) -> Tensor:
        return Tensor(self.a.astype(dtype.np))

    def float(self) -> Tensor:
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        return self.to(dtypes.float64)

    def half(self) -> Tensor:
        return self.to(dtypes.float16)

    def reshape(self, *shape: int) -> Tensor:
        return Tensor(self.a.reshape(shape))

    def t(self) -> Tensor:
        return Tensor(self.a.T)

    def transpose(self, i: int, j: int) -> Tensor:
        return Tensor(self.a.swapaxes(i, j))

    def contiguous(self, memory_format: str) -> Tensor:
        return Tensor(self.a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2))

    def __getitem__(self, index: Any) -> Tensor:
        return Tensor(self.a[index])

    def __truediv__(self, other: int) -> Tensor:
        return Tensor((self.a.astype(np.float32) if self.a.dtype == np.int64 else self.a) / np.float32(other))


class Generator:
    def __init__(self) -> None:
        self.engine = rng.Engine()

    def manual_seed(self, seed: int) -> Generator:
        self.engine.manual_seed(seed)
        return self


def _engine(generator: Generator | None) -> rng.Engine:
    return default if generator is None else generator.engine


def _maker(fill: Any) -> Any:
    def make(*shape: int, dtype: Any = None, generator: Any = None) -> Tensor:
        return Tensor(fill(_engine(generator), shape, _kind(dtype)))
    return make


def _empty(*shape: Any, dtype: Any = None) -> Tensor:
    return Tensor(np.zeros(shape[0] if shape and isinstance(shape[0], tuple) else shape, _kind(dtype)))


def _like(a: np.ndarray) -> Tensor:
    return Tensor(np.empty_like(a))


def _randint(low: int, high: int, size: tuple[int, ...], dtype: Any = None, generator: Any = None) -> Tensor:
    return Tensor(rng.randint(_engine(generator), size, _kind(dtype, np.int64), low, high))


def _randperm(n: int, dtype: Any = None, generator: Any = None) -> Tensor:
    return Tensor(rng.randperm(_engine(generator), n, _kind(dtype, np.int64)))


def _normal(mean: Any, std: Any, size: tuple[int, ...] | None = None) -> Tensor:
    if size is not None:
        return Tensor(rng.normal(default, size, np.float32, mean, std))
    shape = (mean if isinstance(mean, Tensor) else std).a.shape
    if not isinstance(std, Tensor):
        return Tensor(rng.normal(default, shape, np.float32, 0.0, std) + mean.a)
    noise = rng.normal(default, shape, np.float32) * std.a
    return Tensor(noise + (mean.a if isinstance(mean, Tensor) else np.float32(mean)))


def _dropout(x: Tensor, p: float = 0.5, training: bool = True, features: bool = False) -> Tensor:
    if p == 0 or not training or x.a.size == 0:
        return x
    if p == 1:
        return Tensor(x.a * x.a.dtype.type(0))
    noise = np.empty((*x.a.shape[:2], *[1] * (x.a.ndim - 2)), x.a.dtype) if features else np.empty_like(x.a)
    return Tensor(x.a * _filled(noise, lambda shape: rng.dropout_noise(default, shape, x.a.dtype, p)))


def _unbatched(ndim: int) -> Any:
    def dropout(x: Tensor, p: float, training: bool) -> Tensor:
        if x.a.ndim == ndim:
            return Tensor(_dropout(Tensor(x.a[None]), p, training, True).a[0])
        return _dropout(x, p, training, True)
    return dropout


def _alpha_dropout(x: Tensor, p: float, training: bool, features: bool = False) -> Tensor:
    if p in (0, 1):
        return _dropout(x, p, training)
    scale = 1.7580993408473766
    a = 1 / math.sqrt((scale * scale * p + 1) * (1 - p))
    shape = (*x.a.shape[:2], *[1] * (x.a.ndim - 2)) if features else x.a.shape
    mask = rng.bernoulli(default, shape, x.a.dtype, 1 - p)
    f = x.a.dtype.type
    return Tensor(x.a * (mask * f(a)) + ((mask + f(-1)) * f(scale * a) + f(scale * a * p)))


def _gumbel_softmax(logits: Tensor, hard: bool) -> Tensor:
    noise = logits.a - np.log(rng.exponential(default, logits.a.shape, np.float32))
    return Tensor((noise == noise.max(-1, keepdims=True)).astype(np.float32))


def _set_state(state: bytes) -> None:
    default.set_state(state)


torch = SimpleNamespace(
    Generator=Generator, rand=_maker(rng.uniform), randn=_maker(rng.normal), randint=_randint, randperm=_randperm,
    normal=_normal,
    empty=_empty, cat=lambda ts: Tensor(np.concatenate([t.a for t in ts])),
    ones=lambda *shape: Tensor(np.ones(shape, np.float32)), zeros=lambda *shape: Tensor(np.zeros(shape, np.float32)),
    full=lambda shape, value: Tensor(np.full(shape, value, np.float32)),
    tensor=lambda data: Tensor(np.array(data, np.float32)),
    arange=lambda *a: Tensor(np.arange(*a, dtype=np.float32 if any(isinstance(x, float) for x in a) else np.int64)),
    rand_like=lambda x: _like(x.a).uniform_(), randn_like=lambda x: _like(x.a).normal_(),
    randint_like=lambda x, low, high: _like(x.a).random_(low, high),
    bernoulli=lambda p: Tensor(rng.bernoulli_of(default, np.ascontiguousarray(p.a))),
    multinomial=lambda p, k, replacement=False: Tensor(rng.multinomial(default, p.a, k, replacement)),
    poisson=lambda rate: Tensor(rng.poisson(default, rate.a)),
    _standard_gamma=lambda x: Tensor(rng.gamma(default, x.a)),
    _sample_dirichlet=lambda x: Tensor(rng.dirichlet(default, x.a)),
    binomial=lambda n, p: Tensor(rng.binomial(default, n.a, p.a)),
    manual_seed=default.manual_seed, get_rng_state=default.get_state, set_rng_state=_set_state,
    channels_last="channels_last",
    **{name: d for name, d in dtypes.NAMES.items() if name != "float"})
F = SimpleNamespace(
    dropout=_dropout, dropout1d=_unbatched(2), dropout2d=lambda x, p, training: _dropout(x, p, training, True),
    dropout3d=_unbatched(4), alpha_dropout=_alpha_dropout, gumbel_softmax=_gumbel_softmax,
    feature_alpha_dropout=lambda x, p, training: _alpha_dropout(x, p, training, True))
nn = SimpleNamespace(Dropout=lambda p: lambda x: _dropout(x, p))
