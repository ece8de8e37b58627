"""`__torch_function__`: the cases of overrides_cases.py, in a process of their own."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_what_classes_and_modes_take_over():
    cases = Path(__file__).with_name("overrides_cases.py")
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", str(cases)],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:]


def test_nothing_asks_where_there_is_nobody_to_ask():
    code = ("import sys, torchish as torch; from torchish import torch_function; torch.nn.Linear(2, 2)(torch.ones(2)); "
            "print(torch_function._installed, 'torchish.overrides' in sys.modules); class_ = type('S', (torch.Tensor,), {}); "
            "print(torch_function._installed)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False", "False", "True"]
