"""Compares random training programs with PyTorch: views, writes in place, several backwards, reads of values, loops.

In: the torch that is installed; the numbers of the first and of the last program.  Out: a line for each program whose losses,
parameters, gradients or refusals differ, and how many were compared.  Left out are programs in which torch refuses what is no error
here, or keeps half of a refused backward (docs/differences.md).

    python tools/random_programs.py 0 200
"""
from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torchish

Act = Callable[[Any, list, Random], Any]
SIZE = 3
LEFT_OUT = ("needed for gradient computation", "a second time", "more than one element of the written")


def square(lib: Any, x: Any) -> Any:
    """A 3 x 3 tensor made of any other, by views where it can be."""
    if tuple(x.shape) == (SIZE, SIZE):
        return x
    flat = x.reshape(-1)
    if not x.numel():
        return lib.zeros(SIZE, SIZE, dtype=lib.float64)
    return (flat[:1].expand(SIZE * SIZE) if x.numel() < SIZE * SIZE else flat[:SIZE * SIZE]).reshape(SIZE, SIZE)


def saving(lib: Any) -> Any:
    """A custom function that saves its result."""
    class Saving(lib.autograd.Function):    # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = lib.tanh(x)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            y, = ctx.saved_tensors
            return g * (1 - y * y)
    return Saving


def unary(lib: Any, pool: list, r: Random) -> Any:
    return r.choice([lib.tanh, lib.sigmoid, lib.relu, lib.sin, lib.neg, lib.clone, lambda x: (x * x).clamp(max=9),
                     lambda x: (x.clamp(-3, 3) * 0.3).exp(), lambda x: x.softmax(-1) if x.dim() else x * 1,
                     saving(lib).apply])(r.choice(pool))


def binary(lib: Any, pool: list, r: Random) -> Any:
    a, b = square(lib, r.choice(pool)), square(lib, r.choice(pool))
    return r.choice([lambda: a + b, lambda: a * b, lambda: a - b * 0.5, lambda: a / (b * b + 1), lambda: lib.maximum(a, b),
                     lambda: (a @ b) * 0.5, lambda: lib.where(a > 0, a, b * 0.3), lambda: lib.cat([a, b]),
                     lambda: lib.stack([a, b])])()


def viewed(lib: Any, pool: list, r: Random) -> Any:
    x = r.choice(pool)
    if not x.dim():
        return r.choice([lambda: x.view(1), lambda: x.unsqueeze(0), lambda: x.expand(2)])()
    return r.choice([lambda: x[0], lambda: x[..., 1:], lambda: x.flatten(), lambda: x.flip(0), lambda: x.unsqueeze(0),
                     lambda: x.transpose(0, -1), lambda: x.expand(2, *x.shape), lambda: x.diagonal() if x.dim() == 2 else x[-1],
                     x.detach, lambda: x[[0, -1, 0]], lambda: x[x.detach() > 0]])()


def reduced(lib: Any, pool: list, r: Random) -> Any:
    x = r.choice(pool)
    return r.choice([x.sum, x.mean, lambda: x.max() if x.numel() else x.sum(), lambda: (x * x + 0.01).sum().sqrt(),
                     lambda: x.cumsum(0) if x.dim() else x * 1, lambda: x.sum(0) if x.dim() else x * 1])()


def write(lib: Any, pool: list, r: Random) -> None:
    x, other = r.choice(pool), square(lib, r.choice(pool))
    if r.random() < 0.5 or not x.dim() or not x.numel():
        r.choice([lambda: x.mul_(0.7), lambda: x.add_(0.1), x.tanh_, x.zero_, lambda: x.clamp_(-1, 1),
                  lambda: x.add_(other.sum() * 0.01), lambda: x.fill_(0.3)])()
        return
    place, value = r.choice([(0, other[0, 0]), ((..., 0), 0.5), (x > 0, 0.25), ((..., -1), other.mean())])
    x[place] = value


def unrecorded(lib: Any, pool: list, r: Random) -> Any:
    with lib.no_grad():
        x = r.choice(pool)
        return r.choice([lambda: x.mul_(0.9), lambda: x * 2, lambda: square(lib, x) + square(lib, r.choice(pool))])() * 1


def read(lib: Any, pool: list, r: Random) -> Any:
    x = r.choice(pool)
    return r.choice([lambda: lib.tensor(x.detach().tolist(), dtype=lib.float64),
                     lambda: x * 2 if x.sum().item() > 0 else x + 1])()


def backward(lib: Any, pool: list, r: Random) -> None:
    total, retain = r.choice(pool).sum(), r.random() < 0.4
    if total.requires_grad:
        total.backward(retain_graph=retain)


def gradient(lib: Any, pool: list, r: Random) -> Any:
    total = r.choice(pool).square().mean()
    if not total.requires_grad:
        return total
    found, = lib.autograd.grad(total, pool[0], create_graph=True, allow_unused=True)
    return total if found is None else found


def loop(lib: Any, pool: list, r: Random) -> Any:
    h, w = square(lib, r.choice(pool)), square(lib, r.choice(pool))
    for _ in range(r.randint(2, 12)):
        h = lib.tanh(h @ w * 0.5)
    return h


ACTS: dict[Act, float] = {unary: 10, binary: 9, viewed: 9, reduced: 3, write: 7, unrecorded: 2, read: 2, backward: 1.5, gradient: 1,
                          loop: 1}


def run(lib: Any, number: int) -> list:
    """What program `number` shows: losses, refusals, parameters and gradients."""
    plan, numbers = Random(number), np.random.RandomState(number)
    parameters = [lib.tensor(numbers.randn(SIZE, SIZE) * 0.5).requires_grad_() for _ in range(plan.randint(1, 4))]
    optimizer = plan.choice([lambda: lib.optim.SGD(parameters, lr=0.05), lambda: lib.optim.SGD(parameters, lr=0.05, momentum=0.9),
                             lambda: lib.optim.Adam(parameters, lr=0.02)])()
    steps, length, shown = plan.randint(2, 5), plan.randint(4, 22), []
    for _ in range(steps):
        r, pool = Random(number), [*parameters, lib.tensor(numbers.randn(SIZE, SIZE))]      # the same acts in each step
        optimizer.zero_grad()
        for k in range(length):
            act = r.choices(list(ACTS), list(ACTS.values()))[0]
            try:
                made = act(lib, pool, r)
            except RuntimeError as e:
                shown.append(f"{k} {act.__name__}: {str(e)[:60]}")
                continue
            if made is not None:
                pool.append(made)
        try:
            loss = sum(square(lib, x).square().mean() for x in pool[-3:])
            shown.append(float(loss.detach()))
            if loss.requires_grad:
                loss.backward()
        except RuntimeError as e:
            shown.append(f"backward: {str(e)[:60]}")
        optimizer.step()
    return shown + [None if x is None else x.detach().numpy().copy() for p in parameters for x in (p, p.grad)]


def same(a: Any, b: Any) -> bool:
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return a is b or isinstance(a, str) and a == b
    return bool(np.allclose(a, b, 1e-6, 1e-8, equal_nan=True))


def main(first: int, last: int) -> int:
    warnings.simplefilter("ignore")
    compared = differ = 0
    for number in range(first, last):
        theirs = run(torch, number)
        if any(isinstance(x, str) and any(words in x for words in LEFT_OUT) for x in theirs):
            continue
        compared += 1
        ours = run(torchish, number)
        place = next((k for k, pair in enumerate(zip(theirs, ours, strict=False)) if not same(*pair)), None)
        if place is not None or len(theirs) != len(ours):
            differ += 1
            at = -1 if place is None else place
            print(number, at, theirs[at], ours[at], sep=" | ", flush=True)
    print(f"compared {compared} programs, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
