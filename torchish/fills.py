"""Methods of Tensor that overwrite it with random numbers, and those that draw new ones from its values.

In: a tensor, parameters, a generator.  Out: the same tensor, filled in the order of its memory as torch does, or a new one.
"""
from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from . import rng
from .creation import constant, from_array
from .devices import META
from .draws import bernoulli, laid_out, multinomial, normals, uniforms, without_gradient
from .generator import Generator, concrete, generator_of
from .ops.check import need_number
from .storage import assign, refuse_overlap
from .tape import state
from .tensor import Tensor

__all__: list[str] = []
ONE = Ellipsis          # the default that says that one bound was given, not two


def _fill(name: str, draw: Any, quick: Any = None) -> None:
    """Gives Tensor the method `name`: draw(engine, shape, dtype, ...) in numpy, or quick(generator, shape, dtype, ...)."""
    def method(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        if "from" in kwargs:        # torch's name, which no Python function can declare
            kwargs["from_"] = kwargs.pop("from")
        refuse_overlap(self)
        g = generator_of(generator, name)
        return assign(self, without_gradient(self, numbers(self, g, args, kwargs), _node(name, args, kwargs)))

    def numbers(self: Tensor, g: Generator, args: tuple, kwargs: dict) -> Tensor:
        aval = self._node.aval
        if aval.device == META:
            return constant(aval.shape, 0, dtype=aval.dtype, device=META, strides=aval.strides)
        nested = state.tape.nested
        if nested is not None:
            nested.refuse_same(*args)
        if name != "bernoulli_":        # whose probabilities may be a tensor
            args = (*map(number, places, args), *args[len(places):])
            kwargs = {k: number(k, a) for k, a in kwargs.items()}
        if nested is not None and nested.varies:
            nested.refuse_one_for_all(self)
            return _of_members(name, aval, args, {"generator": g, **kwargs})
        axes, plain = (None, True) if aval.strides is None else (rng.memory_order(aval.strides), self.is_contiguous())
        if plain and quick is not None and aval.device == "cpu":
            return quick(g, tuple(aval.shape), aval.dtype, *args, **kwargs)
        if not plain and draw is rng.normal:
            kwargs["contiguous"] = False
        if draw is _bernoulli:      # probabilities in the order in which they are looked at
            args = tuple([_along(a, aval.shape, axes) for a in args])
            kwargs = {k: _along(a, aval.shape, axes) for k, a in kwargs.items()}
        values = rng.filled(lambda shape: draw(g.host(), shape, aval.dtype, *args, **kwargs), tuple(aval.shape), axes)
        return laid_out(from_array(values, aval.device), aval.strides)
    def number(parameter: str, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        wanted = "int" if name == "random_" else "float"
        return need_number(name, parameter.rstrip("_"), places.index(parameter) + 1, value, wanted)

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    P = inspect.Parameter
    own = [p for p in list(inspect.signature(draw).parameters.values())[3:] if p.kind is P.POSITIONAL_OR_KEYWORD]
    places = [p.name for p in own]
    method.__signature__ = inspect.Signature([      # type: ignore[attr-defined]
        P("self", P.POSITIONAL_OR_KEYWORD), *own, P("generator", P.KEYWORD_ONLY, default=None)])
    method.__doc__ = f"Overwrites this tensor with numbers of torch's {name}."
    setattr(Tensor, name, method)


def _along(p: Any, shape: tuple, axes: tuple | None) -> Any:
    if not isinstance(p, Tensor):
        return p
    values = np.broadcast_to(concrete(p), shape)
    return values if axes is None else values.transpose(axes)


def _node(name: str, args: tuple, kwargs: dict) -> str:
    """The backward node: torch counts the overloads."""
    count = 0
    if name == "random_":
        count = {0: 2, 1: 1, 2: 0}[len(args) + len(kwargs)]
    elif name == "bernoulli_":
        count = 1 if any(isinstance(p, Tensor) for p in (*args, *kwargs.values())) else 2
    return f"{name.title().replace('_', '')}Backward{count}"


def _of_members(name: str, aval: Any, args: tuple, kwargs: dict) -> Tensor:
    """What the method `name` draws for each member of the batches of vmap around."""
    def draw(shape: tuple) -> Tensor:
        nested = state.tape.nested
        if nested is not None and nested.varies:
            return nested.members(draw, shape)
        return getattr(constant(shape, 0, dtype=aval.dtype, device=aval.device), name)(*args, **kwargs)
    if args and isinstance(args[0], Tensor):
        return bernoulli(args[0].expand(aval.shape), generator=kwargs["generator"]).to(aval.dtype)
    return draw(tuple(aval.shape))


def _uniform(engine: Any, shape: tuple, dtype: Any, from_: float = 0.0, to: float = 1.0) -> np.ndarray:
    return rng.uniform(engine, shape, dtype, from_, to)


def _random(engine: Any, shape: tuple, dtype: Any, from_: int | None = None, to: Any = ONE) -> np.ndarray:
    if to is ONE:       # random_() or random_(to); random_(from, None) goes up to the largest number
        from_, to = None, from_
    return rng.random(engine, shape, dtype, 0 if from_ is None and to is not None else from_, to)


def _bernoulli(engine: Any, shape: tuple, dtype: Any, p: Any = 0.5) -> np.ndarray:
    if isinstance(p, np.ndarray):
        return rng.bernoulli_of(engine, p, dtype)
    return rng.bernoulli(engine, shape, dtype, p)


def _quick_uniform(g: Generator, shape: tuple, dtype: Any, from_: float = 0.0, to: float = 1.0) -> Tensor:
    return uniforms(g, shape, dtype, from_, to)


for _name, _draw, _quick in (
        ("uniform_", _uniform, _quick_uniform), ("normal_", rng.normal, normals), ("random_", _random, None),
        ("bernoulli_", _bernoulli, None), ("exponential_", rng.exponential, None), ("cauchy_", rng.cauchy, None),
        ("log_normal_", rng.log_normal, None), ("geometric_", rng.geometric, None)):
    _fill(_name, _draw, _quick)


def _method_bernoulli(self: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """torch.bernoulli of this tensor."""
    return bernoulli(self, p, generator=generator)


def _method_multinomial(self: Tensor, num_samples: int, replacement: bool = False, *,
                        generator: Generator | None = None) -> Tensor:
    """torch.multinomial of this tensor."""
    return multinomial(self, num_samples, replacement, generator=generator)


Tensor.bernoulli, Tensor.multinomial = _method_bernoulli, _method_multinomial   # type: ignore[attr-defined]
