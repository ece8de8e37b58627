"""What real torch said about the modules of tools/record_nn_more.py, and the check of torchish against it."""
from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import torchish as torch

_HERE = Path(__file__).resolve().parent
GOLDEN: dict[str, list] = json.loads((_HERE / "golden" / "nn_more.json").read_text())


def _recorder() -> Any:
    spec = importlib.util.spec_from_file_location("record_nn_more", _HERE.parent / "tools" / "record_nn_more.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = _recorder()


def cases(section: str, *prefixes: str) -> list[tuple[str, Any]]:
    """The expressions of a section that begin with one of the prefixes, with torch's results."""
    return [(e, r) for e, r in GOLDEN[section] if not prefixes or e.startswith(prefixes)]


def close(found: Any, expected: Any, where: str = "") -> None:
    """The same structure and numbers."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for name in expected:
            close(found[name], expected[name], f"{where}.{name}")
    elif isinstance(expected, list) and where.endswith("out"):
        assert len(found) == len(expected), where
        for f, e in zip(found, expected):
            close(f, e, where[:-3])
    elif isinstance(expected, (list, float)):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5, err_msg=where)
    else:
        assert found == expected, where


def same_module(text: str, expected: dict) -> None:
    """Printed form, results, gradients and state of a module after one call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of nested tensors, and the older weight_norm
        close(recorder.run(torch, text), expected)
