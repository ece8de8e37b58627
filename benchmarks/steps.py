"""Training steps: torchish un-annotated, the same step by hand in `jax.jit`, and torch eager where it is installed.

In: `--only NAME`, `--rounds N`, `--without torchish|torch`.  Out: Markdown tables of ratios and of compilations.
Run: python benchmarks/steps.py
"""
from __future__ import annotations

import argparse

from by_hand import ByHand
from harness import counting, interleaved, module, readable, table
from workloads import WORKLOADS, Training


def competitors(name, modules):
    """The trainings of one workload, all begun from the same parameters."""
    runs = {label: Training(torch, WORKLOADS[name]) for label, torch in modules.items()}
    by_hand = ByHand(name, next(iter(runs.values())).state())
    return {"by hand": by_hand, **runs}


def agree(runs, steps=20):
    """The largest difference of the losses over the first steps: are they the same training?"""
    worst = 0.0
    for _ in range(steps):
        for run in runs.values():
            run.step()
        losses = [run.loss() for run in runs.values()]
        worst = max(worst, max(losses) - min(losses))
    return worst


def compile_counts(torch, name, steps=200):
    """Compilations over `steps` steps (a new learning rate each, every tenth loss fetched), then one smaller batch."""
    workload = WORKLOADS[name]
    training = Training(torch, workload, schedule=True)
    last = training.tensors(*workload.batches(1, workload.batch // 2 - 1)[0])
    with counting() as first:
        training.step()
        training.loss()
    with counting() as later:
        for i in range(1, steps):
            training.step()
            if i % 10 == 9:
                training.loss()
    with counting() as small:
        training.step(last)
        training.loss()
    return [str(first.count), str(later.count), str(small.count)]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", choices=WORKLOADS, action="append")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--without", choices=["torchish", "torch"], action="append", default=[])
    options = options.parse_args()
    found = {label: module(label) for label in ("torchish", "torch") if label not in options.without}
    modules = {label: torch for label, torch in found.items() if torch is not None}
    if not modules:
        raise SystemExit("neither torchish nor torch is there to be measured")

    names = options.only or list(WORKLOADS)
    rows = []
    for name in names:
        runs = competitors(name, modules)
        difference = agree(runs)
        timing = interleaved(runs, options.rounds)
        rows.append([name, readable(timing.seconds("by hand"))]
                    + [f"{timing.ratio(label, 'by hand'):.2f}" for label in modules] + [f"{difference:.1e}"])
        print("  ".join(rows[-1]), flush=True)
    print("\nTime of a step. Ratios to the step by hand: below 1 is faster.\n")
    print(table(["workload", "by hand", *(f"{label} : by hand" for label in modules), "losses differ by"], rows))
    if "torchish" in modules:
        print("\nCompilations: the first step, 199 further steps, one smaller batch.\n")
        print(table(["workload", "first step", "199 steps", "smaller batch"],
                    [[name, *compile_counts(modules["torchish"], name)] for name in names]))


if __name__ == "__main__":
    main()
