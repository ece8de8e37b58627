"""How long until the first loss of the MNIST-sized MLP: import, building the model, first step, compilation included.

In: `--rounds N`.  Out: a Markdown table.  Every measurement is a process of its own; the competitors take turns.
Run: python benchmarks/first_step.py
"""
from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent

MEASURE = """
import json, time
start = time.perf_counter()
import {module} as torch
imported = time.perf_counter()
import numpy
{imports}
ready = time.perf_counter()
{build}
built = time.perf_counter()
training.step()
training.loss()
done = time.perf_counter()
print(json.dumps({{"import": imported - start, "build": built - ready, "first step": done - built}}))
"""
TORCH = {"imports": "from workloads import WORKLOADS, Training",
         "build": "training = Training(torch, WORKLOADS['MNIST MLP'])"}
BY_HAND = {"imports": "from by_hand import ByHand",
           "build": """random = numpy.random.default_rng(0)
shapes = {"0.weight": (128, 784), "0.bias": (128,), "2.weight": (10, 128), "2.bias": (10,)}
state = {name: random.uniform(-.05, .05, shape).astype("float32") for name, shape in shapes.items()}
training = ByHand("MNIST MLP", state)
"""}
COMPETITORS = {"by hand": {"module": "jax", **BY_HAND}, "torchish": {"module": "torchish", **TORCH},
               "torch": {"module": "torch", **TORCH}}


def measure(label: str) -> dict[str, float]:
    """Seconds of each part in a fresh process, and of the process as a whole."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", MEASURE.format(**COMPETITORS[label])], cwd=HERE, capture_output=True,
                          text=True, check=True)
    return {**json.loads(done.stdout.splitlines()[-1]), "process": time.perf_counter() - start}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=9)
    options = options.parse_args()
    labels = [label for label, parts in COMPETITORS.items() if importlib.util.find_spec(parts["module"])]
    times = {label: [] for label in labels}
    for _ in range(options.rounds):
        for label in labels:
            times[label].append(measure(label))
    parts = list(times["by hand"][0])
    print("| | " + " | ".join(f"{part} | : by hand" for part in parts) + " |")
    print("|---|" + "---|" * 2 * len(parts))
    for label in labels:
        cells = []
        for part in parts:
            ratio = median(mine[part] / base[part] for mine, base in zip(times[label], times["by hand"]))
            cells += [f"{median(t[part] for t in times[label]):.2f} s", f"{ratio:.2f}"]
        print(f"| {label} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
