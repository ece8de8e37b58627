"""Records what torch.autocast does on the CPU: the dtypes of every op's results, and a training step.

In: torch and torchish's op table (run this where both are installed).  Out: tests/golden/autocast.json.
"""
from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from autocast_step import step  # noqa: E402
from op_calls import PRECISIONS, first_cases, in_precision  # noqa: E402
from op_cases import each_array  # noqa: E402
from op_golden import flat_tensors  # noqa: E402
from record_ops import twin  # noqa: E402

PATH = ROOT / "tests" / "golden" / "autocast.json"


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(a.astype(np.float32)).bfloat16() if a.dtype == ml_dtypes.bfloat16 else torch.from_numpy(np.array(a))


def dtypes() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for case in first_cases():
        function = twin(case)
        if function is None:
            continue
        for precision in PRECISIONS:
            change = in_precision(precision)
            try:
                args = each_array(case.args, lambda a, change=change: tensor(change(a)))
                kwargs = each_array(case.kwargs, lambda a, change=change: tensor(change(a)))
                with torch.autocast("cpu", torch.bfloat16):
                    found[f"{case.key} {precision}"] = [str(t.dtype)[6:] for t in flat_tensors(function(*args, **kwargs))]
            except Exception:       # what torch has no kernel for
                continue
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    golden = {"torch": torch.__version__, "ops": dtypes()}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden["ops"].items())
    PATH.write_text(f'{{\n"torch": {json.dumps(golden["torch"])},\n"step": {json.dumps(step(torch))},\n'
                    f'"ops": {{\n{lines}\n}}\n}}\n')


if __name__ == "__main__":
    main()
