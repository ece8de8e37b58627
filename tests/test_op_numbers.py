"""Numbers that an operand's dtype does not hold, signed zeros of complex numbers, the least numbers, NaN in products and orders.

In: calls whose facts are PyTorch's (2.13, on the CPU).  Out: the same values and refusals.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import torchish as torch

INF, NAN = math.inf, math.nan
BYTES, SMALL = torch.tensor([1, 200], dtype=torch.uint8), torch.tensor([1, -100], dtype=torch.int8)


@pytest.mark.parametrize("number", [300, -3, 256, 2 ** 40])
def test_quotients_of_integers_are_divided_as_floats(number: int) -> None:
    """The number is a float before it is an integer of the other's dtype, which does not hold it."""
    for x in (BYTES, SMALL):
        expected = np.asarray(x.tolist(), np.float32) / np.float32(number)
        for found in (x / number, torch.div(x, torch.tensor(number)), torch.true_divide(x, number)):
            assert found.dtype is torch.float32 and np.array_equal(found.numpy(), expected)
    assert (300 / BYTES).tolist() == [300, 1.5] and torch.div(BYTES, 300, rounding_mode="floor").tolist() == [0, 4]


def test_divisors_that_change_are_floats_too() -> None:
    assert [(BYTES / n)[1].item() for n in (100, 400, 500, 800)] == pytest.approx([2, 0.5, 0.4, 0.25])


def test_powers_of_integers() -> None:
    assert torch.float_power(BYTES, -3).tolist() == pytest.approx([1, 1.25e-7])
    assert torch.ldexp(BYTES, torch.tensor(300)).tolist() == [INF, INF]
    for exponent, text in ((-1, "Integers to negative integer powers are not allowed"), (300, "value cannot be converted to type")):
        for call in (lambda n: BYTES ** n, lambda n: SMALL.clone().pow_(n), lambda n: torch.pow(SMALL, n)):
            with pytest.raises(RuntimeError, match=text):
                call(exponent)
    assert (BYTES ** torch.tensor(-1)).tolist() == [1, 0]      # of a tensor that is not asked


def test_exponents_without_an_integer_part() -> None:
    x = torch.tensor([0.5, 1.0, 2.0])
    assert (x ** INF).tolist() == [0, 1, INF] and x.clone().pow_(-INF).tolist() == [INF, 1, 0]
    assert torch.isnan(x ** NAN).tolist() == [True, False, True] and (SMALL ** INF).tolist() == [1, INF]


def test_powers_of_bools() -> None:
    b = torch.tensor([True, False])
    assert (b ** True).tolist() == [True, False] and (b ** False).tolist() == [True, True]
    with pytest.raises(NotImplementedError, match="\"pow\" not implemented for 'Bool'"):
        b ** b


@pytest.mark.parametrize("value", [-1.5, -0.5, 255.5])
def test_floats_that_bytes_do_not_hold_fill_none(value: float) -> None:
    for call in (lambda: torch.full((2,), value, dtype=torch.uint8), lambda: BYTES.clone().fill_(value),
                 lambda: BYTES.masked_fill(BYTES > 1, value)):
        with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without overflow"):
            call()
    assert torch.full((2,), -1, dtype=torch.uint8).tolist() == [255, 255]


def test_least_common_multiples_keep_the_low_bits() -> None:
    assert torch.lcm(torch.tensor([-127, 12], dtype=torch.int8), torch.tensor([-100, 18], dtype=torch.int8)).tolist() == [-100, 36]


def test_quotients_of_half_types_are_rounded_before_they_are_cut_off() -> None:
    x, y = torch.tensor([1.0, 2.5]).bfloat16(), torch.tensor([0.1, 0.1]).bfloat16()
    assert torch.div(x, y, rounding_mode="trunc").tolist() == [10, 25]
    assert torch.div(x, 0.1, rounding_mode="trunc").tolist() == torch.div(x, y[:1], rounding_mode="trunc").tolist() == [9, 24]


def test_complex_numbers_are_true_by_either_part() -> None:
    x = torch.tensor([[5j, 1], [0, 1j]])
    assert x.any(1).tolist() == [True, True] and x.all(1).tolist() == [True, False] and x[0].all().item()
    assert not torch.zeros(2, dtype=torch.complex64).any()


@pytest.mark.parametrize("name", ["sqrt", "asin", "acos", "atan", "asinh", "acosh", "atanh"])
def test_signs_of_zeros_tell_the_side_of_a_cut(name: str) -> None:
    z = np.array([complex(-2, 0.0), complex(-2, -0.0), complex(3, 0.0), complex(3, -0.0), complex(0.0, 2), complex(-0.0, 2),
                  complex(0.0, -3), complex(-0.0, -3)])
    expected = getattr(np, name.replace("a", "arc", 1) if name != "sqrt" else name)(z)
    found = getattr(torch.from_numpy(z), name)().numpy()
    assert np.allclose(found.real, expected.real) and np.allclose(found.imag, expected.imag)


def test_powers_of_two_at_infinity() -> None:
    found = torch.exp2(torch.tensor([complex(INF, 0), complex(-INF, 0), 3 + 0j]))
    assert found.dtype is torch.complex64 and found.tolist() == [complex(INF, 0), 0, pytest.approx(8)]


def test_mantissas_of_the_least_half_numbers() -> None:
    x = torch.tensor([6e-8, 1e-5, 1.0], dtype=torch.float16)
    mantissa, exponent = torch.frexp(x)
    assert mantissa.tolist() == [0.5, 0.65625, 0.5] and exponent.tolist() == [-23, -16, 1]


def test_different_elements_are_in_order_beside_nan() -> None:
    x = torch.tensor([2, NAN, -1, INF, 1e30, 2]).bfloat16()
    values, counts = x.unique(return_counts=True)
    assert values.dtype is torch.bfloat16 and values[:4].tolist() == [-1, 2, pytest.approx(1e30, rel=1e-2), INF]
    assert torch.isnan(values[4]) and counts.tolist() == [1, 2, 1, 1, 1]


@pytest.mark.parametrize("data, grad", [([[2.0], [NAN], [3.0]], [NAN, 12.0, NAN]), ([[NAN], [NAN], [3.0]], [NAN, NAN, NAN]),
                                        ([[0.0], [4.0], [3.0]], [24.0, 0.0, 0.0])])
def test_the_gradient_of_a_product_is_that_of_the_others(data: Any, grad: list) -> None:
    x = torch.tensor(data, requires_grad=True)
    torch.segment_reduce(x, "prod", lengths=torch.tensor([3]), initial=2).sum().backward()
    assert np.array_equal(x.grad.flatten().numpy(), np.float32(grad), equal_nan=True)


def test_extremes_over_no_dim_are_over_all() -> None:
    x = torch.tensor([[1.0, 5.0], [-2.0, 3.0]])
    assert x.amax(dim=None).item() == 5 and torch.amin(x, None, True).tolist() == [[-2]]
    with pytest.raises(RuntimeError, match="Expected reduction dim to be specified"):
        torch.zeros(0).amax(None)


def test_norms_that_change_limit_slices() -> None:
    x = torch.ones(2, 4)
    assert [torch.renorm(x, 2, 0, n)[0, 0].item() for n in (1, 1.5, 0.5, 3)] == pytest.approx([0.5, 0.75, 0.25, 1])


@pytest.mark.parametrize(("expression", "expected"), [
    ("h * -1e9", [-0.0, -INF, -INF, -10016.0]), ("h * torch.tensor(1e5)", [0.0, INF, INF, 1.0009765625]),
    ("h / 1e5", [0.0, 1.0013580322265625e-05, 0.0010004043579101562, 0.0]), ("1e5 / h", [INF, INF, 1000.0, INF]),
    ("h.clone().mul_(1e-8)", [0.0, 0.0, 1.0132789611816406e-06, 0.0]), ("h // 1e-8", [0.0, INF, INF, 1001.0]),
    ("b * 1e5", [0.0, 99840.0, 10027008.0, 1.0]), ("b / 3e-8", [0.0, 33292288.0, 3338665984.0, 334.0]),
    ("F.leaky_relu(-b, 3e-8)", [-0.0, -3.003515303134918e-08, -2.995133399963379e-06, -3.0020430585864233e-13]),
    ("torch.add(h, h, alpha=0.3)", [0.0, 1.2998046875, 130.0, 1.2993812561035156e-05])])
def test_numbers_beside_half_types_are_not_rounded(expression: str, expected: list[float]) -> None:
    numbers = [0.0, 1.0, 100.0, 1e-5]
    h, b = torch.tensor(numbers, dtype=torch.float16), torch.tensor(numbers, dtype=torch.bfloat16)
    found = eval(expression, {"torch": torch, "h": h, "b": b, "F": torch.nn.functional})
    assert found.tolist() == expected and found.dtype in (h.dtype, b.dtype)


def test_half_types_are_rounded_once() -> None:
    x = torch.tensor([-2.7, -0.4, 0.3, 1.9], dtype=torch.bfloat16)
    F = torch.nn.functional
    for f in (torch.sigmoid, torch.expm1, torch.tan, torch.asinh, torch.rad2deg, F.hardsigmoid, F.hardswish, F.softshrink):
        assert f(x).tolist() == f(x.float()).bfloat16().tolist()


def test_complex_sums_are_as_exact_as_real_ones() -> None:
    x = (torch.ones(64, 32, 16, 16) * (torch.arange(32) / 32).reshape(32, 1, 1)).to(torch.complex64)
    assert x.sum().item() == 253952 and x.mean().item() == 0.484375 and x.sum((0, 2, 3))[-1].item() == 15872


def test_quotients_of_quotients_neither_vanish_nor_overflow() -> None:
    """In one program each is divided by its own divisor, also in the gradient."""
    x, tiny, small, large = torch.zeros(4), torch.full((4,), 2.0 ** -126), torch.full((4,), 1e-25), torch.full((4,), 1e25)
    assert (x / 0.05 / tiny).tolist() == [0.0] * 4 and (x / tiny / torch.full((4,), 0.05)).tolist() == [0.0] * 4
    assert (torch.full((4,), 1e-30) / small / small).tolist() == pytest.approx([1e20] * 4)
    assert (torch.full((4,), 1e30) / large / large).tolist() == pytest.approx([1e-20] * 4)
    assert (large / (small / large)).isinf().all() and (large / (large / small)).tolist() == pytest.approx([1e-25] * 4)
    w = torch.full((4,), 1e-30, requires_grad=True)
    (w / large / large * 1e30).sum().backward()
    assert w.grad.tolist() == pytest.approx([1e-20] * 4)
    y = torch.tensor([NAN, INF, -INF, 0.0]) / torch.tensor([1.0, INF, 2.0, -1.0])
    assert str((y / 2).tolist()) == "[nan, nan, -inf, -0.0]"


def test_the_error_function_stays_within_one() -> None:
    x = torch.linspace(3.6, 4.0, 4001, requires_grad=True)
    y = torch.erf(torch.cat([x, -x]))
    assert y.max().item() == 1 and y.min().item() == -1 and (y[:4001] == -y[4001:]).all()
    assert (torch.erf(torch.tensor([3.92, 6.0, INF, -3.92, -INF])).tolist()) == [1, 1, 1, -1, -1]
    assert torch.erf(torch.tensor([NAN, -0.0])).tolist()[0] != 0 and math.copysign(1, torch.erf(torch.tensor(-0.0)).item()) == -1
    y[:4001].sum().backward()           # the slope does not end where the value has come to 1
    assert np.allclose(x.grad.numpy(), 2 / math.sqrt(math.pi) * np.exp(-x.detach().numpy() ** 2), rtol=1e-4, atol=0)
    assert torch.nn.functional.gelu(torch.tensor([-5.7])).item() == 0
