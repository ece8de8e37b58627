"""Sparse tensors in coordinate form: each result, made dense, is that of the dense tensors; gradients go to the values.

In: calls with sparse operands.  Out: the same calls with dense ones, torch's text and refusals.
"""
from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
from counting import counting

import torchish as torch

PLACES = [[0, 1, 1, 0], [2, 0, 2, 2]]       # one place twice
WEIGHTS = torch.arange(6.0).reshape(2, 3)


def sparse(values: Any = (3.0, 4.0, 5.0, 1.0)) -> torch.Tensor:
    return torch.sparse_coo_tensor(PLACES, values, (2, 3))


def other() -> torch.Tensor:
    return torch.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, -1.0], (2, 3))


def hybrid() -> torch.Tensor:
    return torch.sparse_coo_tensor([[1, 0, 1]], [[1.0, 2], [3, 4], [5, 6]], (3, 2))


def full(x: Any) -> Any:
    return x.to_dense() if isinstance(x, torch.Tensor) and x.is_sparse else x


ALIKE = {
    "products": lambda s, o, d: [
        s @ d.t(), d @ s.t(), s.mm(d.t()), s @ d[0], d[:, 0] @ s, s @ o.t(), torch.spmm(s, d.t()), torch.mv(s, d[1]),
        torch.addmm(d @ d.t(), s, d.t(), beta=2, alpha=3), torch.nn.functional.linear(d, s, d[:, 0]),
        torch.stack([s, s]).bmm(torch.stack([d.t(), d.t()]))],
    "arithmetic": lambda s, o, d: [
        s + o, s + s, s - o, d + s, d - s, s * 2, 2 * s, s / 2, -s, s * o, s * d, d * s, s ** 2, s // 2, torch.add(s, o, alpha=3),
        s * torch.tensor(2), s.clone().mul_(2), s.clone().add_(o), d.clone().add_(s)],
    "entries": lambda s, o, d: [
        s.abs(), o.relu(), s.sqrt(), torch.sin(s), s.log1p(), s.sign(), o.neg(), s.double(), s.to(torch.int32), torch.isnan(s),
        s.clone().neg_(), s.detach(), s.square(), s.any()],
    "shapes": lambda s, o, d: [
        s.t(), s.T, s.transpose(0, 1), s.permute(1, 0), s.unsqueeze(0), s.unsqueeze(-1), s[0], s[:, 2], s[..., 1], s[1, 0],
        s[None, 1], s.select(1, 2), s.index_select(1, torch.tensor([2, 2, 0])), torch.cat([s, o]), torch.cat([s, o], 1),
        torch.stack([s, o], 1), *s, *s.unbind(1), torch.zeros_like(s)],
    "sums": lambda s, o, d: [
        s.sum(), s.sum(0), s.sum(-1), torch.sum(s, (0, 1)), s.sum(0, keepdim=True), s.sum(dtype=torch.float64), s.norm(),
        s.norm(1)]}


@pytest.mark.parametrize("family", ALIKE)
def test_results_are_those_of_dense_tensors(family: str) -> None:
    calls = ALIKE[family]
    found = calls(sparse(), other(), WEIGHTS)
    expected = calls(sparse().to_dense(), other().to_dense(), WEIGHTS)
    for k, (x, y) in enumerate(zip(found, expected, strict=True)):
        assert full(x).dtype is y.dtype and x.shape == y.shape, k
        torch.testing.assert_close(full(x), y)


def test_hybrid_tensors() -> None:
    h, d = hybrid(), hybrid().to_dense()
    for x, y in [(h.sum(0), d.sum(0)), (h.sum(1), d.sum(1)), (h[1], d[1]), (h * d, d * d), (h.unsqueeze(2), d.unsqueeze(2)),
                 (h.index_select(0, torch.tensor([1, 1])), d[[1, 1]]), (h.coalesce(), d), (d.to_sparse(1), d),
                 (h.select(1, 1), d[:, 1])]:
        torch.testing.assert_close(full(x), y)
    assert (h.sparse_dim(), h.dense_dim(), h._nnz()) == (1, 1, 3)


SLOPES = [
    lambda s: s.to_dense() * WEIGHTS, lambda s: s.to_dense() ** 2, lambda s: (s @ WEIGHTS.t()) ** 2,
    lambda s: (s + other()).to_dense() * WEIGHTS, lambda s: (s * WEIGHTS).to_dense(), lambda s: (s @ s.t()).to_dense() ** 2,
    lambda s: s.sum(0).to_dense() * WEIGHTS[0], lambda s: WEIGHTS.t() @ s, lambda s: (s ** 2).to_dense(),
    lambda s: s.t().to_dense() ** 3]


@pytest.mark.parametrize("number", range(len(SLOPES)))
def test_gradients_go_to_the_values(number: int) -> None:
    """As they do where the dense tensor is put together by index_put."""
    found = []
    for make in (sparse, lambda v: torch.zeros(2, 3).index_put(tuple(torch.tensor(PLACES)), v, accumulate=True),
                 lambda v: sparse(v).coalesce()):
        v = torch.tensor([3.0, 4.0, 5.0, 1.0], requires_grad=True)
        found.append(torch.autograd.grad(SLOPES[number](make(v)).sum(), v)[0])
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[2], found[1])


def test_softmax_is_over_entries() -> None:
    s = torch.sparse_coo_tensor([[0, 0, 1], [0, 2, 1]], [1.0, 2.0, 7.0], (2, 3))
    shares = torch.softmax(torch.tensor([1.0, 2.0]), 0)
    torch.testing.assert_close(torch.sparse.softmax(s, 1).values(), torch.cat([shares, torch.ones(1)]))
    torch.testing.assert_close(torch.sparse.log_softmax(s, 1).values()[:2], shares.log())
    torch.testing.assert_close(torch.sparse.softmax(hybrid(), 1).to_dense()[0], torch.softmax(torch.tensor([3.0, 4.0]), 0))


def test_leaves() -> None:
    s = torch.sparse_coo_tensor(PLACES, [3.0, 4.0, 5.0, 1.0], (2, 3), requires_grad=True)
    assert s.requires_grad and s.is_leaf and s.grad is None
    (s @ WEIGHTS.t()).sum().backward()
    assert s.grad.is_coalesced() and s.grad._nnz() == 3
    torch.testing.assert_close(s.grad.values(), WEIGHTS.sum(0)[torch.tensor([2, 0, 2])])
    s.grad = None
    assert s.grad is None
    made = sparse(torch.ones(4, requires_grad=True))
    assert not made.is_leaf and made.grad_fn.name() == "SparseCooTensorWithDimsAndTensorsBackward0"


def test_text() -> None:
    assert repr(sparse()) == ("tensor(indices=tensor([[0, 1, 1, 0],\n                       [2, 0, 2, 2]]),\n"
                              "       values=tensor([3., 4., 5., 1.]),\n       size=(2, 3), nnz=4, layout=torch.sparse_coo)")
    assert str(torch.zeros(2, 2, dtype=torch.float64).to_sparse()) == (
        "tensor(indices=tensor([], size=(2, 0)),\n       values=tensor([], size=(0,)),\n"
        "       size=(2, 2), nnz=0, dtype=torch.float64, layout=torch.sparse_coo)")
    assert sparse().type() == "torch.sparse.FloatTensor" and sparse().layout is torch.sparse_coo


def test_copies_files_and_modules() -> None:
    s, file = sparse(), io.BytesIO()
    torch.save({"s": s.coalesce()}, file)
    file.seek(0)
    loaded = torch.load(file)["s"]
    assert loaded.is_coalesced()
    module = torch.nn.Linear(2, 2)
    module.register_buffer("adjacency", s)
    module.load_state_dict(module.state_dict())
    for x in (loaded, copy.deepcopy(s), pickle.loads(pickle.dumps(s)), module.double().adjacency.float()):
        assert x.is_sparse and torch.equal(x.to_dense(), s.to_dense())


def test_a_step_with_a_sparse_matrix_is_one_program() -> None:
    adjacency = torch.eye(4).roll(1, 0).to_sparse()
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    x = torch.ones(4, 3)

    def steps(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            torch.sparse.mm(adjacency, layer(x)).square().mean().backward()
            optimizer.step()
    steps(4)
    with counting() as seen:
        steps(20)
    assert seen.compiled == 0


REFUSED = [
    (lambda: sparse().indices(), RuntimeError, "Cannot get indices on an uncoalesced tensor"),
    (lambda: sparse().exp(), NotImplementedError, "Could not run 'aten::exp' with arguments from the 'SparseCPU' backend"),
    (lambda: sparse().numpy(), TypeError, "can't convert Sparse layout tensor to numpy"),
    (lambda: sparse() + WEIGHTS, RuntimeError, r"add\(sparse, dense\) is not supported"),
    (lambda: sparse() @ WEIGHTS, RuntimeError, "Expected dim 0 size 3, got 2"),
    (lambda: sparse() / WEIGHTS, RuntimeError, "Sparse division requires a scalar"),
    (lambda: sparse() ** 0, RuntimeError, "cannot raise to zeroth power"),
    (lambda: sparse().reshape(6), RuntimeError, "reshape is not implemented for sparse tensors"),
    (lambda: torch.sparse_coo_tensor(PLACES, [1.0], (2, 3)), RuntimeError, "must have same nnz"),
    (lambda: torch.sparse_coo_tensor(PLACES, [1.0] * 4, (2, 3, 1)), RuntimeError, "is not satisfied"),
    (lambda: torch.sparse_coo_tensor([[3]], [1.0], (2,), check_invariants=True), RuntimeError, "found index 3"),
    (lambda: torch.ones(2).coalesce(), RuntimeError, "coalesce expected sparse coordinate tensor layout"),
    (lambda: torch.ones(2).to_sparse_csr(), AttributeError, "compressed sparse layouts"),
    (lambda: torch.zeros(2, 3).copy_(sparse()), RuntimeError, "between dense and sparse Tensors is not implemented"),
    (lambda: sparse()[:1], NotImplementedError, "indexed by ints")]


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED)
def test_refusals(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_invariants_and_legacy_names() -> None:
    with torch.sparse.check_sparse_tensor_invariants(), pytest.raises(RuntimeError, match="negative index"):
        torch.sparse_coo_tensor([[-1]], [1.0], (2,))
    assert not torch.sparse.check_sparse_tensor_invariants.is_enabled()
    made = torch.sparse.DoubleTensor(torch.tensor(PLACES), torch.ones(4), torch.Size([2, 3]))
    assert made.dtype is torch.float64 and torch.sparse.FloatTensor(2, 3).shape == (2, 3)
    diagonals = torch.sparse.spdiags(torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([0, -1]), (3, 3))
    assert diagonals.to_dense().tolist() == [[1, 0, 0], [4, 2, 0], [0, 5, 3]]


def test_backward_begins_and_ends_at_sparse_tensors() -> None:
    a = torch.tensor([[0, 2.0, 0], [1, 0, 3]])
    s, all_ones = a.to_sparse().requires_grad_(), torch.ones(2, 3)
    wanted = [[0, 2, 0], [2, 0, 2]]
    for cotangent in (all_ones, all_ones.to_sparse()):
        got, = torch.autograd.grad(s * 2, s, cotangent)
        assert got.is_sparse and got.to_dense().tolist() == wanted
    (s * 2).backward(all_ones.to_sparse())
    assert s.grad.to_dense().tolist() == wanted
    got, = torch.autograd.grad((s * 2).to_dense().sum(), [s])
    assert got.is_sparse and got.to_dense().tolist() == wanted
    twice = torch.sparse_coo_tensor([[1, 1]], [1.0, 2], (3,), requires_grad=True)
    assert torch.autograd.grad((twice * 2).to_dense().sum(), twice)[0].to_dense().tolist() == [0, 2, 0]
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        torch.autograd.grad(s * 2, s)


def test_factories_of_sparse_tensors():
    x = torch.ones(2, 3)
    for made in (torch.zeros(2, 3, layout=torch.sparse_coo), torch.empty((2, 3), layout=torch.sparse_coo),
                 torch.zeros_like(x, layout=torch.sparse_coo), x.new_zeros(2, 3, layout=torch.sparse_coo)):
        assert made.layout is torch.sparse_coo and made.shape == (2, 3) and made._nnz() == 0
    assert torch.zeros(2, layout=torch.sparse_coo, dtype=torch.int64).dtype is torch.int64
    for fails in (lambda: torch.ones(2, layout=torch.sparse_coo), lambda: torch.full((2,), 1.0, layout=torch.sparse_coo)):
        with pytest.raises(RuntimeError, match="is not implemented for sparse layout"):
            fails()
    with pytest.raises(TypeError, match="argument 'layout' must be torch.layout, not int"):
        torch.zeros(2, layout=3)
    assert torch.zeros(2, layout=torch.strided).tolist() == [0, 0]
    assert torch.zeros_like(x.to_sparse(), layout=torch.strided).tolist() == [[0] * 3] * 2
    assert torch.zeros(2, layout=torch.sparse_coo, requires_grad=True).requires_grad


def test_a_dense_tensor_takes_no_sparse_gradient() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="assign grad.to_dense\\(\\)"):
        x.grad = torch.ones(2).to_sparse()
    x.grad = torch.ones(2).to_sparse().to_dense()
    assert x.grad.tolist() == [1, 1]
    x.backward(torch.tensor([0.0, 2]).to_sparse())
    assert x.grad.tolist() == [1, 3]

    class Fixed(torch.autograd.Function):
        """The identity, whose gradient is given."""

        @staticmethod
        def forward(ctx, x, gradient):
            ctx.save_for_backward(gradient)
            return x

        @staticmethod
        def backward(ctx, gradient):
            return ctx.saved_tensors[0], None

    for first, second in (("to_sparse", "clone"), ("clone", "to_sparse"), ("to_sparse", "to_sparse")):
        x.grad = None
        (Fixed.apply(x, getattr(torch.ones(2), first)()) + Fixed.apply(x, getattr(torch.ones(2), second)())).sum().backward()
        assert x.grad.tolist() == [2, 2]


def test_products_of_sparse_tensors_have_the_entries_of_both():
    a = torch.tensor([[1.0, 0, 2], [0, 0, 3]]).to_sparse().requires_grad_()
    b = torch.sparse_coo_tensor([[0, 1, 1], [1, 2, 2]], [4.0, 5.0, 1.0], (2, 3))
    c = a * b
    assert c.is_coalesced() and c.indices().tolist() == [[1], [2]] and c.values().tolist() == [18.0]
    c.values().sum().backward()
    assert a.grad.values().tolist() == [0, 0, 6] and (torch.zeros(2, 3).to_sparse() * b)._nnz() == 0


def test_sizes_of_what_has_entries_change_as_in_torch():
    x = torch.tensor([[1.0, 0], [0, 2]]).to_sparse()
    assert x.clone().resize_as_sparse_(x).to_dense().tolist() == [[1, 0], [0, 2]]
    assert x.clone().resize_as_sparse_(torch.sparse_coo_tensor(size=(2, 3))).to_dense().tolist() == [[1, 0, 0], [0, 2, 0]]
    for size, dims, text in (((1, 2), (2, 0), "shrinking the size of sparse dimensions"),
                             ((2, 2), (1, 1), "changing the number of sparse dimensions"),
                             ((2, 2, 3), (2, 1), "changing the number of dense dimensions")):
        with pytest.raises(RuntimeError, match=text):
            x.sparse_resize_(size, *dims)
    assert torch.sparse_coo_tensor(size=(4,)).sparse_resize_((2, 3), 1, 1).shape == (2, 3)


def test_parts_that_scripts_ask_for():
    x = torch.tensor([[1, 0], [0, 3]]).to_sparse()
    assert x.data.to_dense().tolist() == [[1, 0], [0, 3]]
    assert torch.as_tensor(x) is x and torch.as_tensor(x, dtype=torch.half).is_sparse
    assert x.new_zeros(3).layout is torch.sparse_coo and x.new_empty((2, 2)).dtype is torch.int64
    assert torch.sparse_coo_tensor(torch.zeros(2, 0), torch.zeros(0, 3)).shape == (0, 0, 3)
    hybrid = torch.sparse_coo_tensor([[0, 2]], [[1.0, 2.0], [3.0, 4.0]], (3, 2))
    assert hybrid.sum(0, True).tolist() == [[4, 6]] and hybrid.sum((0, 1), True).tolist() == [[10]]
    dense = torch.ones(2, 2)
    assert dense.mul_(x).tolist() == [[1, 0], [0, 3]] and x.mul_(2).to_dense().tolist() == [[2, 0], [0, 6]]
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        x.div_(3)
    with pytest.raises(RuntimeError, match="sspaddmm: expected 'mat2' to have strided layout"):
        torch.sspaddmm(x, x, x)


def test_results_are_written_into_what_is_given():
    x, out = sparse(), torch.sparse_coo_tensor((4, 3))
    assert torch.sin(x, out=out) is out and out.shape == (2, 3)
    torch.testing.assert_close(out.to_dense(), x.to_dense().sin())
    assert torch.add(x, x, out=torch.sparse_coo_tensor((2, 3), dtype=torch.double)).to_dense().tolist() == [[0, 0, 8], [8, 0, 10]]
    full = torch.zeros(2, 2)
    torch.mm(x, torch.ones(3, 2), out=full)
    assert full.tolist() == [[4, 4], [9, 9]]
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        torch.neg(x, out=torch.sparse_coo_tensor((2, 3), dtype=torch.long))
    for operand, into in ((x, full), (full, out)):
        with pytest.raises(RuntimeError, match=r"Expected self.is_sparse\(\) && result.is_sparse\(\) to be true"):
            torch.abs(operand, out=into)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int8])
def test_without_dims_the_dtype_stays(dtype: torch.dtype) -> None:
    assert torch.tensor(1, dtype=dtype).to_sparse().to_dense().dtype is dtype


def test_in_place_and_parts_as_in_torch():
    x = sparse().coalesce()
    assert x.floor_divide_(2)._values().tolist() == [2, 2, 2]
    assert x.t_().shape == (3, 2) and x._indices().tolist() == [[2, 0, 2], [0, 1, 1]]
    torch.testing.assert_close(sparse().coalesce().tanh_().to_dense(), sparse().to_dense().tanh())
    with pytest.raises(RuntimeError, match="sqrt_ requires coalesced input"):
        sparse().sqrt_()
    with pytest.raises(TypeError, match="Cannot assign to a sparse tensor"):
        x[0] = 1
    assert torch.sparse_coo_tensor([[0], [1]], [2.0], (2, 2)).is_coalesced() and not x._coalesced_(False).is_coalesced()
    part = sparse().narrow_copy(1, 1, 2)
    assert part.shape == (2, 2) and part.to_dense().tolist() == sparse().to_dense()[:, 1:].tolist()
    assert x.new(2, 3).shape == (2, 3) and x.new([[0], [1]], [2.0], (2, 2))._nnz() == 1 and not x.new_tensor([1]).is_sparse
    assert sparse().movedim(0, 1).shape == (3, 2) and sparse().H.shape == (3, 2)
    rows = torch.tensor([[0], [1]])
    kept = torch.sparse_coo_tensor(rows, 2.0, (2, 2))
    rows.resize_(1, 2)
    assert kept._indices().shape == (2, 1)


def test_a_copy_has_a_gradient_of_its_own():
    x, y = sparse(), other().requires_grad_()
    x.copy_(y)
    (x * 2).to_dense().sum().backward()
    assert y.grad.to_dense().tolist() == [[0, 2, 0], [2, 0, 0]] and not x.is_leaf


def test_put_together_along_dense_dims_and_without_entries():
    x = hybrid()
    torch.testing.assert_close(torch.cat([x, 2 * x], 1).to_dense(), torch.cat([x.to_dense(), 2 * x.to_dense()], 1))
    assert torch.vstack([sparse(), sparse()]).shape == (4, 3) and torch.hstack([sparse(), sparse()]).shape == (2, 6)
    nothing = torch.sparse_coo_tensor((3, 2))           # two sparse dims, where x has one
    assert (nothing + x).to_dense().tolist() == (x + nothing).to_dense().tolist() == x.to_dense().tolist()
    assert torch.stack([torch.sparse_coo_tensor((0, 3))] * 2).bmm(torch.ones(2, 3, 2)).shape == (2, 0, 2)
    with pytest.raises(RuntimeError, match="add: expected 'self' and 'other' to have same size, but self has size"):
        torch.ones(3, 3) + sparse()
    with pytest.raises(RuntimeError, match="numel: integer multiplication overflow"):
        torch.sparse_coo_tensor((2**16,) * 4)
