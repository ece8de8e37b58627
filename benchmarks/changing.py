"""Graphs that change at every step: what a graph costs that has not been seen before.

In: `--graphs N`.  Out: a Markdown table: ms for a new graph, compiled for good (`never`) and as torchish decides (`auto`).
Run: python benchmarks/changing.py
"""
from __future__ import annotations

import argparse
import time
from itertools import count
from statistics import median

from harness import module, table

sizes = count(2)


def new_graph(torch):
    """Forward and backward of a small network on a batch of a size of its own; seconds."""
    x, w = torch.randn(next(sizes), 3), torch.randn(3, 4, requires_grad=True)
    start = time.perf_counter()
    loss = (torch.tanh(x @ w) * 2 + 1).square().mean()
    loss.backward()
    w.grad.sum().item()
    return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--graphs", type=int, default=40)
    options = options.parse_args()
    torch = module("torchish")
    times = {word: [] for word in ("never", "auto")}
    for _ in range(15):
        new_graph(torch)        # after these, torchish knows that graphs change here
    for _ in range(options.graphs):
        for word, found in times.items():
            with torch.config.override(drafts=word):
                found.append(new_graph(torch))
    rows = [[word, f"{1e3 * median(found):.1f}"] for word, found in times.items()]
    print(table(["drafts", "ms for a new graph"], rows))
    print(f"\nauto : never = {median(a / b for a, b in zip(times['auto'], times['never'], strict=True)):.2f}")


if __name__ == "__main__":
    main()
