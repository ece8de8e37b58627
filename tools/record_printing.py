"""Records how torch prints tensors.

In: torch (run this where it is installed).  Out: tests/golden/printing.json, a list of {expr, options, text}.
An `expr` makes its tensor by torch.tensor, zeros, ones, arange, full and little more: what fails is the printing.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "printing.json"
FLOATS = """
1.0 | 1.5 | 0.0 | -0.0 | 1e-5 | 123456789.0 | 1e10 | 0.1 | -2.75 | 1e-40 | 3e38
[1.0, 2.0, 3.0] | [1.5, 2.0, -3.0] | [0.0, 0.0] | [-1.0, 10.0, 100.0] | [0.1, 1000.0] | [0.1, 99.9] | [1.0, 1001.0]
[1.0, 1000.0] | [0.5, 500.0] | [0.5, 501.0] | [1e-4, 1e-3] | [9e-5, 1e-3] | [1e8, 1e8] | [2e8, 3e8] | [1e-10, 1.0]
[1e8, 0.5] | [-1e-6, 2.0, 3.0] | [1e15, 1.0] | [12345.678, 23456.789] | [0.00012, 0.5] | [1e-20, 0.0] | [99999.0, 1.0]
[float("nan"), 1.0] | [float("inf"), 1.5, -2.0] | [float("nan"), float("inf"), -float("inf")] | [float("nan"), 0.0]
[-float("inf"), 1000.0] | [float("inf"), 1e-9, 1.0] | [0.0, float("inf"), 2.25] | float("nan") | float("inf")
[[1.0, 2.0], [3.0, 4.0]] | [[1.5, -2.0], [3.0, 4.25]] | [[[1.0]]] | [[[1.0, 2.5]], [[3.0, -4.0]]] | [[]] | [[], []] | []
"""
INTEGERS = """
0 | -5 | 7 | [1, 2, 3] | [1, -20, 300] | [[1, 2], [3, 4]]
[10000000000, 1] | [[0], [-1]] | [100] | [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
"""
DTYPES = """
[1.0, 2.5]:float64 | [1.0, 2.5]:float16 | [1.0, 2.5]:bfloat16 | [1.0, 2.0]:bfloat16 | 1.5:float64 | [0.1, 0.2]:bfloat16
[0.1, 0.2]:float16 | [65504.0, 1.0]:float16 | [1e-3, 1e3]:bfloat16 | [1.0, 1e300]:float64
[1, 2]:int32 | [1, -2]:int8 | [1, 2]:int16
[1, 255]:uint8 | [True, False]:bool | True:bool | [[True, True], [False, True]]:bool | []:int64
[]:bool | []:float64 | [[]]:int32
[1 + 2j, 3 - 4j]:complex64 | [1.5 + 2j, -3 - 4.25j]:complex64 | 1j:complex64 | [1e-5 + 1j, 2 + 3e5j]:complex64
[1 + 2j]:complex128 | [[0j, 1 + 0j], [0 + 1j, 1 + 1j]]:complex64 | [complex("nan"), complex("inf"), 1 + 1j]:complex64
[1e10 + 1j]:complex64 | []:complex64 | [0.5j, -0.25]:complex128
"""
BUILT = """
torch.arange(10) | torch.arange(30) | torch.arange(100.0) | torch.arange(25.0) / 7
torch.arange(1000) | torch.arange(1001)
torch.arange(2000.0) | torch.arange(2000.0) / 3 | torch.arange(10000).reshape(100, 100)
torch.arange(10000.0).reshape(100, 100) / 7
torch.arange(1200.0).reshape(10, 10, 12) | torch.arange(4000).reshape(5, 800) | torch.arange(4000).reshape(800, 5)
torch.arange(2048.0).reshape(2, 2, 2, 256) | torch.arange(48).reshape(2, 3, 8) | torch.arange(16).reshape(2, 2, 2, 2)
torch.zeros(0, 3) | torch.zeros(3, 0) | torch.zeros(2, 0, 4) | torch.zeros(0) | torch.zeros(0, 3, dtype=torch.float64)
torch.zeros(0, 2, dtype=torch.int64) | torch.ones(3, 4) | torch.full((2, 2), 7) | torch.zeros(2000) | torch.ones(40, 40)
torch.zeros(6, 200) | torch.full((3,), 1e-7) | torch.arange(40) - 20 | torch.arange(12.0).reshape(1, 12) * 1000
torch.ones(3, requires_grad=True) | torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
torch.zeros(0, 2, requires_grad=True)
torch.ones(3, requires_grad=True) + 1 | torch.ones(3, requires_grad=True).sum()
(torch.ones(2, 2, requires_grad=True) * 2.5)
torch.ones(18, requires_grad=True) + 1 | torch.ones(16, requires_grad=True) * 1
torch.ones(17, requires_grad=True).exp()
torch.full((8,), 1.5, dtype=torch.float64, requires_grad=True) - 1 | torch.arange(1500.0, requires_grad=True) * 2
torch.ones(2, requires_grad=True).detach() | torch.nn.Parameter(torch.ones(2, 3)) | torch.nn.Parameter(torch.zeros(0))
torch.nn.Parameter(torch.ones(2), requires_grad=False) | torch.nn.Parameter(torch.arange(24.0).reshape(2, 12) / 7)
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "short": {"profile": "short"}, "full": {"profile": "full"}, "precise": {"precision": 8},
    "sci": {"sci_mode": True}, "plain": {"sci_mode": False}, "narrow": {"linewidth": 30},
    "few": {"threshold": 5, "edgeitems": 1}, "digitless": {"precision": 0},
}
UNDER_OPTIONS = ("torch.arange(12.0) / 7", "torch.arange(60).reshape(3, 20)", "torch.tensor([1e-6, 2.0, 30000.0])",
                 "torch.ones(9, requires_grad=True) / 3")


def cases() -> list[tuple[str, dict[str, Any]]]:
    def split(text: str) -> list[str]:
        return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]
    plain = [f"torch.tensor({values})" for values in split(FLOATS) + split(INTEGERS)]
    typed = [part.rsplit(":", 1) for part in split(DTYPES)]
    plain += [f"torch.tensor({values}, dtype=torch.{name})" for values, name in typed] + split(BUILT)
    return [(expr, {}) for expr in plain] + [(expr, o) for o in OPTIONS.values() for expr in UNDER_OPTIONS]


def record() -> list[dict[str, Any]]:
    golden = []
    for expr, options in cases():
        torch.set_printoptions(**{"profile": "default", **options})
        golden.append({"expr": expr, "options": options, "text": repr(eval(expr))})
    return golden


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("[\n" + ",\n".join(json.dumps(case) for case in record()) + "\n]\n")
