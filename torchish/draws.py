"""Tensors of random numbers: rand, randn, randint, randperm, normal, bernoulli, multinomial, poisson and their relatives.

In: sizes, parameters, a generator (the default one unless given).  Out: new tensors with torch's bits.  They are drawn in numpy
and enter a step as its inputs; what depends on values of the step (dropout, bernoulli of its results) is drawn by an op in it.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, overload

import numpy as np

from . import bulk, dtypes, rng
from .avals import aval_of
from .creation import constant, constant_like, finish_new, from_array
from .devices import META, chosen, is_meta
from .dtypes import c_name
from .generator import Generator, concrete, default_generator, generator_of
from .meta import to_meta
from .ops.check import need_int, need_number
from .ops.create import dense_only, known
from .ops.random import drawn_by, drawn_for, scaled, standard_gamma
from .ops.table import TABLE, Op
from .recorder import hooks, outputs, record
from .rng.fills import check_std
from .storage import like
from .strides import preserved
from .tape import state
from .tensor import Tensor

__all__ = ["bernoulli", "binomial", "drawn", "dropped", "laid_out", "multinomial", "native_dropout", "normal", "normals",
           "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
           "rrelu_slopes", "sample_dirichlet", "sample_gamma", "uniforms", "without_gradient"]

NEAR = 1 << 18      # so many draws of a step that has not run are made again in numpy (under a millisecond)
SELU = 1.7580993408473766    # the value that alpha_dropout puts in place of what it drops, with a minus sign
STATE = (((624,), dtypes.uint32), ((), dtypes.int32))       # of a generator: the key, how many numbers of it are used up
SINGLE = (dtypes.float32, dtypes.float16, dtypes.bfloat16)


def sizes_given(name: str, size: tuple, named: dict[str, Any]) -> tuple[int, ...]:
    """The sizes of a factory, given one by one, as one sequence, or as `size=`; torch's errors where they are none."""
    if named:
        if set(named) != {"size"} or size:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
        size = (named["size"],)
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for n in size:
        if n.__class__ is bool or not hasattr(n, "__index__"):
            raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(n).__name__}")
    shape = tuple([n if n.__class__ is int else n.__index__() for n in size])
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def drawn(name: str, *operands: Tensor, generator: Generator | None = None, **attributes: Any) -> Tensor:
    """The result of a random op of the table, which takes the generator's state as operands and hands back the next one."""
    g, op = generator_of(generator), TABLE[name]
    if operands and operands[0].is_meta:
        return _shaped(op, operands, attributes)
    key, pos = g.on_tape(operands[0]._node.aval.device if operands else "cpu")
    values: list = [*operands, key, pos]
    values += [attributes.get(p.name, p.default) for p in op.params[len(values):]]
    out, key, pos = record(op, values)
    shape = attributes.get("mask_shape") or attributes.get("shape")
    g.advance(key, pos, drawn_by(name, prod(shape) if shape is not None else out._node.aval.numel, out._node.aval.dtype.np))
    return out


def _shaped(op: Op, operands: tuple, attributes: dict) -> Tensor:
    """The result of a random op on meta: the generator's state, which stays as it is, is an operand without data, too."""
    key, pos = (constant(shape, 0, dtype=dtype, device=META) for shape, dtype in STATE)
    values: list = [*operands, key, pos]
    return record(op, values + [attributes.get(p.name, p.default) for p in op.params[len(values):]])[0]


def dropped(name: str, x: Tensor, p: float, mask_shape: tuple | None, axes: tuple | None) -> Tensor:
    """Dropout with the default generator: `drawn`, with a short way for entries that are known."""
    g, tape = default_generator, state.tape
    lazy = g._lazy
    if lazy is not None and x._tape is tape and lazy[0]._tape is tape and lazy[1]._tape is tape and tape.inline is None:
        node = tape.node.children.get((TABLE[name].index, x._node.slot, lazy[0]._node.slot, lazy[1]._node.slot,
                                       (p.__class__, p), mask_shape, axes))
        if node is not None:
            out, key, pos = outputs(tape, node)
            g._behind += 2 * (out._node.aval.numel if mask_shape is None else prod(mask_shape))
            g._lazy = (key, pos)
            return out
    if tape.nested is not None and tape.nested.varies:
        return _dropped_by_member(name, x, p, mask_shape or tuple(x.shape))
    return drawn(name, x, p=p, mask_shape=mask_shape, axes=axes)


def _dropped_by_member(name: str, x: Tensor, p: float, mask_shape: tuple) -> Tensor:
    """Dropout with a mask for each member of a batch (vmap with randomness="different")."""
    keep = _kept_by_member(mask_shape, p).to(x.dtype)
    if name == "_dropout":
        return x * keep * (1 / (1 - p))
    a = 1 / ((SELU ** 2 * p + 1) * (1 - p)) ** 0.5
    return (x * keep - SELU * (1 - keep)) * a + a * SELU * p


def _kept_by_member(shape: tuple, p: float) -> Tensor:
    if _varies():
        return state.tape.nested.members(lambda s: _kept_by_member(s, p), shape)
    return drawn("_bernoulli_p", shape=shape, dtype=dtypes.float32, p=1 - p).reshape(shape)


def _varies() -> bool:
    """Whether each member of a batch is to draw for itself."""
    return state.tape.nested is not None and state.tape.nested.varies


def _refuse_same(*parameters: Any) -> None:
    nested = state.tape.nested
    if nested is not None:
        nested.refuse_same(*parameters)


def _far(g: Generator) -> bool:
    """Whether the state is best left on the tape: a step that has not run yet has drawn too much to be done again.

    So it is where what is recorded once will run many times.
    """
    if _repeated():
        return True
    return g._lazy is not None and g._behind > NEAR and g._lazy[0]._data is None


def _repeated() -> bool:
    return state.tape.nested is not None and state.tape.nested.repeated


def uniforms(g: Generator, shape: tuple, dtype: dtypes.dtype, low: float = 0.0, high: float = 1.0) -> Tensor:
    """uniform_(low, high) in the order of memory of a contiguous tensor."""
    if _varies():
        return state.tape.nested.members(lambda s: uniforms(g, s, dtype, low, high), shape)
    if dtype in SINGLE and _far(g):
        rng.fills.check_uniform(dtype.np, low, high)
        return drawn("_uniform", generator=g, shape=shape, dtype=dtype, low=low, high=high)
    return from_array(rng.uniform(g.host(), shape, dtype, low, high))


def normals(g: Generator, shape: tuple, dtype: dtypes.dtype, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """normal_(mean, std) in the order of memory of a contiguous tensor."""
    if _varies():
        return state.tape.nested.members(lambda s: normals(g, s, dtype, mean, std), shape)
    if dtype in SINGLE and 0 < prod(shape) < 16 and _repeated():      # torch draws so few in another way, which is numpy's here
        return normals(g, (16,), dtype, mean, std)[:prod(shape)].reshape(shape)
    if dtype in SINGLE and prod(shape) >= 16 and _far(g):
        check_std(std)
        return drawn("_normal", generator=g, shape=shape, dtype=dtype, mean=mean, std=std)
    return from_array(bulk.normal(g.host(), shape, dtype, mean, std))


def laid_out(x: Tensor, strides: tuple[int, ...] | None) -> Tensor:
    """A new concrete tensor with other logical strides."""
    aval = x._node.aval
    if strides is not None:
        x._node = aval_of(aval.shape, aval.dtype, aval.device, strides).plain
    return x


def _new(draw: Callable[[tuple], Tensor], shape: tuple, dtype: Any, out: Any, device: Any, requires_grad: bool) -> Tensor:
    """What draw(shape) gives, finished as factories do; on meta nothing is drawn."""
    if out.is_meta if out is not None else is_meta(device):
        return finish_new(constant(shape, 0, dtype=dtype, device=META), out, None, requires_grad)
    return finish_new(draw(shape), out, device if out is not None else chosen(device), requires_grad)


def _undrawn(x: Tensor, dtype: Any = None) -> Tensor:
    """What draws from the values of `x` give on meta: nothing is drawn."""
    return constant_like(x, 0, dtype=dtype)


@overload
def rand(size: Sequence[int], *, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
         device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor: ...


@overload
def rand(*size: int, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
         device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor: ...


def rand(*size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
         device: Any = None, requires_grad: bool = False, pin_memory: bool = False, names: Any = None,
         **named: Any) -> Tensor:
    """Uniform numbers of [0, 1).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.rand.html
    """
    dense_only("rand", layout)
    shape, dtype = sizes_given("rand", size, named), known("rand", dtype, dtypes.default.float, out)
    g = generator_of(generator)
    return _new(lambda shape: uniforms(g, shape, dtype), shape, dtype, out, device, requires_grad)


@overload
def randn(size: Sequence[int], *, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor: ...


@overload
def randn(*size: int, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor: ...


def randn(*size: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, requires_grad: bool = False, pin_memory: bool = False, names: Any = None,
          **named: Any) -> Tensor:
    """Standard normal numbers.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.randn.html
    """
    dense_only("randn", layout)
    shape, dtype = sizes_given("randn", size, named), known("randn", dtype, dtypes.default.float, out)
    g = generator_of(generator)
    return _new(lambda shape: normals(g, shape, dtype), shape, dtype, out, device, requires_grad)


@overload
def randint(high: int, size: Sequence[int], *, generator: Generator | None = None, out: Any = None, dtype: Any = None,
            layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor: ...


@overload
def randint(low: int, high: int, size: Sequence[int], *, generator: Generator | None = None, out: Any = None,
            dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
            requires_grad: bool = False) -> Tensor: ...


def randint(*args: Any, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
            device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **named: Any) -> Tensor:
    """Integers of [low, high): randint(high, size) or randint(low, high, size); all three may be given by name.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.randint.html
    """
    dense_only("randint", layout)
    low, high, size = _bounds(args, named)
    dtype = known("randint", dtype, dtypes.int64, out)
    g = generator_of(generator)
    return _new(lambda size: _integers(g, size, dtype, low, high), size, dtype, out, device, requires_grad)


def _integers(g: Generator, shape: tuple, dtype: Any, low: int, high: int) -> Tensor:
    if _varies():
        return state.tape.nested.members(lambda s: _integers(g, s, dtype, low, high), shape)
    return from_array(rng.randint(g.host(), shape, dtype, low, high))


def _bounds(args: tuple, named: dict[str, Any]) -> tuple[int, int, tuple[int, ...]]:
    given = ", ".join([type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in named.items()])
    wrong = TypeError(f"randint() received an invalid combination of arguments - got ({given}), but expected one of:\n"
                      " * (int high, tuple of ints size)\n * (int low, int high, tuple of ints size)")
    names = ["low", "high", "size"]
    if len(args) + len(named) < 3 and "low" not in named:
        names = names[1:]
    values = dict(zip(names, args, strict=False)) | named
    if len(args) > len(names) or set(values) != set(names) or len(args) + len(named) != len(names):
        raise wrong
    low, high, size = values.get("low", 0), values["high"], values["size"]
    for bound in (low, high):
        if isinstance(bound, float) or not hasattr(bound, "__index__"):
            raise wrong
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"randint(): argument 'size' (position {names.index('size') + 1}) must be tuple of ints, not "
                        f"{type(size).__name__}")
    return int(low), int(high), sizes_given("randint", tuple(size), {})


def randperm(n: int, *, generator: Generator | None = None, out: Any = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """The integers 0 to n - 1 in random order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.randperm.html
    """
    dense_only("randperm", layout)
    need_int("randperm", "n", 1, n)
    n, = sizes_given("randperm", (n,), {})
    dtype = known("randperm", dtype, dtypes.int64, out)
    g = generator_of(generator)
    return _new(lambda shape: _permutations(g, shape, dtype.np), (n,), dtype, out, device, requires_grad)


def _permutations(g: Generator, shape: tuple, dtype: Any) -> Tensor:
    """A permutation of the last dimension for each place of those before it, the first of which goes round fastest."""
    if _varies():
        return state.tape.nested.members(lambda s: _permutations(g, s, dtype), shape)
    *lead, n = shape
    rows = np.stack([rng.randperm(g.host(), n, dtype) for _ in range(prod(lead))]).reshape((*lead[::-1], n))
    return from_array(rows.transpose(*range(len(lead))[::-1], len(lead)))


def _like(name: str, input: Any, dtype: Any, device: Any, draw: Any) -> Tensor:
    """New numbers in the shape, dtype and memory order of `input`: draw(shape, dtype, contiguous) -> array or tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    aval = input._node.aval
    dtype = aval.dtype if dtype is None else dtype
    if input.is_meta if device is None else is_meta(device):
        return to_meta(input, dtype)
    strides = None if aval.strides is None else preserved(aval.shape, aval.strides)
    axes = None if strides is None else rng.memory_order(strides)
    if axes is None:
        values = draw(aval.shape, dtype, True)
        values = values if isinstance(values, Tensor) else from_array(values)
        return values if strides is None else like(values, aval_of(aval.shape, dtype, aval.device, strides))
    return laid_out(from_array(rng.filled(lambda shape: draw(shape, dtype, False), aval.shape, axes)), strides)


def rand_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
              pin_memory: bool = False, memory_format: Any = None, generator: Generator | None = None) -> Tensor:
    """Uniform numbers in the shape, dtype and memory order of `input`."""
    dense_only("rand_like", layout)
    g = generator_of(generator)
    x = _like("rand_like", input, dtype, device,
              lambda shape, d, plain: uniforms(g, shape, d) if plain else rng.uniform(g.host(), shape, d))
    return finish_new(x, None, device or input.device, requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
               pin_memory: bool = False, memory_format: Any = None, generator: Generator | None = None) -> Tensor:
    """Standard normal numbers in the shape, dtype and memory order of `input`."""
    dense_only("randn_like", layout)
    g = generator_of(generator)
    x = _like("randn_like", input, dtype, device,
              lambda shape, d, plain: normals(g, shape, d) if plain else rng.normal(g.host(), shape, d, contiguous=False))
    return finish_new(x, None, device or input.device, requires_grad)


@overload
def randint_like(input: Tensor, high: int, *, generator: Generator | None = None, memory_format: Any = None,
                 dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
                 requires_grad: bool = False) -> Tensor: ...


@overload
def randint_like(input: Tensor, low: int, high: int, *, generator: Generator | None = None, memory_format: Any = None,
                 dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
                 requires_grad: bool = False) -> Tensor: ...


def randint_like(input: Tensor, *args: Any, dtype: Any = None, layout: Any = None, device: Any = None,
                 requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
                 generator: Generator | None = None, **named: Any) -> Tensor:
    """Integers of [low, high), or of [0, high), in the shape, dtype and memory order of `input`."""
    dense_only("randint_like", layout)
    low, high, _ = _bounds(args, named | {"size": (0,)})
    g = generator_of(generator)
    x = _like("randint_like", input, dtype, device,
              lambda shape, d, plain: _integers(g, shape, d, low, high) if plain else rng.randint(g.host(), shape, d, low, high))
    return finish_new(x, None, device or input.device, requires_grad)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Any = None,
           dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
           requires_grad: bool = False) -> Tensor:
    """Normal numbers whose mean and standard deviation are numbers (with a size) or tensors, whose gradients are zero.

    Differs from torch: a standard deviation that a step has yet to compute is not checked to be >= 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.normal.html
    """
    dense_only("normal", layout)
    g = generator_of(generator)
    if size is not None:
        shape, dtype = sizes_given("normal", tuple(size), {}), known("normal", dtype, dtypes.default.float, out)
        # the default device is not for this one, as in torch
        mean, std = float(need_number("normal", "mean", 1, mean, "float")), float(need_number("normal", "std", 2, std, "float"))
        return _new(lambda shape: normals(g, shape, dtype, mean, std), shape, dtype, out,
                    "cpu" if device is None else device, requires_grad)
    leading = mean if isinstance(mean, Tensor) else std
    if not isinstance(leading, Tensor):
        raise TypeError(f"normal() received an invalid combination of arguments - got ({type(mean).__name__}, "
                        f"{type(std).__name__}), but expected one of:\n"
                        " * (Tensor mean, Tensor std)\n * (Tensor mean, float std)\n"
                        " * (float mean, Tensor std)\n * (float mean, float std, tuple of ints size)")
    dtype, shape = leading._node.aval.dtype, tuple(leading._node.aval.shape)
    _refuse_same(mean, std)
    given = 1 if not isinstance(std, Tensor) else 3 if isinstance(mean, Tensor) else 2      # which came as tensors
    if leading.is_meta:
        return finish_new(hooks.copy_cast(leading, leading) if isinstance(std, float) else (mean + std).to(dtype), out, None, False)
    if isinstance(std, Tensor):
        if std.is_complex():
            raise RuntimeError("normal expects standard deviation to be non-complex")
        if std._data is not None and bool((concrete(std) < 0).any()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
        if isinstance(mean, Tensor) and tuple(std.shape) != shape:
            shape = tuple((mean.detach() + std.detach()).shape)
        noise, std = normals(g, shape, dtype), std.to(dtype)
    else:
        noise, std = normals(g, shape, dtype, 0.0, float(std)), from_array(np.array(1, dtype.np))
    mean = mean.to(dtype) if isinstance(mean, Tensor) else from_array(np.array(mean).astype(dtype.np))
    result = record(scaled, (noise, std, mean, given))
    return result if out is None else out._store(result)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Any = None) -> Tensor:
    """1 with the probability given by each element of `input` (or by `p`), else 0.

    Differs from torch: probabilities that a step has yet to compute are not checked to be in [0, 1].
    """
    g = generator_of(generator)
    _refuse_same(input)
    if p is not None and not input.is_meta:
        return _flips(g, tuple(input.shape), input.dtype, p)
    if _varies():
        shape = tuple(input.shape)
        u = uniforms(g, shape, input.dtype if input.dtype in (*SINGLE, dtypes.float64) else dtypes.float32)
        hits = (u < input.detach()).to(input.dtype)
    elif input.is_meta:
        hits = _undrawn(input)
    elif input._data is None and input._pending is None and input.dtype in (*SINGLE, dtypes.float64):
        hits = drawn("_bernoulli", input.detach(), generator=g)
    else:
        hits = from_array(rng.bernoulli_of(g.host(), concrete(input)))
    if out is not None and not out.is_complex():
        hits = hits.to(out.dtype)
    return finish_new(without_gradient(input, hits, "BernoulliBackward0"), out, None, False)


def without_gradient(x: Tensor, value: Tensor, node: str) -> Tensor:
    """Numbers drawn for `x`: in its graph, where it has one, with a gradient of 0 for it, and a tangent of 0 where it has one."""
    nested = state.tape.nested
    pushed = nested is not None and nested.pushed is not None and nested.is_marked(x)
    return record(drawn_for, (x, value, node)) if pushed or x.requires_grad and state.tape.grad else value


def _flips(g: Generator, shape: tuple, dtype: Any, p: float) -> Tensor:
    if _varies():
        return state.tape.nested.members(lambda s: _flips(g, s, dtype, p), shape)
    return from_array(rng.bernoulli(g.host(), shape, dtype, p))


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None,
                out: Any = None) -> Tensor:
    """Indices drawn with the weights in each row of `input`."""
    _refuse_same(input)
    if _varies():
        def draw(x: Tensor) -> Tensor:
            rows = x if x.dim() <= 2 else x.flatten(0, -2)
            return multinomial(rows, num_samples, replacement, generator=generator).reshape(*x.shape[:-1], num_samples)
        return state.tape.nested.members_of(draw, input)
    if out is not None and out.dtype.name != "int64":
        raise RuntimeError(f"multinomial expects Long tensor out, got: {c_name(out.dtype)}")
    if input.is_meta:
        return finish_new(constant((*input.shape[:-1], num_samples), 0, dtype=dtypes.int64, device=META), out, None, False)
    weights = concrete(input)
    return finish_new(from_array(rng.multinomial(generator_of(generator).host(), weights, num_samples, replacement)), out, None,
                      False)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates in `input`."""
    _refuse_same(input)
    if _varies():
        return state.tape.nested.members_of(lambda x: poisson(x, generator), input)
    if input.is_meta:
        return _undrawn(input)
    rates = concrete(input)
    return without_gradient(input, from_array(rng.poisson(generator_of(generator).host(), rates)), "PoissonBackward0")


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with probability `prob`."""
    _refuse_same(count, prob)
    if _varies():
        return state.tape.nested.members_of(lambda n, p: binomial(n, p, generator), count, prob)
    if count.is_meta:
        return _undrawn(count)
    counts, probs = concrete(count), concrete(prob)
    return from_array(rng.binomial(generator_of(generator).host(), counts, probs))


def sample_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma numbers of scale 1 with the shapes in `input`; the gradient is that of the quantile."""
    _refuse_same(input)
    values = _gammas(input, generator_of(generator, "_standard_gamma"))
    return record(standard_gamma, (input, values)) if input.requires_grad else values


def _gammas(input: Tensor, g: Generator) -> Tensor:
    if _varies():
        return state.tape.nested.members_of(lambda x: _gammas(x, g), input)
    return _undrawn(input) if input.is_meta else from_array(rng.gamma(g.host(), concrete(input)))


def sample_dirichlet(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Rows of positive numbers with sum 1, of the Dirichlet distribution with the concentrations in `input`."""
    _refuse_same(input)
    if _varies():
        return state.tape.nested.members_of(lambda x: sample_dirichlet(x, generator), input)
    if input.is_meta:
        return _undrawn(input)
    return from_array(rng.dirichlet(generator_of(generator, "_sample_dirichlet").host(), concrete(input)))


def rrelu_slopes(input: Tensor, lower: float, upper: float) -> Tensor:
    """What F.rrelu multiplies `input` with in training."""
    if input.is_meta:
        return _undrawn(input)
    if state.tape.nested is not None and state.tape.nested.batch is not None:
        raise RuntimeError("vmap: we do not yet support aten::rrelu. Please file an issue")
    values = concrete(input)
    return from_array(rng.rrelu_slopes(default_generator.host(), values, lower, upper))


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Dropout and its mask: (input * mask / (1 - p), mask)."""
    if p < 0 or p > 1 or not train or not input.numel():
        return input * 1, constant_like(input, True, dtype=dtypes.bool_)
    if p == 1:
        return input * 0, constant_like(input, False, dtype=dtypes.bool_)
    shape = tuple(input.shape)
    mask = _undrawn(input, dtypes.bool_) if input.is_meta else \
        drawn("_bernoulli_p", shape=shape, dtype=dtypes.bool_, p=1 - p).reshape(shape)
    return input * mask * float(1 / (1 - p)), mask
