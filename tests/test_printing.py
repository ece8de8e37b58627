"""The text of tensors against what torch printed (tools/record_printing.py)."""
from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import torchish
from torchish import dtypes
from torchish.printing import edges, format_tensor, get_printoptions, set_printoptions

GOLDEN = json.loads((Path(__file__).parent / "golden" / "printing.json").read_text())
DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


@pytest.fixture(autouse=True)
def _default_options() -> Iterator[None]:
    yield
    set_printoptions(profile="default")


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["expr"] + str(case["options"] or ""))
def test_prints_as_torch(case: dict[str, Any]) -> None:
    set_printoptions(**case["options"])
    made = eval(case["expr"], {"torch": torchish})
    assert repr(made) == case["text"]
    assert str(made) == case["text"]


def test_only_the_edges_of_a_big_tensor_are_read() -> None:
    endless = np.broadcast_to(np.float32(1.5), (10**6, 10**6, 4))
    text = format_tensor(endless, dtypes.float32, grad_fn_name="ExpBackward0")
    assert text.startswith("tensor([[[1.5000, 1.5000, 1.5000, 1.5000],\n         [1.5000")
    assert text.endswith("[1.5000, 1.5000, 1.5000, 1.5000]]], grad_fn=<ExpBackward0>)")
    assert text.count("...") == 1 + 6 and len(text) < 2500
    assert [len(axis) for axis in edges(endless.shape) or ()] == [6, 6, 4] and edges((10, 100)) is None


def test_what_follows_the_numbers() -> None:
    half = np.array([0.5, 0.25], ml_dtypes.bfloat16)
    assert format_tensor(half, dtypes.bfloat16, device="cuda:0", requires_grad=True, is_parameter=True) == (
        "Parameter containing:\ntensor([0.5000, 0.2500], device='cuda:0', dtype=torch.bfloat16,\n"
        "       requires_grad=True)")
    assert format_tensor(np.zeros((0, 2), np.int32), dtypes.int32) == "tensor([], size=(0, 2), dtype=torch.int32)"


def test_the_default_dtype_is_not_named() -> None:
    torchish.set_default_dtype(dtypes.float64)
    try:
        assert format_tensor(np.array(1.5), dtypes.float64) == "tensor(1.5000)"
        assert format_tensor(np.array(1j), dtypes.complex128) == "tensor(0.+1.j)"
        assert format_tensor(np.array(1.5, np.float32), dtypes.float32) == "tensor(1.5000, dtype=torch.float32)"
    finally:
        torchish.set_default_dtype(dtypes.float32)


def test_options() -> None:
    assert get_printoptions() == DEFAULTS
    set_printoptions(profile="full", precision=2)
    assert get_printoptions() == {**DEFAULTS, "threshold": math.inf, "precision": 2}
    set_printoptions(edgeitems=1, sci_mode=True)
    assert get_printoptions() == {**DEFAULTS, "threshold": math.inf, "precision": 2, "edgeitems": 1, "sci_mode": True}
    set_printoptions(linewidth=40)
    assert get_printoptions()["sci_mode"] is None
