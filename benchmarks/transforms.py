"""Derivatives of derivatives: torchish, the same steps by hand in `jax.jit`, and torch eager where it is installed.

In: `--only NAME`, `--rounds N`, `--without torchish|torch`.  Out: Markdown tables of ratios and of compilations.
Run: python benchmarks/transforms.py
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import counting, interleaved, module, readable, table

RATE = 1e-3


@dataclass(frozen=True)
class Task:
    """One step in two languages: both take parameters and a batch and give the loss; both begin from the same numbers.

    in_torch(torch, parameters, batch) changes the parameters in place; in_jax(parameters, batch) returns (loss, parameters).
    """
    widths: tuple[int, ...]
    batch: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    in_torch: Callable[[ModuleType, list, tuple], Any]
    in_jax: Callable[[list, tuple], tuple[Any, list]]

    def parameters(self) -> list[np.ndarray]:
        """Weights (out, in) and biases of a network of these widths; without widths, sixteen scalars."""
        random = np.random.default_rng(1)
        if not self.widths:
            return [np.float32(random.uniform(0.5, 1.5)) for _ in range(16)]
        return [a for m, n in pairwise(self.widths) for a in
                (random.standard_normal((n, m), dtype=np.float32) / np.float32(m ** 0.5), np.zeros(n, np.float32))]

    def batches(self, count: int = 8) -> list[tuple[np.ndarray, ...]]:
        """`count` batches of random data."""
        random = np.random.default_rng(0)
        return [self.batch(random) for _ in range(count)]


def normal(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[np.ndarray, ...]]:
    return lambda random: tuple(random.standard_normal(shape, dtype=np.float32) for shape in shapes)


def network(torch: ModuleType, p: list, x: Any) -> Any:
    for k in range(0, len(p) - 2, 2):
        x = torch.tanh(torch.nn.functional.linear(x, p[k], p[k + 1]))
    return torch.nn.functional.linear(x, p[-2], p[-1])


def jax_network(p: list, x: Any) -> Any:
    for k in range(0, len(p) - 2, 2):
        x = jnp.tanh(x @ p[k].T + p[k + 1])
    return x @ p[-2].T + p[-1]


def descend(torch: ModuleType, p: list, grads: Any) -> None:
    with torch.no_grad():
        for x, g in zip(p, grads):
            x -= RATE * g


def jax_descend(loss: Callable, p: list, batch: tuple) -> tuple[Any, list]:
    value, grads = jax.value_and_grad(loss)(p, batch)
    return value, [x - RATE * g for x, g in zip(p, grads)]


# a physics-informed network: u_t + 6 u u_x + u_xxx = 0, third derivatives inside the loss

def waves(torch, p, batch):
    x, t = (part.requires_grad_() for part in batch)

    def d(y, of):
        return torch.autograd.grad(y.sum(), of, create_graph=True)[0]
    u = network(torch, p, torch.stack([x, t], 1))[:, 0]
    u_x = d(u, x)
    loss = (d(u, t) + 6 * u * u_x + d(d(u_x, x), x)).square().mean()
    descend(torch, p, torch.autograd.grad(loss, p))
    return loss.detach()


def jax_waves(p, batch):
    def residual(p, x, t):
        def u(x, t):
            return jax_network(p, jnp.stack([x, t]))[0]
        u_x = jax.grad(u)
        return jax.grad(u, 1)(x, t) + 6 * u(x, t) * u_x(x, t) + jax.grad(jax.grad(u_x))(x, t)
    return jax_descend(lambda p, b: (jax.vmap(residual, (None, 0, 0))(p, *b) ** 2).mean(), p, batch)


# the critic of a Wasserstein GAN with a gradient penalty

def critic(torch, p, batch):
    real, fake, share = batch
    mixed = (share * real + (1 - share) * fake).requires_grad_()
    slope, = torch.autograd.grad(network(torch, p, mixed).sum(), mixed, create_graph=True)
    penalty = 10 * (slope.norm(dim=1) - 1).square().mean()
    loss = network(torch, p, fake).mean() - network(torch, p, real).mean() + penalty
    descend(torch, p, torch.autograd.grad(loss, p))
    return loss.detach()


def jax_critic(p, batch):
    def loss(p, batch):
        real, fake, share = batch
        slope = jax.grad(lambda x: jax_network(p, x).sum())(share * real + (1 - share) * fake)
        penalty = 10 * ((jnp.sqrt((slope ** 2).sum(1)) - 1) ** 2).mean()
        return jax_network(p, fake).mean() - jax_network(p, real).mean() + penalty
    return jax_descend(loss, p, batch)


# MAML: two inner updates for each of four tasks, differentiated

def learner(torch, p, batch):
    total = 0.0
    for x, y, x2, y2 in zip(*batch):
        fast = p
        for _ in range(2):
            loss = (network(torch, fast, x) - y).square().mean()
            fast = [w - 0.01 * g for w, g in zip(fast, torch.autograd.grad(loss, fast, create_graph=True))]
        total = total + (network(torch, fast, x2) - y2).square().mean()
    descend(torch, p, torch.autograd.grad(total, p))
    return total.detach()


def jax_learner(p, batch):
    def error(p, x, y):
        return ((jax_network(p, x) - y) ** 2).mean()

    def task(p, x, y, x2, y2):
        fast = p
        for _ in range(2):
            fast = [w - 0.01 * g for w, g in zip(fast, jax.grad(error)(fast, x, y))]
        return error(fast, x2, y2)
    return jax_descend(lambda p, b: jax.vmap(task, (None, 0, 0, 0, 0))(p, *b).sum(), p, batch)


# Hessian-vector products: steps of the power iteration; the last parameters are the vector

def curvature(torch, p, batch):
    half = len(p) // 2
    weights, vector = p[:half], p[half:]
    x, y = batch
    loss = (network(torch, weights, x) - y).square().mean()
    grads = torch.autograd.grad(loss, weights, create_graph=True)
    along = sum((g * v).sum() for g, v in zip(grads, vector))
    with torch.no_grad():
        products = torch.autograd.grad(along, weights)
        size = sum(h.square().sum() for h in products).sqrt()
        for v, h in zip(vector, products):
            v.copy_(h / size)
    return size.detach()


def jax_curvature(p, batch):
    half = len(p) // 2
    weights, vector = p[:half], p[half:]
    x, y = batch
    gradient = jax.grad(lambda w: ((jax_network(w, x) - y) ** 2).mean())
    _, products = jax.jvp(gradient, (weights,), (vector,))
    size = jnp.sqrt(sum((h ** 2).sum() for h in products))
    return size, [*weights, *(h / size for h in products)]


# gradients of single samples by vmap, clipped and averaged

def private(torch, p, batch):
    def loss(p, x, y):
        return (network(torch, p, x) - y).square().mean()
    grads, losses = torch.func.vmap(torch.func.grad_and_value(loss), in_dims=(None, 0, 0))(tuple(x.detach() for x in p), *batch)
    norms = sum(g.flatten(1).square().sum(1) for g in grads).sqrt()
    factor = (1 / norms).clamp(max=1)
    descend(torch, p, [torch.einsum("b,b...->...", factor, g) / len(factor) for g in grads])
    return losses.mean()


def jax_private(p, batch):
    def loss(p, x, y):
        return ((jax_network(p, x) - y) ** 2).mean()
    losses, grads = jax.vmap(jax.value_and_grad(loss), (None, 0, 0))(p, *batch)
    norms = jnp.sqrt(sum((g.reshape(len(g), -1) ** 2).sum(1) for g in grads))
    factor = jnp.minimum(1 / norms, 1)
    return losses.mean(), [x - RATE * jnp.einsum("b,b...->...", factor, g) / len(factor) for x, g in zip(p, grads)]


# five hundred operations on scalars, as in a lesson

def lesson(tanh, p, x):
    h = x
    for k in range(125):
        h = tanh(h * p[k % 16] + p[(k + 5) % 16]) + x
    return (h - 1) * (h - 1)


def scalars(torch, p, batch):
    loss = lesson(torch.tanh, p, batch[0])
    loss.backward()
    descend(torch, p, [x.grad for x in p])
    for x in p:
        x.grad = None
    return loss.detach()


def jax_scalars(p, batch):
    return jax_descend(lambda p, b: lesson(jnp.tanh, p, b[0]), p, batch)


TASKS = {
    "physics-informed": Task((2, 64, 64, 64, 1), normal((1024,), (1024,)), waves, jax_waves),
    "WGAN-GP": Task((64, 256, 256, 1), lambda random: (*normal((128, 64), (128, 64))(random), random.random((128, 1), np.float32)),
                    critic, jax_critic),
    "MAML": Task((1, 64, 64, 1), normal(*[(4, 32, 1)] * 4), learner, jax_learner),
    "Hessian-vector": Task((64, 256, 256, 10), normal((256, 64), (256, 10)), curvature, jax_curvature),
    "per-sample": Task((64, 128, 10), normal((128, 64), (128, 10)), private, jax_private),
    "500 scalars": Task((), lambda random: (np.float32(random.standard_normal()),), scalars, jax_scalars),
}


class Torch:
    """A task un-annotated, on torchish or torch."""

    def __init__(self, torch: ModuleType, task: Task, vector: bool = False):
        self.torch, self.task, self.taken = torch, task, 0
        begin = task.parameters()
        self.parameters = [torch.tensor(x, requires_grad=True) for x in begin]
        self.parameters += [torch.tensor(x) + 1 for x in begin] if vector else []
        self.batches = [tuple(map(torch.tensor, batch)) for batch in task.batches()]
        self.last: Any = None

    def step(self) -> None:
        batch = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        self.last = self.task.in_torch(self.torch, self.parameters, tuple(x.detach() for x in batch))

    def loss(self) -> float:
        return self.last.item()


class ByHand:
    """The same by hand: one program, parameters donated."""

    def __init__(self, task: Task, vector: bool = False):
        self.taken = 0
        begin = [jnp.asarray(x) for x in task.parameters()]
        self.parameters = begin + ([x + 1 for x in begin] if vector else [])
        self.batches = [tuple(map(jnp.asarray, batch)) for batch in task.batches()]
        self.compiled = jax.jit(task.in_jax, donate_argnums=0)
        self.last: Any = None

    def step(self) -> None:
        batch = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        self.last, self.parameters = self.compiled(self.parameters, batch)

    def loss(self) -> float:
        return float(self.last)


def competitors(name: str, modules: dict[str, ModuleType]) -> dict[str, Any]:
    """The same task by hand and in each module, all begun from the same parameters."""
    vector = name == "Hessian-vector"
    return {"by hand": ByHand(TASKS[name], vector), **{label: Torch(torch, TASKS[name], vector)
                                                       for label, torch in modules.items()}}


def agree(runs: dict[str, Any], steps: int = 10) -> float:
    """The largest relative difference of the losses over the first steps: do they compute the same?"""
    worst = 0.0
    for _ in range(steps):
        for run in runs.values():
            run.step()
        losses = [run.loss() for run in runs.values()]
        worst = max(worst, (max(losses) - min(losses)) / max(map(abs, losses)))
    return worst


def compile_counts(torch: ModuleType, name: str, steps: int = 100) -> list[str]:
    """Compilations in the first two steps, and in the others."""
    run = competitors(name, {"it": torch})["it"]
    with counting() as first:
        run.step()
        run.step()
        run.loss()
    with counting() as later:
        for i in range(2, steps):
            run.step()
            if i % 10 == 9:
                run.loss()
    return [str(first.count), str(later.count)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", choices=TASKS, action="append")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--without", choices=["torchish", "torch"], action="append", default=[])
    options = options.parse_args()
    found = {label: module(label) for label in ("torchish", "torch") if label not in options.without}
    modules = {label: torch for label, torch in found.items() if torch is not None}
    names, rows = options.only or list(TASKS), []
    counts = [[name, *compile_counts(modules["torchish"], name)] for name in names] if "torchish" in modules else []
    for name in names:
        runs = competitors(name, modules)
        difference = agree(runs)
        timing = interleaved(runs, options.rounds)
        rows.append([name, readable(timing.seconds("by hand"))]
                    + [f"{timing.ratio(label, 'by hand'):.2f}" for label in modules]
                    + ([f"{timing.ratio('torchish', 'torch'):.2f}"] if len(modules) == 2 else []) + [f"{difference:.1e}"])
        print("  ".join(rows[-1]), flush=True)
    print("\nTime of a step. Ratios below 1 are faster.\n")
    print(table(["task", "by hand", *(f"{label} : by hand" for label in modules),
                 *(["torchish : torch"] if len(modules) == 2 else []), "losses differ by"], rows))
    if counts:
        print("\nCompilations of torchish: the first two steps, 98 further ones.\n")
        print(table(["task", "first two", "98 steps"], counts))


if __name__ == "__main__":
    main()
