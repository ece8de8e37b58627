"""Casts between kinds of numbers, and what an op refuses of values and of derivatives.

In: calls whose facts are PyTorch's (2.13, on the CPU).  Out: the same values, error classes and first sentences.
"""
from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import torchish as torch

INF, NAN = math.inf, math.nan
ODD = [NAN, INF, -INF, 300.7, -300.7, 1e20, -1e20, 2.5e9]
LEAST32, LEAST64 = -2 ** 31, -2 ** 63
CAST = {torch.int8: [0, 0, 0, 44, -44, 0, 0, 0], torch.uint8: [0, 0, 0, 44, 212, 0, 0, 0],
        torch.int16: [0, 0, 0, 300, -300, 0, 0, 0], torch.uint16: [0, 0, 0, 300, 65236, 0, 0, 0],
        torch.int32: [*[LEAST32] * 3, 300, -300, *[LEAST32] * 3],
        torch.int64: [*[LEAST64] * 3, 300, -300, LEAST64, LEAST64, 2500000000],
        torch.uint64: [2 ** 63, 0, 2 ** 63, 300, 2 ** 64 - 300, 0, 2 ** 63, 2500000000]}


@pytest.mark.parametrize("dtype", CAST, ids=str)
def test_floats_that_no_integer_holds(dtype: torch.dtype) -> None:
    """They are the least integer of the processor's instruction, cut to the width; all ways of casting agree."""
    for x in (torch.tensor(ODD), torch.tensor(ODD, dtype=torch.float64)):
        assert x.to(dtype).tolist() == CAST[dtype]
        assert torch.zeros(8, dtype=dtype).copy_(x).tolist() == CAST[dtype]
        written = torch.zeros(8, dtype=dtype)
        written[:] = x
        assert written.tolist() == CAST[dtype]
    assert torch.tensor([1.5, INF]).half().to(dtype).tolist() == [1, CAST[dtype][0] if dtype is not torch.uint64 else 0]


def test_sums_and_indexed_writes_cast_alike() -> None:
    x = torch.tensor([-1.5, 300.0])
    assert x.sum(dtype=torch.uint8).item() == 43 and x.cumsum(0, dtype=torch.uint8).tolist() == [255, 43]
    bytes_ = torch.zeros(3, dtype=torch.uint8)
    bytes_[torch.tensor([True, False, True])] = torch.tensor(-2.0)
    assert bytes_.tolist() == [254, 0, 254]


def said(call: Callable, error: type[Exception]) -> str:
    with pytest.raises(error) as found:
        call()
    return str(found.value)


def test_index_put_takes_values_of_its_own_dtype() -> None:
    a, first, mask = torch.zeros(3), torch.tensor([0]), torch.tensor([True, False, True])
    for value in (torch.tensor(1), torch.tensor([1]), torch.tensor(1.0, dtype=torch.float64)):
        for call in (lambda v=value: a.index_put((first,), v), lambda v=value: a.index_put_((first,), v, accumulate=True)):
            assert said(call, RuntimeError).startswith("Index put requires the source and destination dtypes match, got Float for")
    # one value at the places of one mask is a fill
    assert a.index_put((mask,), torch.tensor([[2]])).tolist() == [2.0, 0.0, 2.0]
    assert a.index_put_((mask,), torch.tensor(3)).tolist() == [3.0, 0.0, 3.0]
    with pytest.raises(RuntimeError, match="^Index put requires"):
        a.index_put((mask,), torch.tensor([1, 2]))
    for index in (first.to(torch.int16), first.to(torch.int8), first.to(torch.uint16), first * 1.0):
        assert said(lambda i=index: a[i], IndexError) == "tensors used as indices must be long, int, byte or bool tensors"
        assert said(lambda i=index: a.index_put((i,), a[:1]), IndexError).startswith("tensors used as indices must be long")


def test_levels_of_quantiles_and_ranges_of_histograms_are_looked_at() -> None:
    y = torch.arange(12.0).reshape(3, 4)
    for levels in ([0.5, 1.2], [-0.1], [NAN]):
        for f in (torch.quantile, torch.nanquantile):
            assert said(lambda f=f, q=levels: f(y, torch.tensor(q), 1), RuntimeError) == \
                "quantile() q values must be in the range [0, 1]"
    assert said(lambda: torch.quantile(y, [0.1]), TypeError).startswith(        # type: ignore[arg-type]
        "quantile() received an invalid combination of arguments - got (Tensor, list)")
    for data, found in (([1.0, NAN], "[nan, nan]"), ([1.0, INF], "[1, inf]")):
        x = torch.tensor(data)
        assert said(lambda x=x: torch.histc(x, 4), RuntimeError) == f"torch.histc: range of {found} is not finite"
        assert said(lambda x=x: torch.histogram(x, 4), RuntimeError) == \
            f"torch.histogramdd: dimension 0's range {found} is not finite"
        assert torch.histc(x, 4, 0, 4).tolist() == [0, 1, 0, 0]


def test_max_and_min_take_one_of_three_forms() -> None:
    y = torch.arange(6.0).reshape(2, 3)
    for name in ("max", "min"):
        f = getattr(torch, name)
        for call, got in ((lambda f=f: f(y, keepdim=True), "Tensor, keepdim=bool"), (lambda f=f: f(y, 1.0), "Tensor, float"),
                          (lambda f=f: f(y, (0, 1)), "Tensor, tuple"), (lambda f=f: f(y, True), "Tensor, bool"),
                          (lambda f=f: f(y, 0, other=y), "Tensor, int, other=Tensor")):
            assert said(call, TypeError).startswith(f"{name}() received an invalid combination of arguments - got ({got}), but")
    assert torch.max(y, torch.tensor(2)).tolist() == [[2, 2, 2], [3, 4, 5]]     # a tensor is no dimension
    assert torch.max(y, axis=0).indices.tolist() == [1, 1, 1] and torch.min(y, other=y).tolist() == y.tolist()


def test_tensors_of_places_are_not_for_hsplit() -> None:
    x = torch.arange(8).reshape(2, 4)
    for f in (torch.hsplit, torch.vsplit):
        assert said(lambda f=f: f(x, torch.tensor([1, 2])), TypeError).startswith(
            f"{f.__name__}() received an invalid combination of arguments - got (Tensor, Tensor)")
        assert len(f(x, torch.tensor(2))) == 2


UNDERIVED = [
    (torch.igamma, "input", NotImplementedError, "the derivative for 'igamma: input' is not implemented."),
    (torch.igammac, "input", NotImplementedError, "the derivative for 'igammac: input' is not implemented."),
    (torch.special.zeta, "input", NotImplementedError, "the derivative for 'zeta' is not implemented."),
    (torch.floor_divide, "both", RuntimeError, "derivative for aten::floor_divide is not implemented"),
    (torch.heaviside, "both", RuntimeError, "derivative for aten::heaviside is not implemented"),
]


@pytest.mark.parametrize(("f", "which", "error", "words"), UNDERIVED, ids=lambda v: getattr(v, "__name__", ""))
def test_derivatives_that_are_not_implemented(f: Callable, which: str, error: type[Exception], words: str) -> None:
    """The backward is refused where it is asked for, on the open tape and through a graph that has been computed."""
    for observed in (False, True):
        a, b = torch.tensor([1.5, 2.5], requires_grad=True), torch.tensor([1.2, 3.5], requires_grad=True)
        y = f(a, b) * 2
        if observed:
            y.tolist()
        assert said(lambda y=y: y.sum().backward(), error) == words and a.grad is None and b.grad is None
        if which == "input":        # nothing is asked of the first operand here
            assert torch.autograd.grad(f(a, b).sum(), b)[0].shape == (2,)
            f(a.detach(), b).sum().backward()
            assert b.grad is not None
        else:
            assert f(a, b).grad_fn.name() == "NotImplemented"
    (f(a, b).detach() * a).sum().backward()
    assert a.grad is not None


def test_the_order_of_the_minor_that_fails() -> None:
    a = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)
    a[1, 3, 3], a[2, 1, 1], a[3, 0, 1], a[3, 1, 0] = 0.0, -1.0, 2.0, 2.0
    for x in (a, a.float(), a.to(torch.complex64)):
        assert torch.linalg.cholesky_ex(x).info.tolist() == [0, 4, 2, 2]
        assert torch.linalg.cholesky_ex(x, upper=True).info.tolist() == [0, 4, 2, 2]
    assert torch.linalg.cholesky_ex(a[1]).info.item() == 4 and torch.linalg.cholesky_ex(a[0]).info.item() == 0
    assert torch.linalg.cholesky_ex(torch.full((2, 2), NAN)).info.item() == 1
    assert torch.linalg.cholesky_ex(torch.zeros(3, 0, 0)).info.tolist() == [0, 0, 0]


def test_factors_of_addr() -> None:
    m, v = torch.ones(2, 2), torch.ones(2)
    for name in ("beta", "alpha"):
        assert said(lambda n=name: torch.addr(m, v, v, **{n: True}), RuntimeError) == \
            f"Boolean {name} only supported for Boolean results."
        assert said(lambda n=name: torch.addr(m.long(), v.long(), v.long(), **{n: 1j}), RuntimeError) == \
            f"For integral input tensors, argument {name} must not be a floating point number."
    assert torch.addr(m.bool(), v.bool(), v.bool(), beta=True, alpha=False).all()


def test_different_slices_where_some_are_not_numbers() -> None:
    values, inverse, counts = torch.unique(torch.tensor([NAN, 0, 0, NAN, 1]), dim=0, return_inverse=True, return_counts=True)
    assert str(values.tolist()) == "[nan, nan, 0.0, 1.0]" and inverse.tolist() == [0, 2, 2, 1, 3]
    assert counts.tolist() == [1, 1, 2, 1]
    rows = torch.tensor([[1, NAN], [0, 2], [0, 2], [1, 0]])
    for x, dim in ((rows, 0), (rows.t(), 1)):
        values, inverse = torch.unique(x, dim=dim, return_inverse=True)
        assert str((values if dim == 0 else values.t()).tolist()) == "[[0.0, 2.0], [1.0, nan], [1.0, 0.0]]"
        assert inverse.tolist() == [1, 0, 0, 2]


def test_condition_numbers_by_the_nuclear_norm() -> None:
    a = torch.eye(3).repeat(2, 1, 1)
    a[1, 2, 2] = 0
    assert torch.linalg.cond(a, "nuc").tolist() == [9, INF]
    x = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    found = torch.linalg.cond(x, "nuc")
    found.backward()
    assert found.item() == pytest.approx(4.5) and x.grad is not None
    assert torch.allclose(x.grad, torch.diag(torch.tensor([0.75, -1.5])))
    assert torch.sort(torch.tensor([2, 1]), stable=None).indices.tolist() == [1, 0]


def test_further_refusals() -> None:
    v = torch.ones(2)
    for places in ([0, -1], [0, 2]):
        assert said(lambda p=places: torch.searchsorted(v, v, sorter=torch.tensor(p)), RuntimeError) == \
            "torch.searchsorted(): sorter index out of range"
    assert torch.searchsorted(torch.tensor([3.0, 1.0]), v * 2, sorter=torch.tensor([1, 0])).tolist() == [1, 1]
    assert said(lambda: torch.allclose(v, v, atol=-1), RuntimeError) == "atol must be greater than or equal to zero, but got -1"
    assert said(lambda: torch.allclose(v, v, rtol=-0.5), RuntimeError) == "rtol must be greater than or equal to zero, but got -0.5"
    for name in ("trapezoid", "cumulative_trapezoid"):
        assert said(lambda n=name: getattr(torch, n)(v, v, dx=1), TypeError).startswith(
            f"{name}() received an invalid combination of arguments - got (Tensor, Tensor, dx=int)")
    assert said(lambda: torch.linalg.tensorsolve(torch.eye(2), torch.ones(3)), RuntimeError) == (
        "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got 2 != 3")


def test_quotients_of_what_is_broadcast_are_rounded_once() -> None:
    """XLA multiplies by reciprocals of what is broadcast; then a quotient that is a whole number may come out below it."""
    steps = torch.arange(1, 200, dtype=torch.float32)
    tenths = steps / 10
    for mode in ("trunc", "floor"):
        assert torch.equal(torch.div((steps * 3)[:, None], steps, rounding_mode=mode).diagonal(), torch.full((199,), 3.0))
    for x in (steps, steps.double()):
        y = x.flip(0)
        each = torch.stack([x / d.item() for d in y], 1)
        assert torch.equal(x[:, None] / y, each) and torch.equal(y / x[:, None], (y[:, None] / x).t())
    assert (5.0 // tenths).tolist()[:5] == [49, 24, 16, 12, 10] and ((tenths[:, None] // tenths).diagonal() == 1).all()
    edges = torch.tensor([-0.0, 0.0, INF, NAN, 1.0])
    assert [str(v) for v in (edges // torch.tensor([2.0])).tolist()] == ["-0.0", "0.0", "nan", "nan", "0.0"]
    assert [str(v) for v in (edges // 0.0).tolist()] == ["nan", "nan", "inf", "nan", "inf"]
    assert (torch.tensor([-7.0, 7.0]) // torch.tensor([[2.0], [-2.0]])).tolist() == [[-4, 3], [3, -4]]


def test_the_number_after_infinity() -> None:
    most = torch.finfo(torch.float32).max
    x, y = torch.tensor([INF, -INF, INF, 0.0, 1.0], requires_grad=True), torch.tensor([0.0, 1.0, INF, -0.0, NAN])
    found = torch.nextafter(x, y)
    assert [str(v) for v in found.tolist()] == [str(most), str(-most), "inf", "-0.0", "nan"]
    found.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 0, 0, 1]


def slopes(f: Callable, *values: list) -> list:
    xs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    f(*xs).sum().backward()
    return [x.grad.tolist() for x in xs]        # type: ignore[union-attr]


def test_gradients_where_an_operand_is_not_a_number() -> None:
    """maximum and minimum hand the gradient to both operands, a limited NaN gets none."""
    for f in (torch.maximum, torch.minimum):
        assert slopes(f, [NAN, 1, NAN, 2], [1, NAN, NAN, 2]) == [[1, 1, 1, 0.5], [1, 1, 1, 0.5]]
    assert slopes(torch.maximum, [1, 5], [3, 3]) == [[0, 1], [1, 0]] and slopes(torch.minimum, [1, 5], [3, 3]) == [[1, 0], [0, 1]]
    assert slopes(lambda x: x.clamp(-1, 1), [NAN, -1, 1, 2, 0]) == [[0, 1, 1, 0, 1]]
    assert slopes(lambda x, y: x.clamp(min=y), [NAN, 1, 0, 2], [0, NAN, 1, 1]) == [[0, 0, 0, 1], [0, 0, 1, 0]]
    assert slopes(lambda x, y: x.clamp_max(y), [NAN, 1, 0, 2], [0, NAN, 1, 1]) == [[0, 0, 1, 0], [0, 0, 0, 1]]
    assert str(torch.tensor([NAN, 1.0]).clamp(torch.tensor(0.0), torch.tensor([1.0, NAN])).tolist()) == "[nan, nan]"
    assert torch.maximum(torch.tensor([1, 3]), torch.tensor([[2], [3]])).tolist() == [[2, 3], [3, 3]]


def test_directions_and_angles_of_zero_stay() -> None:
    z = torch.tensor([0j, 3 + 4j], dtype=torch.complex128, requires_grad=True)
    (torch.sgn(z).real + torch.angle(z)).sum().backward()
    assert z.grad is not None and z.grad[0].item() == 0
    assert z.grad[1].item() == pytest.approx((16 - 12j) / 125 + (-4 + 3j) / 25)
    assert torch.angle(torch.tensor([0j, -1 + 0j, complex(-0.0, 0.0)])).tolist() == pytest.approx([0, math.pi, math.pi])


def test_factors_by_qr_that_have_no_derivative() -> None:
    for shape, mode, words in (((2, 2), "r", "The derivative of linalg.qr depends on Q, which is not computed when mode='r'"),
                               ((3, 2), "complete", "The QR decomposition is not differentiable when mode='complete' and nrows >")):
        x = torch.arange(float(shape[0] * shape[1])).reshape(shape).requires_grad_()
        r = torch.linalg.qr(x, mode=mode).R
        assert said(lambda r=r: r.sum().backward(), RuntimeError).startswith(words)
    torch.linalg.qr(x.detach()[:2].requires_grad_(), mode="complete").R.sum().backward()


def test_tensors_without_elements_have_none_twice() -> None:
    x = torch.zeros(0, 3, 4).as_strided((0, 3, 4), (0, 0, 1))
    assert x.stride() == (0, 0, 1) and x.uniform_().shape == x.add_(1).shape == (0, 3, 4)
    assert torch.testing.make_tensor((2, 0, 3), dtype=torch.complex128, device="cpu", low=-1, high=1).shape == (2, 0, 3)
