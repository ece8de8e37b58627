"""Memory over many steps: does the process grow, are parameters updated in place, and what is the peak?

In: `--only NAME`, `--steps N`.  Out: a Markdown table.  Each training has a process of its own.
Run: python benchmarks/memory.py
"""
from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
from pathlib import Path

import jax
from by_hand import ByHand
from harness import module, table
from workloads import WORKLOADS, Training

PAGE = resource.getpagesize()


def resident() -> float:
    """The process's memory now, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def peak() -> float:
    """The most that the process ever had, in MiB: it is reached while compiling. What a step needs is XLA's own account."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def addresses(training) -> set[int]:
    """Where the parameters lie."""
    if isinstance(training, ByHand):
        return {array.unsafe_buffer_pointer() for array in training.params.values()}
    return {parameter.data_ptr() for parameter in training.model.parameters()}


def measure(label: str, name: str, steps: int) -> dict[str, float]:
    """Trains `steps` steps; the first tenth is warm-up, after which nothing may grow."""
    torch = module("torchish")
    training = Training(torch, WORKLOADS[name])
    if label == "by hand":
        state = training.state()
        del training
        gc.collect()
        training = ByHand(name, state)
    before = peak()
    for i in range(max(20, steps // 10)):
        training.step()
        if i % 10 == 9:
            training.loss()
    training.loss()
    gc.collect()
    places, live, begin = addresses(training), len(jax.live_arrays()), resident()
    for i in range(steps):
        training.step()
        if i % 10 == 9:
            training.loss()
    training.loss()
    gc.collect()
    kept = addresses(training)
    needed = training.memory() if label == "by hand" else max(c.memory for c in torch.explain())
    return {"step": needed / 1024, "arrays": len(jax.live_arrays()) - live, "growth": resident() - begin, "peak": peak() - before,
            "moved": len(kept - places), "parameters": len(kept)}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", choices=WORKLOADS, action="append")
    options.add_argument("--steps", type=int, default=10_000)
    options.add_argument("--measure", nargs=2, metavar=("LABEL", "NAME"), help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options.steps)))
        return
    rows = []
    for name in options.only or ["tiny MLP", "MNIST MLP", "20-layer MLP"]:
        found = {}
        for label in ("by hand", "torchish"):
            command = [sys.executable, __file__, "--measure", label, name, "--steps", str(options.steps)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[label] = result = json.loads(done.stdout.splitlines()[-1])
            rows.append([name, label, str(result["arrays"]), f"{result['growth']:.1f} MiB",
                         f"{result['moved']} of {result['parameters']}", f"{result['step']:.1f} KiB",
                         f"{result['step'] / found['by hand']['step']:.2f}", f"{result['peak']:.1f} MiB"])
    print(f"Over {options.steps} steps:\n")
    print(table(["workload", "step", "more live arrays", "process grew by", "parameters that moved",
                 "peak of the step", ": by hand", "of the process, above its start"], rows))


if __name__ == "__main__":
    main()
