"""Single facts about ops that PyTorch's database of sample inputs asks for, and that no rule gives: gradients, empty and odd input.

In: calls.  Out: the values that PyTorch 2.13 gives.
"""
from __future__ import annotations

import math

import pytest

import torchish as torch

INF = float("inf")


def slope(f, x: list, w: list) -> list:
    """The gradient of (f(x) * w).sum() in double precision, rounded."""
    dtype = torch.complex128 if isinstance(w[0][0], complex) else torch.float64
    x = torch.tensor(x, dtype=dtype, requires_grad=True)
    found, = torch.autograd.grad(f(x), x, torch.tensor(w, dtype=dtype))
    return [[complex(round(v.real, 4), round(v.imag, 4)) if isinstance(v, complex) else round(v, 4) for v in row]
            for row in found.tolist()]


def test_gradients_of_cholesky() -> None:
    """Of complex matrices it need not be Hermitian; what is not read of a factor gets a gradient, too."""
    a, w = [[2, 1j], [-1j, 3]], [[1 + 2j, 3], [1j, 1 - 1j]]
    assert slope(torch.linalg.cholesky, a, w) == [[0.6094 + 0.628j, -0.1581 - 0.5117j], [0.1581 + 0.5117j, 0.3162 - 0.3162j]]
    assert slope(lambda x: torch.linalg.cholesky(x, upper=True), a, w) == [
        [0.4326 - 0.0977j, 1.2188 - 0.1581j], [0.9025 + 0.1581j, 0.3162 + 0.3162j]]
    low, w = [[2.0, 0], [1, 3]], [[1.0, 2], [3, 4]]
    for inverse in (torch.cholesky_inverse, lambda x: torch.cholesky_solve(torch.eye(2, dtype=torch.float64), x)):
        assert slope(inverse, low, w) == [[-0.1389, -0.2685], [-0.2222, -0.1296]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0, 3)])
def test_norms_of_empty_matrices(shape: tuple[int, ...]) -> None:
    for order in ("fro", "nuc", 1, 2, INF):
        assert not torch.linalg.matrix_norm(torch.ones(shape), order).any()
    with pytest.raises(IndexError, match="non-zero size"):
        torch.linalg.matrix_norm(torch.ones(shape), -2)


def test_singular_values_at_the_tolerance_count_as_zero() -> None:
    torch.manual_seed(0)
    assert not torch.linalg.pinv(torch.randn(2, 5, 5), rtol=1.0).any()


def test_results_that_require_grad() -> None:
    x = torch.eye(3, 2).requires_grad_()
    assert [r.requires_grad for r in torch.linalg.lstsq(x, x)] == [True, True, False, False]
    p = torch.full((3,), 0.5, requires_grad=True)
    drawn = torch.bernoulli(p)
    drawn.sum().backward()
    assert drawn.grad_fn.name() == "BernoulliBackward0" and p.grad.tolist() == [0, 0, 0]


def test_as_strided_of_detached_leaves() -> None:
    base = torch.arange(10.0)
    for x, wanted in ((base.detach(), [0, 0, 0, 1, 3, 2, 4, 0, 0, 0]), (base[2:8].detach(), [0, 1, 3, 2, 4, 0])):
        y = x.requires_grad_().as_strided((2, 2), (1, 2), 3)
        (y * torch.tensor([[1.0, 2], [3, 4]])).sum().backward()
        assert y.tolist() == [[3, 5], [4, 6]] and x.grad.tolist() == wanted


def test_histogramdd() -> None:
    found = torch.histogramdd(torch.tensor([[0.0, 1], [1, 2], [1, 1]]), [2, 3], density=True, weight=torch.tensor([1.0, 2, 3]))
    assert [[round(v, 4) for v in row] for row in found.hist.tolist()] == [[1, 0, 0], [3, 0, 2]]
    assert repr(found).startswith("torch.return_types.histogramdd(\nhist=tensor([[1.0000, 0.0000, 0.0000],")
    assert torch.histogramdd(torch.ones(3, 1), [torch.tensor([0.0, 2, 1])]).hist.sum() == 3     # the edges may be in any order
    assert torch.histogramdd(torch.ones(0, 1), [2]).bin_edges[0].tolist() == [0, 0.5, 1]
    assert torch.histogramdd(torch.ones(2, 1), [2], range=[1, 1]).bin_edges[0].tolist() == [0.5, 1, 1.5]
    counts, edges = torch.histogram(torch.tensor([2.0, 2, 2.4]), 4, range=(2, 2))       # a range without width is made one wide
    assert counts.tolist() == [0, 0, 2, 1] and edges.tolist() == [1.5, 1.75, 2, 2.25, 2.5]
    assert torch.histogram(torch.ones(0), 2).bin_edges.tolist() == [0, 0.5, 1]


def test_counting_wraps_around() -> None:
    assert torch.arange(2.1, -2.9, -1, dtype=torch.uint8).tolist() == [2, 1, 0, 255, 254]
    assert torch.arange(0, 5.5, 2.5, dtype=torch.int32).tolist() == [0, 2, 4]
    out = torch.empty(2, 2, dtype=torch.int64)
    assert torch.arange(4, out=out) is out and out.tolist() == [[0, 1], [2, 3]]
    with pytest.warns(UserWarning, match="The number of elements in the out tensor of shape"):
        torch.arange(3, out=out)


def test_copies_of_views_are_row_major() -> None:
    x = torch.ones(2, 3)
    copies = torch.t_copy(x), torch.as_strided_copy(x, (3, 2), (1, 3)), torch.alias_copy(x.t()), torch.view_copy(x.t(), (3, 2))
    assert {c.stride() for c in copies} == {(2, 1)}


def test_unsafe_and_native_forms() -> None:
    parts = [torch.arange(6.0).view(3, 2), torch.arange(10.0, 15)[:, None]]
    assert torch._chunk_cat(parts, 0, 2).tolist() == [[0, 1, 2, 3, 10, 11, 12], [4, 5, 0, 0, 13, 14, 0]]
    x, mask = torch.arange(12.0).view(3, 4), torch.tensor([True, False, True])
    rows, columns = torch.tensor([0, 9, -1]), torch.tensor([1, 2, 3])
    assert torch._unsafe_masked_index(x, mask, [rows, columns], -5).tolist() == [1, -5, 11]
    added = torch._unsafe_masked_index_put_accumulate(x, mask, [rows, columns], torch.tensor([1.0, 2, 3]))
    assert (added - x).nonzero().tolist() == [[0, 1], [2, 3]] and (added - x).sum() == 4
    with_running, without = (torch._native_batch_norm_legit(torch.arange(6.0).view(3, 2), None, None, *running, True, 0.1, 1e-5)
                             for running in ((torch.zeros(2), torch.ones(2)), ()))
    assert without[1].tolist() == with_running[1].tolist() == [2, 3]


@pytest.mark.parametrize("n", [7, 8])
def test_spectra_of_real_input_are_symmetric(n: int) -> None:
    """Exactly: half of them is computed."""
    x = torch.sin(torch.arange(float(3 * n)) ** 2).view(3, n)
    for whole in (torch.fft.fft(x), torch.fft.ifft(x)):
        assert whole[:, 0].imag.eq(0).all() and torch.equal(whole[:, 1:], whole[:, 1:].flip(1).conj())
    assert torch.fft.fft(x)[:, n // 2].imag.eq(0).all() == (n == 8)
    torch.testing.assert_close(torch.fft.fftn(x, (4, 6), norm="ortho"), torch.fft.fftn(x + 0j, (4, 6), norm="ortho"))
    torch.testing.assert_close(torch.fft.ifftn(x, dim=(1, 0)), torch.fft.ifftn(x + 0j, dim=(1, 0)))


def test_lstsq_ranks_are_those_of_the_matrices() -> None:
    """One for each matrix, however many right sides there are for it."""
    found = torch.linalg.lstsq(torch.ones(1, 4, 2), torch.ones(3, 4, 2), driver="gelsd")
    assert [tuple(part.shape) for part in found] == [(3, 2, 2), (3, 2), (1,), (1, 2)] and found.rank.tolist() == [1]


@pytest.mark.parametrize(("n", "expected"), [(7, [[-2.387, 0.782, 51.912], [-1.409, 0.073, 38.843]]),
                                             (20, [[-86.501, 3.259, 1602.817], [4.478, -92.809, 1738.581]])])
def test_sampling_at_the_elements_themselves(n: int, expected: list) -> None:
    """The slope is that of the side to which PyTorch rounds; spatial transformers begin there."""
    theta, wave = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]], requires_grad=True), torch.arange(float(n * n)).view(1, 1, n, n)
    grid = torch.nn.functional.affine_grid(theta, (1, 1, n, n), align_corners=False)
    (torch.nn.functional.grid_sample(wave.sin(), grid, align_corners=False) * wave.cos()).sum().backward()
    assert theta.grad[0].flatten().tolist() == pytest.approx([v for row in expected for v in row], abs=5e-3)


def test_grouped_products_take_their_own_rows_and_no_program_for_each_division():
    torch.manual_seed(0)
    rows, experts = torch.randn(10, 8, requires_grad=True), torch.randn(3, 8, 16, requires_grad=True)
    counts = []
    for ends in ([2, 2, 9], [5, 6, 10]):
        offs = torch.tensor(ends, dtype=torch.int32)
        out = torch.nn.functional.grouped_mm(rows, experts, offs=offs)
        pieces = [rows[a:b] @ experts[g] for g, (a, b) in enumerate(zip([0, *ends], ends, strict=False))]
        want = torch.cat([*pieces, torch.zeros(10 - ends[-1], 16)])
        torch.testing.assert_close(out, want)
        for a, b in zip(torch.autograd.grad(out.sin().sum(), (rows, experts)),
                        torch.autograd.grad(want.sin().sum(), (rows, experts)), strict=True):
            torch.testing.assert_close(a, b)
        columns = torch._grouped_mm(experts.mT, rows.detach().T.contiguous(), offs)      # (3, 16, 8) x (8, 10)
        torch.testing.assert_close(columns, want.detach().T)
        before = len(torch.explain())
        terms = torch._grouped_mm(rows.detach().T, torch.ones(10, 2), offs).tolist()
        counts.append(len(torch.explain()) - before)
        sums = [rows[a:b].sum(0) for a, b in zip([0, *ends], ends, strict=False)]
        torch.testing.assert_close(torch.tensor(terms)[..., 0], torch.stack(sums).detach())
    assert counts == [1, 0]
    assert torch.nn.functional.grouped_mm(rows[None], experts[:1]).grad_fn.name() == "GroupedMmBackward0"
    with pytest.raises(RuntimeError, match="^Offsets have to be int32"):
        torch.nn.functional.grouped_mm(rows, experts, offs=torch.tensor([2, 3, 4]))
    with pytest.raises(RuntimeError, match="^Have to provide offsets if there is a 2d matrix"):
        torch.nn.functional.grouped_mm(rows, experts)
    with pytest.raises(RuntimeError, match="^expected m1 and m2 to have the same dtype, but got: float != c10::BFloat16"):
        torch.nn.functional.grouped_mm(rows, experts.bfloat16(), offs=torch.tensor([2, 3, 4], dtype=torch.int32))


def test_as_strided_of_what_a_detached_leaf_expands_to() -> None:
    x = torch.arange(3.0).detach().requires_grad_()
    y = x.expand(2, 3).as_strided((2, 3), (0, 1), 0)
    (y * torch.tensor([[1.0, 2, 3], [10, 20, 30]])).sum().backward()
    assert y.tolist() == [[0, 1, 2], [0, 1, 2]] and x.grad.tolist() == [11, 22, 33]


def test_incomplete_gamma_functions_of_large_and_infinite_orders() -> None:
    a, x = [1e4, 1e10, 2e6, 2e6, 3e6], [1e4, 1e10, 2.002e6, 1.999e6, 3.000001e6]
    low = [0.5013298083214526, 0.5000013298075828, 0.9213158358779656, 0.23978667092754513, 0.5003071058521582]
    for dtype, close in ((torch.float64, 1e-10), (torch.float32, 1e-6)):
        orders, places = torch.tensor(a[:2], dtype=dtype), torch.tensor(x[:2], dtype=dtype)
        assert torch.igamma(orders, places).tolist() == pytest.approx(low[:2], abs=3 * close)
    orders, places = torch.tensor(a, dtype=torch.float64), torch.tensor(x, dtype=torch.float64, requires_grad=True)
    assert torch.igamma(orders, places).tolist() == pytest.approx(low, abs=1e-10)
    assert torch.igammac(orders, places).tolist() == pytest.approx([1 - p for p in low], abs=1e-10)
    torch.igamma(orders, places).sum().backward()
    assert places.grad is not None and places.grad[1].item() == pytest.approx(1 / (2 * math.pi * 1e10) ** 0.5, rel=1e-3)
    edges = torch.tensor([0.0, 1.0, INF, -1.0])
    assert [str(v) for v in torch.igamma(torch.full((4,), INF), edges).tolist()] == ["0.0", "0.0", "nan", "nan"]
    assert [str(v) for v in torch.igammac(torch.full((4,), INF), edges).tolist()] == ["1.0", "1.0", "nan", "nan"]
