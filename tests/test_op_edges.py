"""The edges of ops: empty and 0-dim operands, where results lie, `out=` of another size, dtypes that are refused.

In: calls whose facts are PyTorch's.  Out: the same values, strides and refusals.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import torchish as torch
import torchish.nn.functional as F
from torchish import special

A = torch.arange(24.0).reshape(2, 3, 4)
Q = torch.tensor([0.25, 0.75])

STRIDES: list[tuple[Callable[[], Any], tuple[int, ...]]] = [
    (lambda: torch.rot90(A), (4, 12, 1)), (lambda: torch.rot90(A, 2), (12, 4, 1)), (lambda: torch.rot90(A, 3, (1, 2)), (12, 1, 4)),
    (lambda: torch.rot90(A.permute(2, 0, 1), 4), (6, 3, 1)), (lambda: torch.rot90(A.permute(2, 0, 1), 1), (12, 1, 4)),
    (lambda: torch.quantile(A, Q, 1), (1, 8, 2)), (lambda: torch.quantile(A, Q, 0, keepdim=True), (1, 24, 8, 2)),
    (lambda: torch.nanquantile(A, Q), (1,)), (lambda: torch.quantile(A, 0.5, 1), (4, 1)),
    (lambda: torch.stft(torch.ones(2, 40), 8, return_complex=True, window=torch.ones(8)), (105, 1, 5)),
    (lambda: torch.ravel(A[:, :, ::2]), (1,)), (lambda: torch.ravel(A), (1,)),
    (lambda: torch.unsafe_split(A, 2, 1)[1], (12, 4, 1)), (lambda: torch.unsafe_chunk(A.mT, 2, 1)[0], (12, 1, 4)),
    (lambda: A.unsafe_split_with_sizes([1, 3], -1)[0], (12, 4, 1)), (lambda: torch.narrow_copy(A.mT, 1, 0, 2), (6, 3, 1)),
]


def test_where_results_lie() -> None:
    """Strides of copies, and that they are no views."""
    for k, (call, wanted) in enumerate(STRIDES):
        found = call()
        assert found.stride() == wanted, k
        assert found._is_view() == (k == 11), k     # of what lies row by row, ravel is a view
    split = torch.unsafe_split(A.clone().requires_grad_(), 2, 1)
    assert [x.shape[1] for x in split] == [2, 1] and split[0].grad_fn.name() == "UnsafeSplitBackward0"


EMPTY: list[tuple[Callable[[], Any], Any]] = [
    (lambda: torch.nonzero_static(torch.ones(2, 0), size=2), [[-1, -1], [-1, -1]]),
    (lambda: torch.searchsorted(torch.ones(0, 0), torch.ones(0, 0)).shape, (0, 0)),
    (lambda: [x.shape for x in torch.native_group_norm(torch.ones(0, 2), None, None, 0, 2, 1, 1, 1e-5)], [(0, 2), (0, 1), (0, 1)]),
    (lambda: F.one_hot(input=torch.tensor(1)), [0, 1]),
    (lambda: str(torch.ones(2).sum(dtype=float).dtype) + str(torch.ones(2).cumsum(0, dtype=int).dtype), "torch.float64torch.int64"),
    (lambda: torch.addbmm(torch.ones(1, 2), torch.ones(0, 1, 3), torch.ones(0, 3, 2)), [[1, 1]]),
    (lambda: F.cross_entropy(torch.ones(0, 3), torch.ones(0, 3)).isnan().item(), True),
    (lambda: F.cross_entropy(torch.ones(2, 0), torch.ones(2, 0), reduction="none"), [0, 0]),
    (lambda: F.max_unpool2d(torch.ones(0, 2, 1, 3), torch.ones(0, 2, 1, 3, dtype=torch.int64), 3, 2).shape, (0, 2, 3, 7)),
    (lambda: F.instance_norm(torch.ones(0, 3, 4), weight=torch.ones(3)).shape, (0, 3, 4)),
    (lambda: F.adaptive_max_pool2d(torch.ones(0, 4, 4), (2, 3), return_indices=True)[1].shape, (0, 2, 3)),
    (lambda: str(torch.bincount(torch.ones(0, dtype=torch.int16), torch.ones(0), 2)), "tensor([0, 0])"),
    (lambda: torch.view_copy(torch.tensor([[1, 2], [3, 4]]).t(), (4,)), [1, 3, 2, 4]),
    (lambda: F.normalize(torch.tensor(-3.0), dim=0), -1.0),
    (lambda: F.cosine_similarity(torch.tensor(2.0), torch.tensor(-3.0), 0), -1.0),
    (lambda: F.pairwise_distance(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]), -math.inf, 0.0), 0.0),
]


def test_nothing_and_one_number() -> None:
    """Empty and 0-dim operands."""
    for found, (_, wanted) in zip([call() for call, _ in EMPTY], EMPTY, strict=True):
        assert (found.tolist() if isinstance(found, torch.Tensor) else found) == wanted


def test_bytes_are_resized_with_whole_numbers() -> None:
    """Images of bytes: PyTorch's weights are multiples of a power of two, and rows are rounded before columns are resized."""
    x = torch.tensor([[[[0, 100, 255]]]], dtype=torch.uint8)
    assert F.interpolate(x, (1, 6), mode="bilinear").tolist() == [[[[0, 25, 75, 139, 216, 255]]]]
    assert F.interpolate(x, (1, 6), mode="bilinear").dtype is torch.uint8
    x = (torch.arange(35) * 37 % 256).to(torch.uint8).reshape(1, 1, 5, 7)
    assert F.interpolate(x, (2, 3), mode="bilinear").flatten().tolist() == [27, 113, 199, 35, 121, 207]
    assert F.interpolate(x, (2, 3), mode="bicubic", antialias=True).flatten().tolist() == [30, 114, 198, 36, 120, 204]
    assert F.interpolate(x, scale_factor=(1.01, 0.5), mode="bilinear").flatten().tolist() == [
        19, 93, 167, 22, 96, 170, 25, 99, 173, 28, 102, 176, 31, 105, 179]


def test_gradients_at_infinity() -> None:
    """The running log-sum-exp of complex numbers of any size has finite gradients."""
    x = torch.tensor([1e4 + 1j, 1 + 2j, 1e4 - 1j], dtype=torch.complex128, requires_grad=True)
    torch.logcumsumexp(x, 0).real.sum().backward()
    assert x.grad.abs().isfinite().all() and x.grad[1] == 0


def test_einsum_sums_integers_of_one_operand_as_sum_does() -> None:
    rows = torch.ones(2, 3, dtype=torch.uint8)
    assert torch.einsum("ij->i", rows).dtype is torch.einsum("ij,k->k", rows, rows[0]).dtype is torch.int64
    assert torch.einsum("ij,kj->ik", rows, rows).dtype is torch.einsum("ij->ji", rows).dtype is torch.uint8


def test_logarithms_and_products_of_what_is_nearly_nothing() -> None:
    x = torch.tensor([7.5, -12.0], dtype=torch.float64, requires_grad=True)
    y = special.log_ndtr(x)
    assert y.tolist() == pytest.approx([-3.19089167291e-14, -75.41067300157], rel=1e-11)
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == pytest.approx([2.4343205330e-13, 12.082214176], rel=1e-9)
    assert special.erfcx(x.detach())[:1].tolist() == pytest.approx([0.0745736930629], rel=1e-11)
    assert special.erfcx(torch.tensor(5.1, dtype=torch.float64)).item() == pytest.approx(0.1086110263139, rel=1e-11)


def test_slopes_of_entr() -> None:
    """Below 0 there is none, in either mode."""
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    assert math.copysign(1, special.entr(x)[1].item()) == 1
    forward = torch.func.jvp(special.entr, (x.detach(),), (torch.ones(3),))[1]
    for slope in (torch.autograd.grad(special.entr(x).sum(), x)[0], forward):
        assert slope[0].isnan() and slope[1:].tolist() == [math.inf, -1]


def test_group_norm_has_gradients_of_its_statistics() -> None:
    x = torch.arange(6.0).view(1, 2, 3).requires_grad_()
    _, mean, rstd = torch.native_group_norm(x, None, None, 1, 2, 3, 1, 0.0)
    (mean * 6 + rstd * 0).sum().backward()
    assert x.grad.tolist() == [[[1] * 3] * 2]
    assert not any(r.requires_grad for r in torch.native_layer_norm(x, (3,), None, None, 0.0)[1:])


def test_what_takes_no_part_in_the_layout() -> None:
    """index_fill lies as its input, wherever the index comes from; a loss that is reduced has no layout."""
    one = torch.full((1, 3), 0.5)[:, 1]
    assert F.binary_cross_entropy(one, one).item() == pytest.approx(math.log(2))
    index = torch.zeros(1, 3, dtype=torch.int64)[:, 1]
    assert torch.tensor(1.0).index_fill(0, index, 2).item() == 2
    assert torch.zeros(3, 4).t().index_fill(0, index, 2).stride() == (1, 4)


def test_bounds_given_as_tensors_write_other_dtypes() -> None:
    x, out = torch.tensor([1.5, -2.0]), torch.empty(2, dtype=torch.float64)
    assert torch.clamp(x, min=torch.zeros(2), out=out) is out and out.tolist() == [1.5, 0]
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        torch.clamp(x, 0, out=out)


@pytest.mark.parametrize("make", [torch.linspace, torch.logspace])
def test_a_line_takes_the_shape_of_out(make: Any) -> None:
    assert make(0, 1, 4, out=torch.zeros(2, 2)).flatten().tolist() == make(0, 1, 4).tolist()
    assert make(0, 1, 4, out=torch.zeros(3)).shape == (4,)


def test_out_of_another_size() -> None:
    """`out` takes shape and strides of the result, also where it was a view."""
    facts = [(torch.zeros(0), lambda o: torch.add(A.mT, 1, out=o), (12, 1, 4)),
             (torch.zeros(4)[:2], lambda o: torch.sum(A, 0, out=o), (4, 1)),
             (torch.zeros(0), lambda o: torch.quantile(A, Q, 0, out=o), (12, 4, 1))]
    for out, call, wanted in facts:
        if out.numel():
            with pytest.warns(UserWarning, match="was resized since it had shape"):
                assert call(out) is out
        else:
            assert call(out) is out
        assert out.stride() == wanted
    u, s, v = torch.svd(A[0], out=(torch.zeros(0), torch.zeros(0), torch.zeros(0)))
    torch.testing.assert_close(u * s @ v.mT, A[0], atol=1e-4, rtol=1e-4)
    given = [torch.zeros(0), torch.zeros(0, dtype=torch.int32), torch.zeros(0, dtype=torch.int32)]
    packed = torch.lu(torch.eye(2), get_infos=True, out=given)
    assert [x.tolist() for x in packed] == [[[1, 0], [0, 1]], [1, 2], 0]
    assert torch.lu(torch.eye(2), get_infos=True)._fields == ("LU", "pivots", "info")


@pytest.mark.parametrize("part, result, memory", [
    (lambda b: b[0, 1:2], [2, 2], [[0, 2, 2], [0, 0, 0]]), (lambda b: b.t(), [[2, 2]], [[2, 2, 0], [0, 0, 0]]),
    (lambda b: b.view(-1)[5:], [[2], [2]], [[0, 0, 0], [0, 0, 2]]), (lambda b: b.detach(), 2, [[2, 0, 0], [0, 0, 0]]),
])
def test_a_view_as_out_of_another_size_is_written_in_its_memory(part: Any, result: Any, memory: list) -> None:
    base = torch.zeros(2, 3)
    out = part(base)
    value = torch.tensor(result)
    with pytest.warns(UserWarning, match="was resized since it had shape"):
        assert torch.add(value, 0, out=out) is out
    assert out.tolist() == result and base.tolist() == memory


def test_views_of_an_out_of_another_size_see_it() -> None:
    base = torch.zeros(4)
    part, square = base[1:3], base.view(2, 2)
    with pytest.warns(UserWarning, match="was resized since it had shape"):
        torch.add(torch.ones(2, 3), 1, out=base)
    assert base.shape == (2, 3) and part.tolist() == [2, 2] and square.tolist() == [[2, 2], [2, 2]]
    with pytest.warns(UserWarning, match="was resized since it had shape"):
        torch.add(torch.ones(1), 2, out=base)
    assert base.tolist() == [3] and square.tolist() == [[3, 2], [2, 2]]


def test_masked_fill_nodes() -> None:
    """The node is numbered by what fills: a number or a tensor."""
    x, m = torch.ones(2, requires_grad=True), torch.tensor([True, False])
    assert [x.masked_fill(m, v).grad_fn.name() for v in (2.0, torch.tensor(2.0))] == ["MaskedFillBackward0", "MaskedFillBackward1"]


IMAGE = {name: torch.ones(1, 2, 4, 4, dtype=getattr(torch, name)) for name in ("int64", "int32", "uint8", "bool", "complex64")}
REFUSED = [     # call, dtypes, kernel: "..." not implemented for 'Long'
    (lambda x: F.adaptive_avg_pool2d(x, 2), "int64 uint8 complex64", "adaptive_avg_pool2d"),
    (lambda x: F.adaptive_max_pool1d(x[0], 2), "int64 bool complex64", "adaptive_max_pool2d"),
    (lambda x: F.avg_pool2d(x, 2), "int32 uint8 bool complex64", "avg_pool2d"),
    (lambda x: F.max_pool1d(x[0], 2), "int64", "max_pool1d_impl"), (lambda x: F.max_pool2d(x, 2), "bool complex64", "max_pool2d"),
    (lambda x: F.interpolate(x, (2, 2), mode="area"), "int64 uint8", "adaptive_avg_pool2d"),
    (lambda x: F.interpolate(x, (2, 2), mode="bicubic"), "int64 complex64", "compute_indices_weights_cubic"),
    (lambda x: F.interpolate(x, (2, 2)), "int64 bool", "compute_indices_weights_nearest"),
    (lambda x: F.unfold(x, 2), "int64", "im2col_out_cpu"),
    (lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"), "bool", "reflection_pad2d"),
    (lambda x: F.conv2d(x, x), "bool", "slow_conv2d_cpu"),
    (lambda x: F.conv_transpose2d(x, x[:, :1].expand(2, 1, 4, 4)), "uint8", "slow_conv_transpose2d_out_cpu"),
    (lambda x: F.mse_loss(x, x), "int64 complex64", "mse_cpu"), (lambda x: F.huber_loss(x, x), "int64 complex64", "huber_cpu"),
    (lambda x: F.binary_cross_entropy(x, x), "uint8 complex64", "binary_cross_entropy"),
    (lambda x: F.nll_loss(x[0, 0], torch.zeros(4, dtype=torch.int64)), "int64 complex64", "nll_loss_out_frame"),
    (lambda x: F.multi_margin_loss(x[0, 0], torch.zeros(4, dtype=torch.int64)), "int64", "multi_margin_loss_cpu_kernel"),
    (lambda x: F.group_norm(x, 1), "int64 complex64", "GroupNormKernelImpl"), (lambda x: F.softsign(x), "bool", "abs_cpu"),
    (lambda x: torch.round(x, decimals=2), "int64", "round_cpu"), (lambda x: torch.logaddexp2(x, x), "complex64", "logaddexp2_cpu"),
    (lambda x: special.bessel_j0(x), "complex64", "bessel_j0_cpu"), (lambda x: special.erfcx(x), "complex64", "erfcx_cpu"),
    (lambda x: special.hermite_polynomial_h(x, 2), "complex64", "hermite_polynomial_h_cpu"),
    (lambda x: F.rms_norm(x, (4,)), "int64", "rms_norm"),
    (lambda x: x[0, 0, 0, 0].softmax(0), "int64", "softmax_lastdim_kernel_impl"),
    (lambda x: x[0, 0].scatter_reduce(0, torch.zeros(1, 1, dtype=torch.int64), x[0, 0], "amax"), "complex64",
     "scatter_gather_tensor_cpu_reduce_amax"),
    (lambda x: x.median(1), "complex64", "median_out"), (lambda x: x.mode(), "complex64", "mode_cpu"),
    (lambda x: F.fractional_max_pool2d(x, 2, 2, _random_samples=torch.ones(1, 2, 2, dtype=x.dtype)), "int64",
     "fractional_max_pool2d_out_frame"),
]


def test_refused_dtypes() -> None:
    """Integers, bool and complex numbers where PyTorch has no kernel for them."""
    for call, names, kernel in REFUSED:
        for name in names.split():
            with pytest.raises(NotImplementedError, match=f'"{kernel}" not implemented for') as refused:
                call(IMAGE[name])
            assert str(refused.value).endswith({"int64": "'Long'", "int32": "'Int'", "uint8": "'Byte'", "bool": "'Bool'",
                                                "complex64": "'ComplexFloat'"}[name])


@pytest.mark.parametrize("call,error,sentence", [
    (lambda: special.hermite_polynomial_h(2, 3), TypeError, r"special_hermite_polynomial_h\(\) received an invalid combination"),
    (lambda: torch.ormqr(torch.ones(5, 1), torch.ones(5), torch.ones(5, 5)), RuntimeError, r"torch.ormqr: tau.shape\[-1\] must be"),
    (lambda: torch.multinomial(torch.ones(2), 1, out=torch.ones(1)), RuntimeError, "multinomial expects Long tensor out, got: Fl"),
    (lambda: torch.narrow_copy(torch.ones(3), 0, 0, -1), RuntimeError, r"start \(0\) \+ length \(-1\) exceeds dimension size \("),
    (lambda: torch.narrow_copy(torch.ones(3), 3, 0, 0), RuntimeError, "Expected dim < static_cast"),
    (lambda: torch.narrow_copy(torch.ones(()), 0, 0, 1), RuntimeError, r"narrow\(\) cannot be applied to a 0-dim tensor"),
    (lambda: torch.logdet(torch.ones(2, 2, dtype=torch.float16)), RuntimeError, "logdet: Low precision dtypes not supported. Got"),
    (lambda: F.kl_div(IMAGE["complex64"], IMAGE["complex64"], reduction="sum"), RuntimeError,
     "kl_div: Complex inputs not supported"),
    (lambda: F.adaptive_avg_pool1d(IMAGE["int64"][0], 1), RuntimeError, r"mean\(\): could not infer"),
    (lambda: F.smooth_l1_loss(IMAGE["bool"], IMAGE["bool"]), RuntimeError, "Subtraction, the `-` operator, with two bool tensors"),
    (lambda: F.poisson_nll_loss(IMAGE["bool"], IMAGE["bool"]), RuntimeError, "Subtraction, the `-` operator, with a bool tensor"),
    (lambda: torch.lu(torch.eye(2), out=[torch.ones(0)]), TypeError, "expected tuple of 2 elements but got 1"),
])
def test_refusals(call: Any, error: type[Exception], sentence: str) -> None:
    """PyTorch's classes and first sentences."""
    with pytest.raises(error, match=sentence):
        call()


def test_fractional_max_pool() -> None:
    """Where the windows begin follows from the numbers drawn: the width's first in two dims, in order in three."""
    x, drawn = torch.arange(144.0).reshape(1, 2, 9, 8), torch.tensor([[[0.3, 0.8], [0.6, 0.1]]])
    values, places = F.fractional_max_pool2d(x, (2, 3), (4, 3), _random_samples=drawn, return_indices=True)
    assert places[0, 0].tolist() == [[10, 13, 15], [34, 37, 39], [50, 53, 55], [66, 69, 71]] and places.dtype is torch.int64
    assert values[0, 1, :, 0].tolist() == [82, 98, 114, 138]
    y = torch.arange(120.0).reshape(1, 6, 4, 5).requires_grad_()
    module = torch.nn.FractionalMaxPool3d(2, output_ratio=(0.4, 0.5, 0.5), _random_samples=torch.tensor([[[0.9, 0.1, 0.5]]]))
    assert repr(module) == "FractionalMaxPool3d()" and list(module.state_dict()) == ["_random_samples"]
    module(y).sum().backward()
    assert y.grad.nonzero().tolist() == [[0, z, r, c] for z in (1, 5) for r in (1, 3) for c in (1, 4)]
    assert F.fractional_max_pool2d(x, 3, output_size=2).shape == (1, 2, 2, 2)
    for call, sentence in [(lambda: F.fractional_max_pool2d(x, 3), "requires specifying either an output_size"),
                           (lambda: torch.nn.FractionalMaxPool2d(3, output_size=2, output_ratio=0.5), "only one of output_size"),
                           (lambda: torch.nn.FractionalMaxPool2d(3, output_ratio=1.5), "must be between 0 and 1")]:
        with pytest.raises(ValueError, match=sentence):
            call()
    with pytest.raises(RuntimeError, match=r"fractional_max_pool2d\(\): pool height 3 too large relative to input height 9"):
        F.fractional_max_pool2d(x, 3, output_size=9)


def test_exponentials_of_matrices_are_as_good_as_the_dtype():
    """JAX's own halves a matrix once too seldom, which costs three digits."""
    for scale in (0.1, 1.0, 3.0, 10.0):
        a = (torch.arange(9.0).reshape(3, 3) / 5 + torch.eye(3)) * scale
        right = torch.linalg.matrix_exp(a.double())
        assert ((torch.linalg.matrix_exp(a).double() - right).abs().max() / right.abs().max()).item() < 1e-5
    x = (torch.arange(4.0, dtype=torch.float64).reshape(2, 2)).requires_grad_()
    assert torch.autograd.gradcheck(torch.linalg.matrix_exp, x) and torch.autograd.gradgradcheck(torch.linalg.matrix_exp, x)


def test_losses_at_the_edges() -> None:
    """A target that is no probability, and the shape of a loss of one sample."""
    target = torch.tensor([-0.5, 0.0, 1.0], requires_grad=True)
    loss = F.kl_div(torch.zeros(3), target, reduction="none")
    assert loss.isnan().tolist() == [True, False, False] and loss[1:].tolist() == [0.0, 0.0]
    loss.sum().backward()
    assert target.grad.isnan().tolist() == [True, True, False] and target.grad[2] == 1
    for target, shape in ((torch.tensor([1]), (1,)), (torch.tensor(1), ())):
        assert F.multi_margin_loss(torch.ones(3), target, reduction="none").shape == shape
        assert F.multi_margin_loss(torch.ones(1, 3), target, reduction="none").shape == shape


def test_lanczos_and_pools_by_the_largest_number() -> None:
    x = torch.arange(8.0).square().reshape(1, 1, 2, 4)
    found = F.interpolate(x, (1, 3), mode="lanczos", antialias=True)
    assert found.flatten().tolist() == pytest.approx([8.6629248, 16.25, 27.431427])
    assert F.interpolate(x.byte(), (2, 3), mode="lanczos", antialias=True).flatten().tolist() == [0, 2, 8, 17, 30, 47]
    for given, options, message in ((x, {}, "Lanczos mode requires antialias=True"),
                                    (x, {"antialias": True, "align_corners": True}, "Lanczos mode does not support align_corners"),
                                    (x[0], {"antialias": True}, "Anti-alias option is restricted to bilinear")):
        with pytest.raises(ValueError, match=message):
            F.interpolate(given, 3, mode="lanczos", **options)
    y = torch.tensor([[[-3.0, 1, 2, -0.5]]], requires_grad=True)
    assert F.lp_pool1d(y, float("inf"), 2).tolist() == [[[3, 2]]] and F.lp_pool1d(y, -float("inf"), 2).tolist() == [[[1, 0.5]]]
    assert type(F.lp_pool2d(y, float("inf"), (1, 2)).grad_fn).__name__ == "MaxPool2DWithIndicesBackward0"


def test_a_convolution_of_no_channels_gives_none() -> None:
    bias = torch.ones(8, requires_grad=True)
    out = F.conv2d(torch.ones(2, 0, 5, 5), torch.ones(8, 0, 2, 2), bias)
    out.sum().backward()
    assert out.shape == (2, 0, 4, 4) and bias.grad.tolist() == [0] * 8


def test_functions_of_functional_in_place() -> None:
    for name, options, wanted in [("elu_", {"alpha": 2.0}, 2 * (math.exp(-1) - 1)), ("leaky_relu_", {"negative_slope": 0.5}, -0.5),
                                  ("hardtanh_", {"min_val": -0.25}, -0.25), ("celu_", {}, math.exp(-1) - 1),
                                  ("threshold_", {"threshold": 0, "value": 3}, 3.0), ("rrelu_", {}, -(1 / 8 + 1 / 3) / 2)]:
        x = -torch.ones(2)
        assert getattr(F, name)(x, **options) is x and x[0].item() == pytest.approx(wanted), name
    assert F.conv_tbc is torch.conv_tbc and F.native_channel_shuffle is torch.native_channel_shuffle


def test_padding_that_takes_away_more_than_there_is_takes_from_what_it_puts_on() -> None:
    x = torch.arange(4.0).reshape(1, 4).requires_grad_()
    for pad, mode, wanted in [((-5, 3), "reflect", [1, 0]), ((3, -6), "reflect", [3]), ((-5, 3), "replicate", [3, 3]),
                              ((3, -6), "replicate", [0]), ((-1, 2), "replicate", [1, 2, 3, 3, 3])]:
        assert F.pad(x, pad, mode).tolist() == [wanted]
    F.pad(x, (-5, 3), "reflect").sum().backward()
    assert x.grad.tolist() == [[1, 1, 0, 0]]


def test_a_threshold_is_not_rounded_to_the_type_of_the_input() -> None:
    x = torch.tensor([0.1, 0.0996], dtype=torch.bfloat16)     # 0.10009765625 and 0.099609375
    assert F.threshold(x, 0.1, 20).tolist() == [0.10009765625, 20]


def test_places_of_maxima_are_looked_at() -> None:
    x = torch.ones(1, 1, 2, 2)
    for places, message in [(torch.zeros(1, 1, 2, 2, dtype=torch.int32), "elements in indices should be type int64 but got: Int"),
                            (torch.full((1, 1, 2, 2), 99), r"Found an invalid max index: 99 \(output volumes are of size 4x4\)")]:
        with pytest.raises(RuntimeError, match=message):
            F.max_unpool2d(x, places, 2)
    with pytest.raises(RuntimeError, match=r"Given input size: \(2x1x3\). Calculated output size: \(2x1x0\)"):
        F.avg_pool1d(torch.ones(2, 3), 4)
    with pytest.raises(RuntimeError, match=r"adaptive_avg_pool2d: elements of output_size .* but received {1, -1}"):
        F.adaptive_avg_pool1d(torch.ones(2, 3), -1)


def test_one_sample_without_a_batch() -> None:
    """Its class may come in a list of one."""
    x = torch.tensor([1.0, 2.0, 4.0])
    for target in (torch.tensor([1]), torch.tensor(1)):
        for reduction in ("none", "mean", "sum"):
            loss = F.cross_entropy(x, target, reduction=reduction)
            assert loss.shape == () and loss.item() == pytest.approx(2.1698461)
            assert F.nll_loss(x, target, reduction=reduction).tolist() == -2


@pytest.mark.parametrize(("target_length", "loss"), [(0, 0.0), (1, float("inf"))])
def test_ctc_loss_of_no_times(target_length: int, loss: float) -> None:
    x = torch.log_softmax(torch.arange(6.0).reshape(1, 2, 3), 2).requires_grad_()
    found = F.ctc_loss(x, torch.ones(2, 2, dtype=torch.int64), [0, 1], [target_length, 1], reduction="none")
    assert found[0].item() == loss and found[1].item() == pytest.approx(-x[0, 1, 1].item())
    found.sum().backward()
    assert x.grad[0, 0].tolist() == [0, 0, 0] and x.grad[0, 1].abs().sum().item() > 0


@pytest.mark.parametrize(("text", "call"), [
    ("`nn.functional.upsample_nearest` is deprecated", lambda: F.upsample_nearest(torch.ones(1, 1, 2), 4)),
    ("`eps` parameter is deprecated and has no effect", lambda: F.gumbel_softmax(torch.ones(1, 2), eps=0.1)),
    ("Argument order of nn.functional.embedding_bag was changed",
     lambda: F.embedding_bag(torch.ones(3, 2), torch.tensor([0, 1]), torch.tensor([0])))])
def test_what_is_deprecated(text: str, call: Callable) -> None:
    with pytest.warns(UserWarning, match=text):
        assert round(call().sum().item()) in (4, 1, 2)


@pytest.mark.parametrize(("loss", "slopes"), [
    (F.l1_loss, [-1, 0, 0, 1]), (lambda x, y, **how: F.smooth_l1_loss(x, y, beta=0, **how), [-1, 0, 0, 1]),
    (F.smooth_l1_loss, [-1, 0, 0, 1]), (F.huber_loss, [-1, 0, 0, 1])])
def test_slopes_of_losses_of_equal_and_of_infinite_values(loss: Callable, slopes: list) -> None:
    x = torch.tensor([-torch.inf, 0.0, 2.0, torch.inf], requires_grad=True)
    loss(x, torch.tensor([0.0, 0.0, 2.0, 0.0]), reduction="sum").backward()
    assert x.grad.tolist() == slopes


def test_batch_norm_of_no_samples() -> None:
    layer, x = torch.nn.BatchNorm2d(3), torch.ones(0, 3, 2, 2, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == layer.bias.grad.tolist() == layer.running_mean.tolist() == [0] * 3
    assert layer.running_var.tolist() == [1] * 3 and x.grad.shape == x.shape


def test_bags_that_hold_infinity() -> None:
    weight = torch.tensor([[-torch.inf, torch.inf], [1, 2]])
    bags = F.embedding_bag(torch.tensor([0, 0, 1]), weight, torch.tensor([0, 1, 1]), mode="max")
    assert bags.tolist() == [[-torch.inf, torch.inf], [0, 0], [1, torch.inf]]


def test_pooling_to_nothing() -> None:
    x = torch.ones(1, 2, 4, 3, requires_grad=True)
    out, places = F.adaptive_max_pool2d(x, (0, 2), return_indices=True)
    assert out.shape == places.shape == (1, 2, 0, 2) and places.dtype is torch.int64
    assert F.adaptive_avg_pool1d(x[0], 0).shape == (2, 4, 0)


def test_what_align_corners_means_since_a_version_is_said() -> None:
    theta = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]], requires_grad=True)
    with pytest.warns(UserWarning, match="^Default grid_sample and affine_grid behavior has changed to align_corners=False"):
        grid = F.affine_grid(theta, (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="^Default grid_sample and affine_grid behavior has changed to align_corners=False"):
        F.grid_sample(torch.ones(1, 1, 2, 2), grid)
    with pytest.warns(UserWarning, match="^Since version 1.3.0, affine_grid behavior has changed for unit-size grids"):
        F.affine_grid(theta, (1, 1, 2, 1), align_corners=True)
    for _ in range(2):      # nothing is saved that a backward could free
        grid.backward(torch.ones(1, 2, 2, 2))
    assert theta.grad.tolist() == [[[0, 0, 8], [0, 0, 8]]]


ONE = torch.zeros(4, 1, 3)
PAIR = torch.tensor([[1, 2]])


@pytest.mark.parametrize(("error", "text", "call"), [
    (RuntimeError, "blank must be in label range", lambda: F.ctc_loss(ONE, PAIR, [4], [2], blank=3)),
    (RuntimeError, "Expected input_lengths to have value at most 4, but got value 5", lambda: F.ctc_loss(ONE, PAIR, [5], [2])),
    (RuntimeError, "Expected tensor to have size at least 3 at dimension 1, but got size 2",
     lambda: F.ctc_loss(ONE, PAIR, torch.tensor([4]), torch.tensor([3]))),
    (RuntimeError, "Expected target_lengths to have value at least 0, but got value -2",
     lambda: F.ctc_loss(ONE, PAIR, torch.tensor([4]), torch.tensor([-2]))),
    (RuntimeError, "target_lengths must be of size batch_size", lambda: F.ctc_loss(ONE, PAIR, [4], [2, 2])),
    (RuntimeError, "input_lengths must be integral", lambda: F.ctc_loss(ONE, PAIR, torch.tensor([4.0]), [2])),
    (RuntimeError, "kernel size should be greater than zero, but got kernel_height: 0",
     lambda: F.unfold(torch.ones(1, 1, 3, 3), 0)),
    (RuntimeError, "stride should be greater than zero", lambda: F.fold(torch.ones(1, 4, 4), 3, 2, stride=0)),
    (RuntimeError, "bicubic interpolation only supports 4D input",
     lambda: F.grid_sample(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 2, 2, 2, 3), "bicubic", align_corners=True)),
    (NotImplementedError, "affine_grid only supports 4D and 5D sizes",
     lambda: F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2), False)),
    (ValueError, "Expected non-zero, positive output size", lambda: F.affine_grid(torch.ones(1, 2, 3), (1, 1, 0, 2), False)),
    (RuntimeError, "expected input to have non-empty spatial dimensions, but input has sizes \\[1, 1, 0, 2\\] with dimension 2",
     lambda: F.grid_sample(torch.ones(1, 1, 0, 2), torch.ones(1, 1, 1, 2), align_corners=False)),
    (RuntimeError, "calculated shape of the array of sliding blocks as \\(-4, -3\\), which is too small",
     lambda: F.fold(torch.ones(1, 12, 12), (4, 5), (2, 2), dilation=8)),
    (RuntimeError, "non-zero dimensions for input, but got: \\[1, 4, 0\\]", lambda: F.fold(torch.ones(1, 4, 0), 1, 2)),
    (RuntimeError, "It is expected output_size equals to 2, but got size 1", lambda: F.fold(torch.ones(1, 4, 4), (3,), 2)),
    (RuntimeError, "It is expected kernel_size equals to 2, but got size 1", lambda: F.unfold(torch.ones(1, 4, 4), (3,))),
    (RuntimeError, "0D target tensor expects 1D input tensors",
     lambda: F.cosine_embedding_loss(torch.ones(2), torch.ones(2, 2), torch.tensor(1))),
    (RuntimeError, "kernel_size must either be a single Int or tuple",
     lambda: F.fractional_max_pool2d(torch.ones(1, 1, 5, 5), (2,), output_size=3)),
    (RuntimeError, "output_size must either be a single Int or tuple",
     lambda: F.fractional_max_pool2d(torch.ones(1, 1, 5, 5), 2, output_size=(3,))),
    (RuntimeError, "There should be exactly three elements \\(depth, height, width\\) in kernel_size, but got 2 elements",
     lambda: F.max_unpool3d(torch.ones(1, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1, 1, dtype=torch.int64), [1, 1])),
    (ValueError, "output_size must contain non-negative spatial dimensions, but got output_size\\[0\\]=-1",
     lambda: F.max_unpool1d(torch.ones(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.int64), 1, 1, 1)),
    (ValueError, "should be a sequence containing 2 or 4 elements, but it has a length of '3'",
     lambda: F.max_unpool2d(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1, dtype=torch.int64), 1, output_size=(1, 1, 1))),
    (RuntimeError, "Storage size calculation overflowed with sizes=\\[2, 2, 1, 4611686018427387903\\]",
     lambda: F.adaptive_max_pool1d(torch.ones(2, 2, 2), 2**62 - 1)),
    (RuntimeError, "numel: integer multiplication overflow", lambda: F.adaptive_avg_pool2d(torch.ones(2, 2, 2), 2**62 - 1)),
    (RuntimeError, "input tensor must have at least one element, but got input_sizes = \\[0, 1\\]",
     lambda: torch.batch_norm_update_stats(torch.ones(0, 1), torch.ones(1), torch.ones(1), 0.1)),
    (RuntimeError, "^value cannot be converted to type int64_t without overflow",
     lambda: F.interpolate(torch.ones(1, 1, 4), scale_factor=1e20)),
    (RuntimeError, "^value cannot be converted to type int64_t without overflow",
     lambda: F.interpolate(torch.ones(1, 1, 4), scale_factor=float("nan"))),
    (RuntimeError, "^Storage size calculation overflowed with sizes=\\[1, 1, 4000000000, 4000000000\\]",
     lambda: F.interpolate(torch.ones(1, 1, 4, 4), scale_factor=1e9)),
    (RuntimeError, "kernel size should be greater than zero, but got kernel_height: 1 kernel_width: 0",
     lambda: F.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 0))),
    (RuntimeError, "kernel size should be greater than zero, but got: 1 x 2 x 0 \\(TxHxW\\)",
     lambda: F.conv_transpose3d(torch.ones(1, 1, 3, 3, 3), torch.ones(1, 1, 1, 2, 0))),
    (RuntimeError, "expected 4D input and grid with same number",
     lambda: F.grid_sample(torch.ones(1, 1, 2, 2), torch.zeros(1, 2, 2), align_corners=False)),
    (RuntimeError, "bilinear\\(\\): input batch dimensions do not match at dim 0: got 2 and 3",
     lambda: F.bilinear(torch.ones(2, 3), torch.ones(3, 4), torch.ones(5, 3, 4))),
    (RuntimeError, "bilinear\\(\\): bias size does not match weight size: got 4 but expected 5",
     lambda: F.bilinear(torch.ones(2, 3), torch.ones(2, 4), torch.ones(5, 3, 4), torch.ones(4))),
    (RuntimeError, "Input batch size 3 doesn't match hidden1 batch size 1",
     lambda: torch.nn.LSTMCell(2, 4)(torch.ones(3, 2), (torch.ones(3, 4), torch.ones(1, 4)))),
    (RuntimeError, "hidden1 has inconsistent hidden_size: got 1, expected 4",
     lambda: torch.nn.LSTMCell(2, 4)(torch.ones(3, 2), (torch.ones(3, 4), torch.ones(3, 1)))),
    (ValueError, "recompute_scale_factor is not meaningful with an explicit size",
     lambda: F.interpolate(torch.ones(1, 1, 4), size=2, recompute_scale_factor=True)),
])
def test_refusals_of_functional(error: type[Exception], text: str, call: Callable) -> None:
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("plus", [lambda x: x + 0.0, lambda x: 0 + x, lambda x: x.add(0) * 1, lambda x: x.clone().add_(0.0)])
def test_minus_zero_and_zero_is_zero(plus: Callable) -> None:
    x = torch.tensor([-0.0, 0.0, 3.0, math.inf, math.nan], requires_grad=True)
    y = plus(x)
    y.sum().backward()
    assert str(y.detach()) == "tensor([0., 0., 3., inf, nan])" and x.grad.tolist() == [1.0] * 5
    assert str(torch.tensor([-0.0]) + -0.0) == "tensor([-0.])"
