"""Operands whose values are known are looked at: division of integers by zero, masks, places; and where `out=` may lie.

The expected texts are PyTorch's.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

import torchish as torch

ZERO = "ZeroDivisionError"
TOO_FEW = "Number of elements of source < number of ones in mask"
SHARED = "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location."
IN_SELF = "index out of range in self"


def _operands() -> dict:
    return {"t": torch, "d": torch.arange(6.), "m": torch.arange(6.).reshape(2, 3), "i": torch.tensor([3, -4, 5]),
            "z": torch.tensor([1, 0, 2]), "f": torch.tensor([1., 2.]), "b": torch.tensor([False, True] * 3),
            "far": torch.tensor([7]), "no": torch.zeros(0, dtype=torch.int64), "n8": torch.tensor([1, 0, 2], dtype=torch.int8)}


@pytest.mark.parametrize(("error", "text", "expressions"), [
    (RuntimeError, ZERO, "i//0|i//z|i%0|i%z|5//z|i//False|i//t.tensor(0)|i.fmod(z)|i.remainder(0)|t.remainder(5, z)|i.bool()//0|"
                         "i.to(t.uint8)//0|n8%n8|t.div(i, z, rounding_mode='floor')|t.div(i, 0, rounding_mode='trunc')|"
                         "i.floor_divide_(0)|i.remainder_(z)|i//t.zeros_like(i)"),
    (RuntimeError, TOO_FEW, "d.masked_scatter(b, f)|d.masked_scatter_(b, f)|m.masked_scatter(t.tensor([True, False, True]), f)"),
    (RuntimeError, SHARED, "t.sin(d[:3], out=d[1:4])|t.add(d[:3], d[1:4], out=d[:3])|t.sin(d, out=d[:3])|"
                           "t.eq(d[:3], 1, out=d[1:4])|"
                           "t.mul(d[:4].reshape(2, 2), 2, out=d[:4].reshape(2, 2).t())|t.cumsum(d[:3], 0, out=d[1:4])|"
                           "t.where(b[:3], d[:3], 0., out=d[1:4])|t.bitwise_not(i[:2], out=i[1:])|"
                           "t.masked_select(d, b, out=d)|t.masked_select(d, b, out=d[:3])"),
    (IndexError, IN_SELF, "d.index_add(0, far, f[:1])|d.index_add_(0, t.tensor([-1]), f[:1])|d[0].index_select(0, far)"),
    (RuntimeError, "index 7 is out of bounds for dimension 0 with size 2", "m.index_add(0, far, m[:1])"),
    (IndexError, "index 7 is out of bounds for dimension 0 with size 1", "d[0].index_fill(0, far, 1.)"),
    (TypeError, "argument 'generator' must be torch.Generator, not int",
     "t.rand(2, generator=5)|t.randperm(2, generator=5)|t.bernoulli(f/3, generator=5)|t.poisson(f, generator=5)"),
    (TypeError, "uniform_(): argument 'generator' must be torch.Generator, not int", "d.uniform_(generator=5)"),
    (TypeError, "expected Tensor as element 1 in argument 0, but got NoneType", "m.index_put((z[:1], None), f)"),
    (TypeError, "descriptor '__radd__' for 'torch._C.TensorBase' objects doesn't apply to a 'int' object",
     "t.Tensor.__radd__(2, f)"),
    (TypeError, "descriptor 'add' for 'torch._C.TensorBase' objects doesn't apply to a 'int' object", "t.Tensor.add(2, f)"),
    (RuntimeError, "value cannot be converted to type int64_t without overflow",
     "t.addcmul(i, i, i, value=float('nan'))|t.addcmul(i, i, i, value=1j)"),
    (RuntimeError, "Integer division with addcdiv is no longer supported", "t.addcdiv(f, i[:2], i[:2])|t.addcdiv(i, i, i)"),
    (RuntimeError, "Expected out tensor to have dtype float, but got double instead",
     "t.max(d, 0, out=(d[:0].double(), no))|t.min(d, 0, out=(d[:0].double(), no))|t.norm(d, out=d[:0].double())|"
     "t.svd(m, out=(d[:0].double(), d[:0].double(), d[:0].double()))"),
    (RuntimeError, "mvlgamma: result type Float can't be cast", "t.mvlgamma(d + 3, 2, out=no)"),
    (RuntimeError, "tensordot: Expected the output tensor to have dtype Float, but got an output tensor with dtype Double",
     "t.tensordot(d, d, 1, out=d[:0].double())"),
    (NotImplementedError, "\"nansum_cpu\" not implemented for 'Long'", "t.nansum(d, out=no)"),
])
def test_refusals(error: type[Exception], text: str, expressions: str) -> None:
    """What torch refuses, with its class and its words."""
    for expression in expressions.split("|"):
        with pytest.raises(error) as caught:
            eval(expression, _operands())
        assert text in str(caught.value), expression


@pytest.mark.parametrize(("expression", "expected"), [
    ("d[:3] // z", [0., float("inf"), 1.]), ("no // 0", []), ("no % no", []), ("i / 0 > 0", [True, False, True]),
    ("i // 0. > 0", [True, False, True]),
    ("t.sin(d[:1], out=d[:1])", [0.]), ("t.neg(d[:2], out=d[2:4])", [-0., -1.]),
    ("d.masked_scatter(b, d)", [0., 0., 2., 1., 4., 2.]),
    ("t.addcmul(i, i, i, value=.5)", [3, -4, 5]), ("t.addcmul(i, i, i, value=2.5)", [21, 28, 55]),
    ("t.nansum(d, out=d[:0].double())", 15.), ("t.max(d, out=d[:0].double())", 5.),
])
def test_what_is_taken(expression: str, expected: list) -> None:
    """What lies near it and is no mistake."""
    assert torch.allclose(eval(expression, _operands()).double(), torch.tensor(expected).double(), equal_nan=True)


def test_a_number_that_becomes_zero() -> None:
    """A divisor that was seen to change, and values that come later to an entry that is known."""
    i = torch.tensor([3, -4, 5])
    for n in (3, 2, 1):
        assert (i // n).tolist() == [3 // n, -4 // n, 5 // n]
    with pytest.raises(RuntimeError, match=ZERO):
        [i // n for n in (3, 2, 1, 0)]
    with pytest.raises(RuntimeError, match=ZERO):
        [(i % torch.tensor([n, 2, 3])).tolist() for n in (1, 2, 3, 0)]


@pytest.mark.parametrize("call, refused, expected", [
    (lambda i, n: i // n, 0, {3: [1, -2, 1], 2: [1, -2, 2], 1: [3, -4, 5], 4: [0, -1, 1]}),
    (lambda i, n: i ** n, -1, {3: [27, -64, 125], 2: [9, 16, 25], 1: [3, -4, 5], 4: [81, 256, 625]}),
    (lambda i, n: i.clone().pow_(n), -1, {3: [27, -64, 125], 2: [9, 16, 25], 1: [3, -4, 5], 4: [81, 256, 625]})])
def test_a_number_that_was_refused_is_not_the_next_one(call: Callable, refused: int, expected: dict) -> None:
    for n in (3, 2, refused, 1, refused, 4):
        i = torch.tensor([3, -4, 5])
        if n == refused:
            with pytest.raises(RuntimeError):
                call(i, n)
        else:
            assert call(i, n).tolist() == expected[n]


def test_power_of_zero() -> None:
    """0 ** b: the gradient of b is -inf where b < 0, and 0 elsewhere; a power with numbers is as it was."""
    b = torch.tensor([-1., 0., 2., -.5], requires_grad=True)
    inf = float("inf")
    for power in (lambda: 0. ** b, lambda: torch.zeros(4) ** b, lambda: torch.float_power(torch.zeros(4), b)):
        assert torch.autograd.grad(power().sum(), b)[0].tolist() == [-inf, 0., 0., -inf]
    a = torch.zeros(4, requires_grad=True)
    assert torch.autograd.grad((a ** b.detach()).sum(), a)[0].tolist() == [-inf, 0., 0., -inf]
    x = torch.tensor([2.], requires_grad=True)
    first, = torch.autograd.grad(x ** torch.tensor([3.]), x, create_graph=True)
    assert (first.item(), torch.autograd.grad(first, x)[0].item()) == (12., 12.)


@pytest.mark.parametrize("expression", [
    "f[:1].var()", "f[:1].std(0)", "t.var_mean(f[:1])", "t.std_mean(d[0])", "t.var(d, correction=6)",
    "t.var(d[:0], unbiased=False)", "t.var(m[:, :1], 1)", "t.var(m[:0], 1)"])
def test_degrees_of_freedom(expression: str) -> None:
    """A variance of too few elements is warned of, at the user's line."""
    with pytest.warns(UserWarning, match=r"^(var|std)(_mean)?\(\): degrees of freedom is <= 0. Correction") as seen:
        eval(expression, _operands())
    assert seen[0].filename == "<string>"


def test_degrees_of_freedom_of_cov() -> None:
    """cov warns in words of its own; nothing is said where all is well."""
    with pytest.warns(UserWarning, match=r"^cov\(\): degrees of freedom is <= 0. Correction should be strictly less than"):
        torch.cov(torch.ones(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.cov(torch.ones(2)), torch.ones(1).var(unbiased=False), torch.ones(2, 3).std(1, correction=2)


SINGULAR, INDEFINITE = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 1.0]]
NO_INVERSE = "The diagonal element 2 is zero, the inversion could not be completed because the input matrix is singular."
NO_FACTOR = ("The factorization could not be completed because the input is not positive-definite (the leading minor of order 2 is "
             "not positive-definite).")


@pytest.mark.parametrize(("text", "expression"), [
    ("linalg.inv: " + NO_INVERSE, "L.inv(s)"), ("linalg.inv: " + NO_INVERSE, "s.inverse()"),
    ("linalg.inv: (Batch element 1): " + NO_INVERSE, "L.inv(many)"),
    ("linalg.inv_ex: " + NO_INVERSE, "L.inv_ex(s, check_errors=True)"),
    ("torch.linalg.solve: The solver failed because the input matrix is singular.", "L.solve(s, torch.ones(2))"),
    ("torch.linalg.solve_ex: The solver failed", "L.solve_ex(s, torch.ones(2), check_errors=True)"),
    ("linalg.cholesky: " + NO_FACTOR, "L.cholesky(n)"), ("linalg.cholesky: " + NO_FACTOR, "L.cholesky(n, upper=True)"),
    ("cholesky: " + NO_FACTOR, "torch.cholesky(n)"), ("linalg.cholesky_ex: " + NO_FACTOR, "L.cholesky_ex(n, check_errors=True)")])
def test_matrices_without_inverse_or_factor(text: str, expression: str):
    names = {"torch": torch, "L": torch.linalg, "s": torch.tensor(SINGULAR), "n": torch.tensor(INDEFINITE),
             "many": torch.tensor([[[1.0, 0.0], [0.0, 1.0]], SINGULAR])}
    with pytest.raises(torch.linalg.LinAlgError) as refused:
        eval(expression, names)
    assert str(refused.value).startswith(text)
    with pytest.raises(torch.linalg.LinAlgError):
        eval(expression, names)


def test_a_factor_that_has_a_zero_on_its_diagonal():
    s = torch.tensor(SINGULAR)
    for call in (lambda: torch.linalg.lu_factor(s), lambda: torch.linalg.lu_factor_ex(s, check_errors=True)):
        with pytest.raises(RuntimeError, match=r"U\[2,2\] is zero and using it on lu_solve would result in a division by zero"):
            call()


def test_matrices_that_are_still_to_be_computed_or_large_are_not_refused():
    s = torch.tensor(SINGULAR)
    assert not torch.linalg.inv(s * 1).isfinite().any()
    assert torch.linalg.cholesky(torch.tensor(INDEFINITE) * 1).isnan().any()
    assert torch.linalg.inv_ex(s).info.item() > 0
    assert torch.linalg.inv(torch.zeros(65, 65)).isnan().any()
    assert torch.linalg.cond(s, 1) > 1e6


def test_what_an_op_warns_of_is_said_where_it_is_called() -> None:
    """At the user's line, when the entry is new; not where it is compiled."""
    for n in (3, 4):
        with pytest.warns(UserWarning, match="^Using a target size .* that is different to the input size") as seen:
            loss = torch.nn.functional.mse_loss(torch.ones(n), torch.zeros(n, 1))
        assert [w.filename for w in seen] == [__file__]
        assert loss.item() == 1


def test_numbers_given_as_tensors_are_looked_at_as_numbers():
    x = torch.tensor([0.5, 1.5, 1.0])
    assert x.sum().item() == 3
    assert x.histc(2, 0, torch.tensor(2.)).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="max must be larger than min"):
        x.histc(2, torch.tensor(3.), torch.tensor(2.))
