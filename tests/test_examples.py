"""The examples run as a user runs them: in a process of their own, with few steps; the notebook's values are right."""
from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest


def run(root, *arguments):
    """Runs `python *arguments` with warnings as errors; returns what it printed."""
    done = subprocess.run([sys.executable, "-W", "error", *arguments], cwd=root, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [[], ["-m", "torchish"]], ids=["plain", "python -m torchish"])
def test_digits_learns(root, prefix):
    pytest.importorskip("sklearn")
    printed = run(root, *prefix, "examples/digits.py", "--epochs", "3")
    assert len(re.findall(r"^epoch ", printed, re.M)) == 3
    assert float(re.search(r"test accuracy: ([\d.]+)%", printed)[1]) > 60


@pytest.mark.slow
def test_char_gpt_writes(root):
    printed = run(root, "examples/char_gpt.py", "--steps", "20", "--batch-size", "8", "--sample", "10")
    losses = [float(value) for value in re.findall(r"loss ([\d.]+)", printed)]
    assert losses and losses[-1] < losses[0]
    assert len(printed.split("--- sample ---\n")[1].rstrip("\n")) <= 10


def test_the_notebook(root, capsys):
    spec = importlib.util.spec_from_file_location("autograd_basics", root / "examples" / "autograd_basics.py")
    notebook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebook)
    values = notebook.main()
    printed = capsys.readouterr().out
    assert re.search(r"z = <AddBackward0 object at 0x[0-9a-f]+>", printed)
    assert re.search(r"loss = <BinaryCrossEntropyWithLogitsBackward0 object at 0x[0-9a-f]+>", printed)
    assert values["names"] == ["BinaryCrossEntropyWithLogitsBackward0", "AddBackward0", "SqueezeBackward4",
                               "MmBackward0", "AccumulateGrad", "AccumulateGrad"]
    assert "refused: Trying to backward through the graph a second time" in printed
    assert "warned: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed" in printed
    # Seed 0: what torch 2.13 prints.
    assert "tensor([[0.3027, 0.3201, 0.3118],\n        [0.3027, 0.3201, 0.3118]," in printed
    assert "tensor([0.3027, 0.3201, 0.3118])" in printed
    assert "z.grad = None" in printed and "twice the gradient: True" in printed
    assert printed.count("\nFalse") == 2 and "\nTrue\nFalse\nFalse\n" in printed
    assert values["worst"] < 1e-6


def test_the_readmes_training_loop(root, capsys):
    block = re.search(r"```python\n(.*?)```", (root / "README.md").read_text(), re.S)[1]
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert float(capsys.readouterr().out) < 0.3
