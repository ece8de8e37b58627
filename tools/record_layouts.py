"""Records how torch lays results out in memory: for every op, and for the expressions of the view tests.

In: torch and torchish's op table (run this where both are installed).  Out: tests/golden/layouts.json.
"""
from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from op_calls import LAYOUTS, arranged, first_cases, strides_of  # noqa: E402
from op_cases import each_array  # noqa: E402
from op_golden import flat_tensors  # noqa: E402
from record_ops import tensor, twin  # noqa: E402
from view_expressions import answers  # noqa: E402

PATH = ROOT / "tests" / "golden" / "layouts.json"


def layouts() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for case in first_cases():
        function = twin(case)
        if function is None or case.op.view:
            continue
        for layout in LAYOUTS:
            arrange = arranged(layout)
            met: list = []

            def make(a: np.ndarray, arrange: Any = arrange, met: list = met) -> torch.Tensor:
                met.append(torch.from_numpy(arrange(a)) if a.dtype.kind != "V" else tensor(a))
                return met[-1]
            try:
                args, kwargs = each_array(case.args, make), each_array(case.kwargs, make)
                strides = strides_of(flat_tensors(function(*args, **kwargs)))
            except Exception:       # what torch refuses is recorded by record_ops.py
                continue
            if strides and any(not x.is_contiguous() for x in met):
                found[f"{case.key} {layout}"] = strides
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    golden = {"torch": torch.__version__, "ops": layouts(), "expressions": answers(torch)}
    lines = [f"{json.dumps(s)}: {{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden[s].items()) + "\n}"
             for s in ("ops", "expressions")]
    PATH.write_text("{\n" + f'"torch": {json.dumps(golden["torch"])},\n' + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
