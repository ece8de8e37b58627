"""Compares nested function transforms of random functions with PyTorch: `grad`, `vjp`, `jvp`, `vmap`, Jacobians, in any order.

In: the torch that is installed; the numbers of the first and of the last function.  Out: a line for each function whose results,
gradients or error class differ, and how many were compared.  A function takes a vector and a vector of weights from outside; it is
built of operations, views, writes in place, indexing and a custom function.  Each is called three times, as what is known of it
changes how it is run.  What PyTorch refuses is not compared.  `linearize` is left out (PyTorch's is a constant to the transforms
around it), and so is `layer_norm` (its tangents have other gradients there than finite differences tell).  Where forward mode is
nested and the custom function is met, PyTorch's derivatives differ from finite differences, too: such lines are no slip here.

    python tools/random_transforms.py 0 100
"""
from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torchish

TURNS, SIZE = 3, 4
OPS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "sin": lambda lib, a, b, w: a.sin(),
    "tanh": lambda lib, a, b, w: (a * 0.5).tanh(),
    "mul": lambda lib, a, b, w: a * b,
    "weights": lambda lib, a, b, w: a * w.cos() + b,
    "outer": lambda lib, a, b, w: (a[:, None] * b[None, :]).sum(0) * 0.3,
    "matrix": lambda lib, a, b, w: lib.outer(w, w) @ a * 0.3,
    "softmax": lambda lib, a, b, w: a.softmax(0) * b,
    "norm": lambda lib, a, b, w: a / (1 + b.square().sum()),
    "view": lambda lib, a, b, w: a.view(2, 2).t().reshape(-1) * b,
    "where": lambda lib, a, b, w: lib.where(a > b, a * 2, b.sin()),
    "gather": lambda lib, a, b, w: a[lib.tensor([3, 0, 1, 1])] + b,
    "cumsum": lambda lib, a, b, w: a.cumsum(0) * 0.3,
    "sorted": lambda lib, a, b, w: a.sort().values * b.sum(),
    "in place": lambda lib, a, b, w: a.clone().mul_(b).add_(w.sin()),
    "part": lambda lib, a, b, w: written(a.clone(), b),
    "parts": lambda lib, a, b, w: lib.cat([p * (k + 1) for k, p in enumerate(a.chunk(2))]) * b,
    "stack": lambda lib, a, b, w: lib.stack([a, b.cos()]).prod(0),
    "function": lambda lib, a, b, w: product(lib).apply(a, b),
    "largest": lambda lib, a, b, w: a.max() * b,
    "linear": lambda lib, a, b, w: lib.nn.functional.linear(a, lib.outer(w, b.detach()), b) * 0.3,
    "spread": lambda lib, a, b, w: (a - a.mean()) / (a.var(0) + 1).sqrt() + b,
    "pow": lambda lib, a, b, w: (a.square() + 1).pow(0.7),
    "masked": lambda lib, a, b, w: a.masked_fill(b > 0.3, 0.5) + w,
    "nested": lambda lib, a, b, w: lib.func.grad(lambda y: (y.sin() * b).sum())(a),
    "mapped": lambda lib, a, b, w: lib.vmap(lambda s, t: s * t.sin())(a, b),
}
TRANSFORMS = ("grad", "vjp", "jvp", "vmap", "vmap chunks", "jacrev", "jacfwd", "hessian")


@cache
def product(lib: Any) -> Any:
    """A custom function: the product of two tensors and its sine."""
    class Product(lib.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return (x * y).sin()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            g = g * (x * y).cos()
            return y * g, x * g

        @staticmethod
        def jvp(ctx: Any, s: Any, t: Any) -> Any:
            x, y = ctx.saved_tensors
            return (x * y).cos() * ((0 if s is None else s * y) + (0 if t is None else t * x))
    return Product


def written(x: Any, y: Any) -> Any:
    """`x` with a part of `y` in it."""
    x[1:3] = y[:2].sin()
    x[0] *= y[3]
    return x


def function(lib: Any, choose: Random, w: Any) -> Callable[[Any], Any]:
    """A random function of a vector, which reads the weights `w` from outside; its result is a vector."""
    steps = [(choose.choice(list(OPS)), choose.randrange(k + 2), choose.randrange(k + 2)) for k in range(choose.randint(1, 4))]

    def run(x: Any) -> Any:
        values = [x, w]
        for name, a, b in steps:
            values.append(OPS[name](lib, values[a], values[b], w))
        return values[-1] + 0.1 * x
    return run


def transformed(lib: Any, f: Callable, choose: Random) -> Callable[[Any], Any]:
    """`f` under one transform: again a function of a vector to a vector."""
    func, kind = lib.func, choose.choice(TRANSFORMS)
    if kind == "grad":
        return func.grad(lambda x: f(x).square().sum())
    if kind == "vjp":
        def pulled(x: Any) -> Any:
            y, pull = func.vjp(f, x)
            return pull(y.cos())[0]
        return pulled
    if kind == "jvp":
        return lambda x: sum(func.jvp(f, (x,), (x.cos(),)))
    if kind.startswith("vmap"):
        chunk, out = (2 if "chunks" in kind else None), choose.choice((0, 1))
        mapped = lib.vmap(f, in_dims=choose.choice((0, 1)), out_dims=out, chunk_size=chunk)
        return lambda x: mapped(lib.outer(x, x.sin())).mean(out)
    jacobian = {"jacrev": func.jacrev, "jacfwd": func.jacfwd, "hessian": func.hessian}[kind]
    return lambda x: jacobian(f)(x).reshape(-1, SIZE).sum(0)


def turns(lib: Any, seed: int) -> list:
    """What each turn found; the error at which it ended."""
    lib.manual_seed(seed)
    x, w = lib.randn(SIZE), lib.randn(SIZE)
    found: list = []
    try:
        for _ in range(TURNS):
            choose = Random(seed)
            outside = choose.random() < 0.5
            for t in (x, w):
                t.requires_grad_(outside).grad = None
            f = function(lib, choose, w)
            for _ in range(choose.randint(1, 3)):
                f = transformed(lib, f, choose)
            y = f(x)
            grads = lib.autograd.grad(y.square().sum(), [x, w], allow_unused=True) if outside and y.requires_grad else []
            found.append([None if t is None else np.array(t.tolist()) for t in (y, *grads)])
    except (RuntimeError, ValueError, TypeError, IndexError) as e:
        found.append(f"{type(e).__name__}: {e}"[:200])
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two turns found the same, but for rounding and for zeros where no gradient is known to come; a: PyTorch's."""
    if a.__class__ is str:
        return True
    return b.__class__ is not str and all(near(g, h) for g, h in zip_longest(a, b))


def near(g: Any, h: Any) -> bool:
    """Whether two arrays are the same; None is zero."""
    g, h = (np.zeros(SIZE) if t is None else t for t in (g, h))
    size = np.abs(g[np.isfinite(g)]).max(initial=0)
    return g.shape == h.shape and np.allclose(g, h, rtol=5e-3, atol=1e-5 + 1e-3 * size, equal_nan=True)


def main(first: int, last: int) -> None:
    """Compares the functions `first` to `last`."""
    warnings.simplefilter("ignore")
    differ = 0
    for seed in range(first, last):
        ours, theirs = turns(torchish, seed), turns(torch, seed)
        for k, (a, b) in enumerate(zip(theirs, ours, strict=False)):
            if not same(a, b):
                differ += 1
                print(f"{seed}, turn {k}: torch {a}, torchish {b}", flush=True)
                break
    print(f"{last - first} functions compared, {differ} differ")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
