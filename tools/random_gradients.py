"""Compares gradients of random small graphs with PyTorch: hooks of all kinds, values read between, gradients of gradients.

In: the torch that is installed; the numbers of the first and of the last graph.  Out: a line for each graph whose gradients or
calls of hooks differ, and how many were compared.  Each graph is gone through four times, as what is known of it changes how it
is run.  The operations are those whose derivative PyTorch computes from their operands: only then is it plain what a second
gradient at an activation is (docs/differences.md).

    python tools/random_gradients.py 0 100
"""
from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torchish

TURNS = 4
HOOKS = ("none", "none", "none", "none", "scale", "clamp", "retain", "after node", "before node")
ASKS = ("backward", "grad", "grad inside", "second", "second and loss", "second of a read one", "third")

OPS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "sin": lambda lib, a, b, w: a.sin(),
    "mul": lambda lib, a, b, w: a * b,
    "add": lambda lib, a, b, w: a + b * 0.5,
    "sin of a product": lambda lib, a, b, w: (a * b).sin(),
    "weighted": lambda lib, a, b, w: a * w.cos(),
    "parts": lambda lib, a, b, w: lib.cat([part * (k + 1) for k, part in enumerate(a.chunk(2))]),
    "cube": lambda lib, a, b, w: (a * a * a) * 0.3,
    "function": lambda lib, a, b, w: product(lib).apply(a, b),
    "checkpoint": lambda lib, a, b, w: lib.utils.checkpoint.checkpoint(lambda x: x.sin() * w, a, use_reentrant=False),
    "in place": lambda lib, a, b, w: (a * 1).mul_(b.cos()),
    "view": lambda lib, a, b, w: a.view(2, 2).t().reshape(-1) * b,
    "part": lambda lib, a, b, w: written(a * 1, b),
}


@cache
def product(lib: Any) -> Any:
    """A custom function: the product of two tensors."""
    class Product(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return y * g, x * g
    return Product


def written(x: Any, y: Any) -> Any:
    """`x` with a part of `y` in it."""
    x[1:3] = y[:2].sin()
    return x


def times(factor: float) -> Callable[[tuple], tuple]:
    """What multiplies each gradient there is."""
    return lambda grads: tuple([None if g is None else g * factor for g in grads])


def hooked(y: Any, kind: str, number: int, calls: list) -> None:
    """Puts a hook of this kind at `y` or its node."""
    if kind == "scale":
        y.register_hook(lambda g: (calls.append(number), g * 1.5)[1])
    elif kind == "clamp":
        y.register_hook(lambda g: g.clamp(-0.5, 0.5))
    elif kind == "retain":
        y.retain_grad()
    elif kind == "after node":
        y.grad_fn.register_hook(lambda inputs, outputs: times(1.2)(inputs))
    elif kind == "before node":
        y.grad_fn.register_prehook(times(1.3))


def forward(lib: Any, seed: int, x: Any, w: Any, calls: list) -> tuple[Any, list, Random]:
    """The loss, the activations that stay alive, and the source of further choices."""
    choose = Random(seed)
    alive, reads = choose.random() < 0.5, choose.choice(("none", "loss", "between", "both"))
    values, kept, number = [x, w], [], choose.randint(3, 9)
    looked = choose.randrange(number)
    for k in range(number):
        a, b = choose.choice(values), choose.choice(values)
        y = OPS[choose.choice(list(OPS))](lib, a, b, w)
        kind = choose.choice(HOOKS)
        hooked(y, kind, k, calls)
        values.append(y)
        if choose.random() < 0.5 and alive or kind == "retain":
            kept.append(y)
        if reads in ("between", "both") and k == looked:
            y.sum().item()
    loss = (y * y).sum() + sum((v * v.sin()).sum() for v in values[2:]) * 0.1
    if reads in ("loss", "both"):
        loss.item()
    return loss, kept, choose


def squares(lib: Any, grads: Any) -> Any:
    """The sum of the squares of the gradients there are."""
    return sum(((g * g).sum() for g in grads if g is not None), lib.zeros(()))


def gradients(lib: Any, seed: int, x: Any, w: Any) -> tuple[list, list]:
    """All gradients that one turn finds, and the hooks it called."""
    calls: list = []
    loss, kept, choose = forward(lib, seed, x, w, calls)
    ask, inside, found = choose.choice(ASKS), [x, w, *(choose.sample(kept, 1) if kept else [])], []
    x.grad = w.grad = None
    if ask == "backward":
        loss.backward()
    elif ask in ("grad", "grad inside"):
        found += lib.autograd.grad(loss, [x, w] if ask == "grad" else inside[::-1], allow_unused=True)
    else:
        found += lib.autograd.grad(loss, choose.choice(([x], inside[-1:])), create_graph=True, allow_unused=True)
        s = squares(lib, found) + (loss if ask == "second and loss" else 0)
        if ask == "second of a read one":
            s.item()
        if ask == "third" and s.requires_grad:
            second = lib.autograd.grad(s, inside, create_graph=True, allow_unused=True)
            found += second
            s = squares(lib, second)
            if choose.random() < 0.3:
                s.item()
        if s.requires_grad and choose.random() < 0.5:
            s.backward()
        elif s.requires_grad:
            found += lib.autograd.grad(s, inside, allow_unused=True)
    found += [x.grad, w.grad, *(y.grad for y in kept if y.retains_grad)]
    return [None if g is None else np.array(g.tolist()) for g in found], calls


def turns(lib: Any, seed: int) -> list:
    """What each turn found; the error at which it ended."""
    lib.manual_seed(seed)
    x, w = (lib.randn(4, requires_grad=True) for _ in range(2))
    found: list = []
    try:
        for _ in range(TURNS):
            found.append(gradients(lib, seed, x, w))
    except (RuntimeError, ValueError, TypeError) as e:
        found.append(f"{type(e).__name__}: {e}"[:200])
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two turns found the same, but for rounding."""
    if a.__class__ is str or b.__class__ is str or a[1] != b[1] or len(a[0]) != len(b[0]):
        return bool(a == b) if a.__class__ is b.__class__ is str else False
    return all(g is h if g is None or h is None else np.allclose(g, h, rtol=2e-3, atol=1e-5 + 1e-4 * np.abs(g).max())
               for g, h in zip(a[0], b[0], strict=True))


def main(first: int, last: int) -> None:
    """Compares the graphs `first` to `last`."""
    warnings.simplefilter("ignore")
    differ = 0
    for seed in range(first, last):
        ours, theirs = turns(torchish, seed), turns(torch, seed)
        wrong = [k for k, (a, b) in enumerate(zip(theirs, ours, strict=False)) if not same(a, b)]
        if wrong or len(ours) != len(theirs):
            differ += 1
            k = wrong[0] if wrong else min(len(ours), len(theirs)) - 1
            print(f"{seed}, turn {k}: torch {theirs[k]}, torchish {ours[k]}", flush=True)
    print(f"{last - first} graphs compared, {differ} differ")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
