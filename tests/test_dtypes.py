"""Dtypes against what torch answered (tools/record_dtypes.py): promotion, casting, result types, finfo, iinfo."""
from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import torchish as torch
from torchish import dtypes
from torchish.dtypes import NAMES, dtype, finfo, iinfo

GOLDEN = json.loads((Path(__file__).parent / "golden" / "dtypes.json").read_text())


def said(ask: Callable[[], Any]) -> str:
    try:
        return str(ask()).removeprefix("torch.")
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


def operands(text: str) -> tuple[list[tuple[dtype, int]], list[Any]]:
    """The operands of result_type: `float32:1` is a tensor with one dimension, all else a Python number."""
    words = text.split()
    tensors = [w.split(":") for w in words if ":" in w]
    numbers = {"True": True, "3": 3, "1.5": 1.5, "2j": 2j}
    return [(NAMES[name], int(ndim)) for name, ndim in tensors], [numbers[w] for w in words if ":" not in w]


def differing(golden: dict[str, Any], ask: Callable[[str], Any]) -> dict[str, Any]:
    """The cases that torch answers otherwise: text -> (torch, here). There is no complex32: complex64 stands for it."""
    text = json.dumps(golden).replace("complex32", "complex64")
    found = {case: (wanted, ask(case)) for case, wanted in json.loads(text).items()}
    return {case: pair for case, pair in found.items() if pair[0] != pair[1]}


def two(case: str) -> list[dtype]:
    return [NAMES[name] for name in case.split()]


def test_promote_types() -> None:
    assert not differing(GOLDEN["promote_types"], lambda case: said(lambda: dtypes.promote_types(*two(case))))


def test_can_cast() -> None:
    assert not differing(GOLDEN["can_cast"], lambda case: dtypes.can_cast(*two(case)))


def test_result_type() -> None:
    assert not differing(GOLDEN["result_type"], lambda case: said(lambda: dtypes.result_dtype(*operands(case))))


@pytest.fixture
def default_float64() -> Iterator[None]:
    torch.set_default_dtype(dtypes.float64)
    yield
    torch.set_default_dtype(dtypes.float32)


def test_result_type_follows_the_default(default_float64: None) -> None:
    assert not differing(GOLDEN["default float64"],
                         lambda case: said(lambda: dtypes.result_dtype(*operands(f"int64:1 {case}"))))


@pytest.mark.parametrize("make", [finfo, iinfo])
def test_info(make: Any) -> None:
    def described(name: str) -> dict[str, Any]:
        try:
            info = make(NAMES[name])
        except Exception as e:
            return {"error": f"{type(e).__name__}: {e}".split(". ")[0]}
        fields = GOLDEN[make.__name__][name].keys() - {"repr"}
        return {"repr": repr(info), **{field: getattr(info, field) for field in fields}}
    assert not differing(GOLDEN[make.__name__], described)


@pytest.mark.parametrize("wrong", ["float32", 3])
def test_info_wants_a_dtype(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"finfo\(\): argument 'type' \(position 1\) must be torch.dtype, not "):
        finfo(wrong)


def test_facts() -> None:
    def facts(name: str) -> list[Any]:
        d = NAMES[name]
        return [d.is_floating_point, d.is_complex, d.is_signed, d.itemsize, str(d.to_real()), said(d.to_complex),
                repr(d)]
    assert not differing(GOLDEN["facts"], facts)


def test_numpy_names_and_pickle() -> None:
    assert dtypes.from_numpy(np.float32) is dtypes.float32
    assert dtypes.from_numpy(ml_dtypes.bfloat16) is dtypes.bfloat16
    assert NAMES["long"] is dtypes.int64 and NAMES["double"] is dtypes.float64 and NAMES["half"] is dtypes.float16
    assert all(pickle.loads(pickle.dumps(d)) is d for d in dtypes.ALL)
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy.str_"):
        dtypes.from_numpy(np.dtype("U1"))


@pytest.mark.parametrize("wrong", [dtypes.int64, dtypes.complex64, 3])
def test_default_dtype_is_floating(wrong: Any) -> None:
    with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
        torch.set_default_dtype(wrong)


# what torch 2.13 makes of these numbers
FLOAT8 = {
    "float8_e4m3fn": [1.25, 448.0, -0.009765625, 448.0], "float8_e5m2": [1.25, 512.0, -0.009765625, np.inf],
    "float8_e4m3fnuz": [1.25, np.nan, -0.009765625, np.nan], "float8_e5m2fnuz": [1.25, 512.0, -0.009765625, np.nan],
    "float8_e8m0fnu": [1.0, 512.0, 0.0078125, 1073741824.0],
}


@pytest.mark.parametrize("name", FLOAT8)
def test_float8_is_stored_and_converted(name: str) -> None:
    d, numbers = getattr(torch, name), [1.3, 500., -0.01, 1e9]
    x = torch.tensor(numbers).to(d)
    assert x.dtype is d and x.element_size() == 1 and x.type() == f"torch.{name.capitalize()}Tensor"
    np.testing.assert_array_equal(x.float().numpy(), np.array(FLOAT8[name], np.float32))
    np.testing.assert_array_equal(torch.tensor(numbers, dtype=d).tolist(), FLOAT8[name])
    np.testing.assert_array_equal(torch.empty(4, dtype=d).copy_(torch.tensor(numbers)).tolist(), FLOAT8[name])
    assert torch.equal(x.view(torch.uint8).view(d).view(torch.uint8), x.view(torch.uint8))
    with pytest.raises(RuntimeError, match="Promotion for Float8 Types is not supported, attempted to promote Float8_e"):
        x + torch.ones(4)
    with pytest.raises(TypeError, match="couldn't find storage object Float8_e"):
        torch.set_default_dtype(d)


def test_names_without_a_type() -> None:
    assert torch.complex32 is torch.chalf and torch.complex32.is_complex and torch.complex32.itemsize == 4
    assert pickle.loads(pickle.dumps(torch.quint8)) is torch.quint8 and not torch.uint4.is_floating_point
    with pytest.raises(TypeError, match="torch.complex32 is only a name here"):
        torch.zeros(2, dtype=torch.complex32)


def test_forms_of_to_and_type() -> None:
    x, i = torch.ones(2, 3), torch.ones(2, dtype=torch.int64)
    assert x.to() is x.to("cpu") is x.to(torch.float32) is x.to(x) is x.type(torch.FloatTensor) is x.float() is x
    assert x.to(torch.float32, False, True) is not x and x.to("cpu", torch.float32, copy=True) is not x
    assert {x.to(i).dtype, x.to("cpu", torch.int64).dtype, x.type("torch.LongTensor").dtype, x.to(int).dtype} == {torch.int64}
    assert x.t().to(torch.float64).stride() == (1, 3) and x.t().double(memory_format=torch.contiguous_format).stride() == (2, 1)
    for wrong, error in ((lambda: x.to("cpu", "cpu"), TypeError), (lambda: x.type("FloatTensor"), ValueError),
                         (lambda: x.to(torch.int8, torch.int8), TypeError), (lambda: x.type(5), TypeError)):
        with pytest.raises(error):
            wrong()
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        x.to(memory_format=torch.channels_last)


def test_another_default_is_another_branch() -> None:
    """What was recorded and compiled under one default dtype is not taken under another."""
    try:
        for d in (dtypes.float64, dtypes.float32, dtypes.bfloat16, dtypes.float32):
            torch.set_default_dtype(d)
            found = torch.tensor([1, 2]) / 2, torch.tensor([1, 2]).sqrt().sum(), torch.ones(1) / 3
            torch.set_default_dtype(dtypes.float32)
            assert all(x.dtype is d for x in found) and found[0].tolist() == [0.5, 1.0] and 0.33 < found[2].item() < 0.34
    finally:
        torch.set_default_dtype(dtypes.float32)


@pytest.mark.parametrize("source", [torch.float16, torch.float32, torch.float64])
def test_floats_that_integers_do_not_hold_are_what_they_are_in_torch_on_the_cpu(source):
    x = torch.tensor([300.0, -1.5, 1e10, float("inf"), -float("inf"), float("nan")], dtype=torch.float64).to(source)
    big = [int(x[2])] if source is not torch.float16 else [-2 ** 63]
    assert x.byte().tolist() == [44, 255, 0, 0, 0, 0] and x.to(torch.int16).tolist() == [300, -1, 0, 0, 0, 0]
    assert x.int().tolist() == [300, -1] + [-2 ** 31] * 4 and x.long().tolist() == [300, -1, *big] + [-2 ** 63] * 3
    assert torch.zeros(6, dtype=torch.uint8).copy_(x).tolist() == [44, 255, 0, 0, 0, 0]
