"""Records what torch says about dtypes: promotion, casting, result types, finfo and iinfo.

In: torch (run this where it is installed).  Out: tests/golden/dtypes.json.
"""
from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import torch

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16",
         "float32", "float64", "complex64", "complex128")
SCALARS = ("True", "3", "1.5", "2j")
FIELDS = {"finfo": ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"),
          "iinfo": ("bits", "max", "min", "dtype")}
GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "dtypes.json"


def said(ask: Any, *args: Any) -> str:
    """The answer as text, or the error's class and first sentence."""
    try:
        return str(ask(*args)).removeprefix("torch.")
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


def record_info(kind: str, name: str) -> dict[str, Any]:
    try:
        info = getattr(torch, kind)(getattr(torch, name))
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}".split(". ")[0]}
    return {"repr": repr(info), **{field: getattr(info, field) for field in FIELDS[kind]}}


def record() -> dict[str, Any]:
    dtypes = {name: getattr(torch, name) for name in NAMES}
    pairs = list(itertools.product(NAMES, repeat=2))
    golden: dict[str, Any] = {"promote_types": {}, "can_cast": {}, "result_type": {}}
    for a, b in pairs:
        golden["promote_types"][f"{a} {b}"] = said(torch.promote_types, dtypes[a], dtypes[b])
        golden["can_cast"][f"{a} {b}"] = torch.can_cast(dtypes[a], dtypes[b])
        one, other = torch.ones(2, dtype=dtypes[a]), torch.ones((), dtype=dtypes[b])
        golden["result_type"][f"{a}:1 {b}:0"] = said(torch.result_type, one, other)
    for (a, scalar), ndim in itertools.product(itertools.product(NAMES, SCALARS), (0, 1)):
        tensor = torch.ones((2,) * ndim, dtype=dtypes[a])
        golden["result_type"][f"{a}:{ndim} {scalar}"] = said(torch.result_type, tensor, eval(scalar))
    for one, other in itertools.product(SCALARS, repeat=2):
        golden["result_type"][f"{one} {other}"] = said(torch.result_type, eval(one), eval(other))
    golden["result_type"].update(triples(120))
    for kind in FIELDS:
        golden[kind] = {name: record_info(kind, name) for name in NAMES}
    golden["facts"] = {name: [d.is_floating_point, d.is_complex, d.is_signed, d.itemsize, str(d.to_real()),
                              said(d.to_complex), repr(d)] for name, d in dtypes.items()}
    torch.set_default_dtype(torch.float64)
    integers = torch.ones(2, dtype=torch.int64)
    golden["default float64"] = {scalar: said(torch.result_type, integers, eval(scalar)) for scalar in SCALARS}
    torch.set_default_dtype(torch.float32)
    return golden


def triples(count: int) -> dict[str, str]:
    """The common dtype of three operands, drawn at random: tensors with dimensions and 0-dim tensors."""
    draw = random.Random(0)
    tensors = [f"{name}:{ndim}" for name in NAMES for ndim in (0, 1) if not name.startswith(("uint", "complex"))]
    found = {}
    for _ in range(count):
        case = draw.sample(tensors, 3)
        made = [torch.ones((2,) * int(word[-1]), dtype=getattr(torch, word[:-2])) for word in case]
        found[" ".join(case)] = said(lambda *tensors: torch.clamp(*tensors).dtype, *made)
    return {case: answer for case, answer in found.items() if "Error" not in answer}


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps({"torch": torch.__version__, **record()}, indent=0) + "\n")
