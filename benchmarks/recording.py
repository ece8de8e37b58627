"""What recording an op costs on a known tape, against torch's eager dispatch of the same chain in the same run.

In: `--length N`, `--rounds N`.  Out: a Markdown table, microseconds an op; the flush of the tape is not counted.
Run: python benchmarks/recording.py
"""
from __future__ import annotations

import argparse
import gc
import time
from statistics import median

from harness import module, table


def chain(torch, length):
    """Returns `once() -> seconds`: `length` additions of 4 x 4 tensors that require grad; the values come later."""
    x = torch.rand(4, 4, requires_grad=True)

    def once():
        y = x
        start = time.perf_counter()
        for _ in range(length):
            y = y + x
        seconds = time.perf_counter() - start
        y.sum().item()
        return seconds
    return once


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--length", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=200)
    options = options.parse_args()
    found = {label: module(label) for label in ("torchish", "torch")}
    chains = {label: chain(torch, options.length) for label, torch in found.items() if torch is not None}
    for once in chains.values():
        for _ in range(5):
            once()
    gc.collect()
    times = {label: [] for label in chains}
    for i in range(options.rounds):
        for label in list(chains)[::-1 if i % 2 else 1]:
            times[label].append(chains[label]() / options.length * 1e6)
    print(table(["chain of additions", "median, us an op", "best, us an op"],
                [[label, f"{median(taken):.3f}", f"{min(taken):.3f}"] for label, taken in times.items()]))
    if len(times) == 2:
        print(f"\ntorchish : torch eager = {median(a / b for a, b in zip(times['torchish'], times['torch'])):.2f}")


if __name__ == "__main__":
    main()
