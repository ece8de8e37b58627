"""torch.testing: what assert_close says of what differs, and the draws of make_tensor.

In: pairs of values, dtypes.  Out: PyTorch 2.13's sentences, and the numbers it draws after torch.manual_seed(0).
"""
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import torchish as torch
from torchish.testing import assert_allclose, assert_close, make_tensor

ONES, NAN = torch.ones(2), torch.tensor(float("nan"))
CLOSE = "Tensor-likes are not close!\n\nMismatched elements: 2 / 2 (100.0%)\nGreatest absolute difference: 1.0 at index (0,) " \
        "(up to 1e-05 allowed)\nGreatest relative difference: inf at index (0,) (up to 1.3e-06 allowed)"

DIFFERENT = [
    (ONES, torch.zeros(2), {}, AssertionError, CLOSE),
    (ONES, torch.ones(3), {}, AssertionError, "The values for attribute 'shape' do not match: torch.Size([2]) != torch.Size([3])."),
    (ONES, ONES.double(), {}, AssertionError, "The values for attribute 'dtype' do not match: "),
    (torch.ones(2, 3), torch.ones(3, 2).t(), {"check_stride": True}, AssertionError, "The values for attribute 'stride()' do not"),
    (1, 2, {}, AssertionError, "Scalars are not equal!\n\nExpected 2 but got 1.\nAbsolute difference: 1\nRelative difference: 0.5"),
    (1.0, 2.0, {}, AssertionError, "Scalars are not close!\n\nExpected 2.0 but got 1.0.\nAbsolute difference: 1.0 (up to 1e-07"),
    (1, 1.0, {}, AssertionError, "The (d)types do not match: <class 'int'> != <class 'float'>."),
    (True, False, {}, AssertionError, "Booleans mismatch: True is not False"),
    (None, 1, {}, AssertionError, "None mismatch: None is not 1"),
    ([[1, [2, 3]]], [[1, [2, 4]]], {}, AssertionError, "The failure occurred for item [0][1][1]"),
    ([1, 2], [1], {}, AssertionError, "The length of the sequences mismatch: 2 != 1"),
    ({"a": 1}, {"b": 1}, {}, AssertionError, "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\n"
                                             "Additional keys in the actual mapping: ['a']"),
    ({"a": ONES}, {"a": ONES + 1}, {}, AssertionError, "The failure occurred for item ['a']"),
    (torch.tensor([1, 2]), torch.tensor([1, 5]), {}, AssertionError,
     "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
     "Greatest absolute difference: 3 at index (1,)\nGreatest relative difference: 0.6000000238418579 at index (1,)"),
    (NAN, NAN, {}, AssertionError, "Scalars are not close!\n\nExpected nan but got nan.\nAbsolute difference: nan (up to 1e-05"),
    (torch.ones(1), torch.tensor([float("inf")]), {}, AssertionError, "Greatest absolute difference: inf at index (0,)"),
    (ONES.bfloat16(), ONES.bfloat16() * 1.1, {}, AssertionError, "Greatest absolute difference: 0.1015625 at index (0,) "),
    (np.ones(2), ONES, {}, TypeError, "No comparison pair was able to handle inputs of type <class 'numpy.ndarray'> and <class"),
    (ONES, [1.0, 1.0], {}, TypeError, "No comparison pair was able to handle inputs of type"),
    ("a", "a", {}, TypeError, "No comparison pair was able to handle inputs of type <class 'str'> and <class 'str'>."),
    (torch.nn.Parameter(ONES), ONES, {"allow_subclasses": False}, TypeError, "No comparison pair was able to handle inputs"),
    (ONES, ONES, {"rtol": 1}, ValueError, "Both 'rtol' and 'atol' must be either specified or omitted, but got no atol."),
    (1, 2, {"msg": lambda text: "so: " + text[:7]}, AssertionError, "so: Scalars"), ([1], [2], {"msg": "no"}, AssertionError, "no"),
]


@pytest.mark.parametrize(("actual", "expected", "options", "error", "text"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_what_differs(actual: Any, expected: Any, options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        assert_close(actual, expected, **options)


def test_what_agrees() -> None:
    for actual, expected, options in (
            (ONES, torch.nn.Parameter(torch.ones(2)), {}), (ONES, ONES.double(), {"check_dtype": False}), (None, None, {}),
            (np.ones(2), np.ones(2), {}), (NAN, NAN, {"equal_nan": True}), ((1, [ONES]), [1, (ONES,)], {}),
            (1, 2, {"rtol": 0, "atol": 5}), (np.float32(1), 1.0, {}),
            (torch.empty(0), torch.empty(0), {}), (float("inf"), float("inf"), {})):
        assert_close(actual, expected, **options)
    with pytest.warns(FutureWarning, match="`torch.testing.assert_allclose\\(\\)` is deprecated"):
        assert_allclose(ONES, ONES.double())


def test_make_tensor_draws_what_pytorch_draws() -> None:
    torch.manual_seed(0)
    for dtype, expected in ((torch.float32, [-0.06738138198852539, 4.8279924392700195, -7.407406330108643]),
                            (torch.float64, [-7.987604689721743, -7.692665191699413, -5.911954104525403]),
                            (torch.int64, [-5, 4, -8]), (torch.int8, [-6, -2, 7]), (torch.uint8, [6, 6, 8]),
                            (torch.bool, [0, 1, 0]),
                            (torch.complex64, [7.473491668701172 - 1.8522015810012817j, 6.734806060791016 - 1.4506502151489258j,
                                               0.9523268938064575 + 8.149286270141602j])):
        assert make_tensor((3,), dtype=dtype, device="cpu").tolist() == expected
    torch.manual_seed(0)
    x = make_tensor(3, dtype=torch.float32, device="cpu", noncontiguous=True, requires_grad=True)
    assert x.stride() == (2,) and x.storage_offset() == 1 and x.is_leaf and x.requires_grad and round(x[0].item(), 4) == 4.828
    assert make_tensor((4,), dtype=torch.int64, device="cpu", low=0, high=1, exclude_zero=True).tolist() == [1, 1, 1, 1]
    big = make_tensor((2,), dtype=torch.float32, device="cpu", low=-float("inf"), high=float("inf"))
    assert big.isfinite().all() and big.abs().max() > 1e30


@pytest.mark.parametrize(("options", "text"), [
    ({"dtype": torch.int64, "low": 5, "high": 5}, "`low` must be less than `high`, but got 5 >= 5"),
    ({"dtype": torch.int64, "requires_grad": True}, "`requires_grad=True` is not supported for boolean and integral dtypes"),
    ({"dtype": torch.float32, "low": float("nan")}, "`low` and `high` cannot be NaN, but got low=nan and high=9"),
    ({"dtype": torch.int8, "low": 200, "high": 300}, "The value interval specified by `low` and `high` is [200, 300), but"),
    ({"dtype": torch.float32, "noncontiguous": True, "memory_format": torch.contiguous_format}, "The parameters `noncontiguous`"),
])
def test_make_tensor_refuses(options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        make_tensor((2, 2), device="cpu", **options)
