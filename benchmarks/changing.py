"""Graphs that change at every step: what a graph costs that has not been seen before.

In: `--graphs N`.  Out: a Markdown table: ms for a new graph, compiled for good (`never`) and as torchish decides (`auto`), and
PyTorch's where it is installed.
Run: python benchmarks/changing.py
"""
from __future__ import annotations

import argparse
import random
import time
from itertools import count
from statistics import median

from harness import module, table

KNOWN = 15      # graphs after which torchish knows that they change


class Sizes:
    """Forward and backward of a small network on a batch of a size of its own: every operation is new."""

    def __init__(self, torch):
        self.torch, self.sizes = torch, count(2)

    def step(self):
        torch = self.torch
        x, w = torch.randn(next(self.sizes), 3), torch.randn(3, 4, requires_grad=True)
        start = time.perf_counter()
        loss = (torch.tanh(x @ w) * 2 + 1).square().mean()
        loss.backward()
        w.grad.sum().item()
        return time.perf_counter() - start


class Trees:
    """A training step on a tree of 6 to 12 leaves of a shape of its own (a TreeLSTM of width 16): the operations are known."""

    def __init__(self, torch):
        nn = torch.nn
        self.torch, self.chance = torch, random.Random(0)
        self.leaf, self.gates, self.out = nn.Embedding(20, 16), nn.Linear(32, 80), nn.Linear(16, 2)
        self.optimizer = torch.optim.Adagrad([*self.leaf.parameters(), *self.gates.parameters(), *self.out.parameters()], lr=0.05)

    def tree(self, leaves):
        if leaves == 1:
            return self.chance.randrange(20)
        left = self.chance.randrange(1, leaves)
        return self.tree(left), self.tree(leaves - left)

    def state(self, tree):
        torch = self.torch
        if isinstance(tree, int):
            h = self.leaf(torch.tensor([tree]))
            return h, torch.zeros_like(h)
        (h1, c1), (h2, c2) = map(self.state, tree)
        a, i, f1, f2, o = self.gates(torch.cat([h1, h2], 1)).chunk(5, 1)
        c = a.tanh() * i.sigmoid() + f1.sigmoid() * c1 + f2.sigmoid() * c2
        return o.sigmoid() * c.tanh(), c

    def step(self):
        tree = self.tree(self.chance.randrange(6, 13))
        start = time.perf_counter()
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.out(self.state(tree)[0]), self.torch.tensor([0]))
        loss.backward()
        self.optimizer.step()
        loss.item()
        return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--graphs", type=int, default=40)
    options = options.parse_args()
    torch, real = module("torchish"), module("torch")
    rows = []
    for workload in (Sizes, Trees):
        ours, theirs = workload(torch), real and workload(real)
        times = {"never": [], "auto": [], "torch": []}
        for _ in range(KNOWN):
            ours.step()
        for _ in range(options.graphs):
            for word in ("never", "auto"):
                with torch.config.override(drafts=word):
                    times[word].append(ours.step())
            if real:
                times["torch"].append(theirs.step())
        never, auto, eager = [f"{1e3 * median(found):.2f}" if found else "" for found in times.values()]
        ratio = median(a / b for a, b in zip(times["auto"], times["never"], strict=True))
        rows.append([workload.__name__.lower(), never, auto, f"{ratio:.3f}", eager])
    print(table(["workload", "ms never", "ms auto", "auto : never", "ms PyTorch"], rows))


if __name__ == "__main__":
    main()
