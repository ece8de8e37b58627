"""Views, strides, storages: against numpy (random chains), against what torch answered (tools/record_layouts.py), and gradients."""
from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from counting import counting
from hypothesis import given, settings
from hypothesis import strategies as st
from op_calls import arranged, first_cases, recorded, strides_of
from op_golden import flat_tensors
from view_expressions import answers

import torchish as torch
from torchish.tape import stats

GOLDEN = json.loads((Path(__file__).parent / "golden" / "layouts.json").read_text())

# Results whose strides differ from torch's: why.
OTHER_STRIDES = {
    "fft_": "XLA transforms the dimensions in another order",
    "linalg_solve/": "the right side may be a vector or a matrix; row-major here",
    "linalg_solve_ex/": "as linalg_solve",
    "linalg_lstsq/": "as linalg_solve",
    "linalg_tensorinv/": "as linalg_inv of a matrix that has other dimensions",
    "einsum_core/": "torch permutes the result of a product",
    "kron/": "as einsum_core", "rot90/": "torch flips and transposes", "adaptive_avg_pool3d/1": "a mean where the size is 1",
    "binary_cross_entropy_with_logits/1": "torch begins with the second operand",
    "_take_along_dim/": "row-major here",
    "index/": "row-major here",
}
# Expressions answered otherwise: why.
OTHERWISE = {
    "c.conj()": "conjugates are computed, not kept as a view",
    "h.view(torch.int16)": "a view of another dtype says that it is one",
    "h.view(torch.int64)": "as above", "h[2:].view(torch.int64)": "as above", "h[2:].view(torch.int16)": "as above",
    "h.view(3,4).t().view(torch.float32)": "as above", "h.view(3,4)[:, :2].view(torch.int64)": "as above",
    "h.view(3,4)[:, 1:3].view(torch.int64)": "the offset of a view is found out when it is asked for",
    "(z.data.add_(1),z._version)[1]": "data shares the version counter",
    "z.as_strided_((2,2),(1,1))": "it becomes a view of a tensor that nobody else sees",
    "z.view()": "torch lists its signatures",
    "torch.stack([x,x])": "torch stacks channels_last tensors in their format",
    "x[[0,1]]": "what is picked by a tensor is row-major here",
    "torch.einsum('nchw,cd->ndhw',x,torch.randn(3,3))": "torch permutes the result of a product",
    "t.nonzero()": "torch fills it column by column",
    "F.instance_norm(x)": "torch views the result of a batch norm", "t.repeat_interleave(2,0)": "torch flattens an expanded copy",
    "torch.linalg.solve(torch.eye(4),t)": "row-major here",
    "torch.fft.": "XLA transforms the dimensions in another order",
}


def _excused(text: str, reasons: dict[str, str]) -> bool:
    return any(text.startswith(name) for name in reasons)


@pytest.mark.parametrize("view", [False, True])
def test_what_becomes_a_view_without_grad_mode_keeps_its_history(view):
    x = torch.arange(6.).reshape(2, 3).requires_grad_()
    y = (x * x)[:, :2] if view else x * x
    with torch.no_grad():
        y.t_()
    assert y.grad_fn.name() == "TBackward0"
    (y * torch.ones(y.shape)).sum().backward()
    assert torch.equal(x.grad, 2 * x.detach() * torch.tensor([1., 1., 0. if view else 1.]))


def test_strides_of_every_op() -> None:
    wrong, checked = {}, 0
    for case in first_cases():
        for layout in ("columns", "columns first", "turned", "channels last", "channels last first"):
            wanted = GOLDEN["ops"].get(f"{case.key} {layout}")
            if wanted is None or _excused(case.key, OTHER_STRIDES):
                continue
            arrange = arranged(layout)
            found = strides_of(flat_tensors(recorded(case, lambda a, arrange=arrange: torch.from_numpy(arrange(a)))))
            checked += 1
            if found != wanted:
                wrong[f"{case.key} {layout}"] = (wanted, found)
    assert not wrong
    assert checked > 900


def test_expressions() -> None:
    wrong = {e: (GOLDEN["expressions"][e], found) for e, found in answers(torch).items()
             if not _excused(e, OTHERWISE) and found != GOLDEN["expressions"][e]}
    assert not wrong


# ---- random chains of views and writes, and numpy's answer ----
def _see(kind: str, k: int, x: Any, n: np.ndarray) -> tuple[Any, np.ndarray] | None:
    """One more view of a tensor and of the numpy array beside it."""
    if kind == "transpose" and n.ndim:
        return x.transpose(0, -1), n.swapaxes(0, -1)
    if kind == "row" and n.ndim > 1:
        return x[k % len(n)], n[k % len(n)]
    if kind == "part" and n.ndim and n.shape[-1] > 2:
        return x[..., k % 2::1 + k % 3], n[..., k % 2::1 + k % 3]
    if kind == "narrow" and n.ndim and len(n) > 2:
        return x.narrow(0, 1, 2), n[1:3]
    if kind == "unsqueeze":
        return x.unsqueeze(k % (n.ndim + 1)), np.expand_dims(n, k % (n.ndim + 1))
    if kind == "flat" and x.is_contiguous():
        return x.view(-1), n.reshape(-1)
    if kind == "diagonal" and n.ndim > 1:
        diagonal = n.diagonal()
        diagonal.setflags(write=True)
        return x.diagonal(), diagonal
    if kind == "unfold" and n.ndim and len(n) > 2:
        return x.unfold(0, 2, 2), np.moveaxis(np.lib.stride_tricks.sliding_window_view(n, 2, 0, writeable=True)[::2], 0, 0)
    if kind == "detach":
        return x.detach(), n
    return None


def _write(kind: str, k: int, x: Any, n: np.ndarray) -> None:
    if kind == "fill":
        x.fill_(k)
        n[...] = k
    elif kind == "add":
        x.add_(k)
        n += k
    elif kind == "item" and n.ndim:
        x[k % len(n)] = -k
        n[k % len(n)] = -k
    elif kind == "copy":
        x.copy_(torch.arange(n.size, dtype=torch.float32).reshape(n.shape))
        n[...] = np.arange(n.size).reshape(n.shape)
    elif kind == "mul":
        x *= 2
        n *= 2


VIEWS = st.tuples(st.sampled_from(["transpose", "row", "part", "narrow", "unsqueeze", "flat", "diagonal", "unfold", "detach"]),
                  st.integers(0, 5), st.integers(0, 9))
WRITES = st.tuples(st.sampled_from(["fill", "add", "item", "copy", "mul"]), st.integers(1, 5), st.integers(0, 9))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(VIEWS, min_size=1, max_size=4), st.lists(WRITES, min_size=1, max_size=4), st.lists(VIEWS, max_size=2))
def test_writes_show_in_all_aliases(early: list, writes: list, late: list) -> None:
    n = np.arange(24, dtype=np.float32).reshape(4, 6)
    pairs = [(torch.from_numpy(n), n)]

    def more(views: list) -> None:
        for kind, k, which in views:
            made = _see(kind, k, *pairs[which % len(pairs)])
            pairs.extend([made] if made else [])
    more(early)
    for kind, k, which in writes:
        _write(kind, k, *pairs[which % len(pairs)])
    more(late)
    base = n.__array_interface__["data"][0]
    for x, seen in pairs:
        assert tuple(x.shape) == seen.shape
        np.testing.assert_array_equal(x.numpy(), seen)
        if seen.size:
            assert x.storage_offset() == (seen.__array_interface__["data"][0] - base) // 4
            assert all(a == 1 or s * 4 == t for a, s, t in zip(seen.shape, x.stride(), seen.strides, strict=True))
            assert x.data_ptr() - pairs[0][0].data_ptr() == x.storage_offset() * 4
    assert len({x.untyped_storage() for x, _ in pairs}) == 1


# ---- gradients through views that are written ----
def _rows(x: Any) -> Any:
    y = x * 1
    y[1].mul_(x[0])
    return y


def _column_of_transpose(x: Any) -> Any:
    y = x * 2
    y.t()[1].add_(x[:, 0] * x[:, 1])
    return y


def _view_then_base(x: Any) -> Any:
    y = x * 3
    v = y.view(-1)[::2]
    y.mul_(y)
    return v * v


def _overwritten(x: Any) -> Any:
    y = x * x
    y[:, 1:3] = x[:, :2] * 5
    return y.diagonal() * y[0, :3]


def _strided(x: Any) -> Any:
    y = x * 1
    y.as_strided((2, 2), (5, 2), 1).mul_(x[:2, :2])
    return y


GRADIENTS: list[tuple[Callable, Callable]] = [
    (_rows, lambda x: x.at[1].mul(x[0])),
    (_column_of_transpose, lambda x: (x * 2).at[:, 1].add(x[:, 0] * x[:, 1])),
    (_view_then_base, lambda x: ((x * 3) ** 2).reshape(-1)[::2] ** 2),
    (_overwritten, lambda x: (lambda y: jnp.diagonal(y) * y[0, :3])((x * x).at[:, 1:3].set(x[:, :2] * 5))),
    (_strided, lambda x: x.reshape(-1).at[np.array([1, 3, 6, 8])].set(
        x.reshape(-1)[np.array([1, 3, 6, 8])] * x[:2, :2].reshape(-1)).reshape(3, 4)),
]


@pytest.mark.parametrize(("ours", "pure"), GRADIENTS)
def test_gradients_through_written_views(ours: Callable, pure: Callable) -> None:
    start = np.linspace(0.5, 2, 12, dtype=np.float32).reshape(3, 4)
    x = torch.tensor(start, requires_grad=True)
    out = ours(x)
    weights = jnp.cos(jnp.arange(out.numel(), dtype=jnp.float32)).reshape(tuple(out.shape))
    (out * torch.from_numpy(np.array(weights))).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), jax.grad(lambda v: (pure(v) * weights).sum())(start), rtol=2e-5)


# ---- sharing survives what it survives in torch ----
def test_a_training_loop_in_channels_last_compiles_once() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.ReLU()).to(
        memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x = torch.ones(2, 2, 5, 5).to(memory_format=torch.channels_last)

    def step() -> float:
        optimizer.zero_grad()
        out = net(x)
        assert out.is_contiguous(memory_format=torch.channels_last) and not out.is_contiguous()
        loss = out.square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()
    step()
    step()
    with counting() as c:
        for _ in range(3):
            step()
    assert c.compiled == 0
    weight = net[0].weight
    assert weight.stride() == weight.grad.stride() == (18, 1, 6, 2)


def test_copies_share_what_the_originals_shared() -> None:
    x = torch.arange(6.)
    for a, b in (copy.deepcopy([x, x[2:4]]), pickle.loads(pickle.dumps([x, x[2:4]])), copy.deepcopy([x[2:4], x])[::-1]):
        a[2] = 9
        assert b.tolist() == [9, 3] and a.untyped_storage() == b.untyped_storage() and b.storage_offset() == 2
    assert x[2] == 2
    p = torch.nn.Parameter(torch.ones(2, 3).t())
    p.grad = torch.full((3, 2), 2.)
    q = copy.deepcopy(p)
    assert type(q) is torch.nn.Parameter and q.requires_grad and q.stride() == (1, 3)
    assert q.grad is None
    leaf = torch.ones(2, requires_grad=True)
    leaf.grad = torch.full((2,), 3.)
    assert copy.deepcopy(leaf).grad.tolist() == [3, 3] and copy.deepcopy(leaf).grad is not leaf.grad


def test_storages_are_seen_and_written() -> None:
    x = torch.arange(6.).reshape(2, 3)
    s = x.t().storage()
    assert list(s) == [0, 1, 2, 3, 4, 5] and len(x.untyped_storage()) == 24
    s[4] = 7
    assert x[1, 1] == 7
    y = torch.zeros(1).set_(x.untyped_storage(), 1, (2, 2), (3, 1))
    y += 10
    assert x.tolist() == [[0, 11, 12], [3, 17, 15]]


@pytest.mark.parametrize(("name", "args"), [("t_", ()), ("as_strided_", ((2, 2), (1, 2))), ("squeeze_", (0,))])
def test_to_be_seen_otherwise_counts_as_a_write(name, args):
    x = torch.arange(4.0, requires_grad=True)
    y = (x * 1).view(2, 2)
    row = y[0]
    assert getattr(y, name)(*args) is y and y._version == row._version == 1
    y.mul_(2)
    assert y._version == row._version == 2
    (y * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad.tolist() == ([2, 4, 6, 8] if name == "squeeze_" else [2, 6, 4, 8])


def test_as_strided_and_resize_in_place():
    x = torch.zeros(2, 3)
    assert x.resize_(1)._version == 1 and x.resize_(9)._version == 2
    x = torch.arange(4.0, requires_grad=True)
    y = x * 1
    (y.as_strided_((2,), (2,)) * torch.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [1, 0, 2, 0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x.as_strided_((2,), (2,))


def test_as_strided_of_a_conjugate():
    x = torch.tensor([1 + 2j, 3 - 1j, 4j])
    seen = x.conj().as_strided((2,), (2,))
    assert seen.tolist() == [1 - 2j, -4j] and seen.is_conj()
    seen.mul_(2j)
    assert x.tolist() == [4 - 2j, 3 - 1j, 8]
    leaf = x.clone().requires_grad_()
    assert torch.autograd.grad(leaf.conj().as_strided((2,), (2,)).sum(), leaf, torch.tensor(1j))[0].tolist() == [-1j, 0, -1j]


def test_augmented_writes_at_an_index_are_written_once() -> None:
    """`x[i] += y` hands the view back to `x[i] = `, which counts as a write and changes nothing."""
    def written(x: Any, once: bool) -> int:
        y = x[0, 1:]
        y += 1
        before = stats.nodes
        x[0, 1:] = y if once else y.clone()
        return stats.nodes - before

    x = torch.zeros(3, 4)
    assert (written(x, True), x._version) == (0, 2) and written(x, False) > 0
    assert x.tolist() == [[0, 2, 2, 2], [0] * 4, [0] * 4]
    w = torch.ones(3, requires_grad=True)
    y = w * 2
    y[1:] *= w[1:]
    with torch.no_grad():
        part = y[:1]
    y[:1] = part            # a value without a graph: no gradient comes from there
    y.sum().backward()
    assert w.grad.tolist() == [0, 4, 4]


@pytest.mark.parametrize("take", [lambda x: x.reshape(-1), torch.flatten, torch.squeeze, lambda x: x.expand(2, 3, 4)])
def test_views_of_views_made_where_nothing_is_recorded(take: Callable) -> None:
    with torch.no_grad():
        x = (torch.arange(12.0) + 1).view(3, 4)
    assert take(x).sum().item() == 78 * take(x).numel() / 12


def test_views_of_nothing_have_strides_and_may_be_written():
    x = torch.empty(0, 3, dtype=torch.complex64)
    pairs = torch.view_as_real(x)
    assert pairs.stride() == (6, 2, 1) and torch.view_as_complex(pairs).stride() == (3, 1) and x.imag.stride() == (6, 2)
    assert pairs.uniform_().shape == (0, 3, 2) and torch.empty(0, 1).expand(0, 4).add_(1).shape == (0, 4)


def test_data_that_is_set_is_the_memory_of_the_other():
    x = torch.zeros(4)
    part, alias, new = x[2:], x.detach(), torch.arange(4.0)
    x.data = new
    new.add_(1)
    part.add_(1)
    assert x.tolist() == new.tolist() == [1, 2, 3, 4] and part.tolist() == [1, 1] and alias.tolist() == [0, 0, 1, 1]
    x.mul_(2)
    assert new.tolist() == [2, 4, 6, 8] and x.data_ptr() == new.data_ptr() != part.data_ptr()
    seen = torch.zeros(3)
    whole = seen.view(3)
    whole.data = torch.ones(2)
    whole.add_(1)
    assert whole.tolist() == [2, 2] and seen.tolist() == [0, 0, 0]
    first, second = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.ones(2))
    first.data = second.data
    with torch.no_grad():
        second.add_(1)
        first[0] = 7
    assert first.tolist() == second.tolist() == [7, 2] and first.is_leaf and first.grad_fn is None
    first.sum().backward()
    assert first.grad.tolist() == [1, 1] and second.grad is None


def test_views_of_a_parameter_keep_what_it_was():
    weight = torch.nn.Parameter(torch.zeros(2, 3))
    row, data = weight[0], weight.data
    weight.data = torch.ones(2, 3)
    data.add_(5)
    assert data.tolist() == [[5] * 3] * 2 and row.tolist() == [5] * 3 and weight.tolist() == [[1] * 3] * 2
    row.sum().backward()
    assert weight.grad.tolist() == [[1] * 3, [0] * 3]
    weight.data += 1
    assert weight.tolist() == [[2] * 3] * 2 and weight._version == 0


def test_a_copy_of_copy_shares_the_memory():
    weight, plain = torch.nn.Parameter(torch.zeros(2)), torch.arange(3)
    plain.note = "seen"
    for x in (weight, plain):
        same = copy.copy(x)
        with torch.no_grad():
            same.add_(2)
        assert x.tolist() == same.tolist() and same.data_ptr() == x.data_ptr() and type(same) is type(x) and same.is_leaf
    assert copy.copy(plain).note == "seen" and copy.copy(weight).requires_grad and copy.copy(weight).grad is None
    made = copy.copy(weight * 2)
    assert made.requires_grad and made.is_leaf


@pytest.mark.parametrize("shape", [lambda x, n: x.view(2, n, 4), lambda x, n: x.reshape((n, 4, 2)), lambda x, n: x[:1].expand(n, 8),
                                   lambda x, n: x.view(x.size(0), n, 4).as_strided((n, 3, 4), (8, 2, 1))])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_sizes_given_as_tensors_that_are_not_computed_yet(shape: Callable, requires_grad: bool) -> None:
    w = torch.ones(8, requires_grad=requires_grad)
    for _ in range(2):      # the values of the sizes end the tape that the operand stands on
        x = torch.arange(16.).view(2, 8) * w
        y = shape(x, torch.div(torch.tensor(4), 2, rounding_mode="trunc"))
        assert (y + 1).tolist() == (shape(torch.arange(16.).view(2, 8), 2) + 1).tolist()
        if requires_grad:
            y.sum().backward()


def test_what_else_takes_a_tensor_that_is_not_computed_yet_for_a_number() -> None:
    two = torch.div(torch.tensor(4), 2, rounding_mode="trunc")
    assert torch.nn.functional.one_hot(torch.tensor([0, 1]), two).sum() == 2
    assert torch.zeros(two + 1, 2).sum(0).shape == (2,)


def test_the_data_of_a_result_is_replaced_and_its_graph_stays() -> None:
    w = torch.ones(3, requires_grad=True)
    for k in range(3):
        h = w * 2
        if k == 1:
            h.sum().item()      # its tape has ended
        old, part = h.data, h[:2]
        h.retain_grad()
        h.data = torch.tensor([1.0, 2.0, 3.0]) + k
        (h * h).sum().backward()
        assert h.grad_fn is not None and h.grad.tolist() == [2 * (n + k) for n in (1, 2, 3)]
        assert old.tolist() == [2, 2, 2] and part.tolist() == [2, 2]
        old.add_(5)
        assert h.tolist() == [1 + k, 2 + k, 3 + k]
    assert w.grad.tolist() == [24, 36, 48]
    square = torch.ones(2, 2, requires_grad=True) * torch.tensor([[1.0, 2], [3, 4]])
    square.data = square.data.t()
    assert square.tolist() == [[1, 3], [2, 4]] and square.requires_grad and square._version == 0
    wide = (w * 2).expand(2, 3)
    wide.data = torch.arange(6.0).view(2, 3)
    assert torch.autograd.grad((wide * wide).sum(), w)[0].tolist() == [12, 20, 28]
